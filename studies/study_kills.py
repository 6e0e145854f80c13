"""How much does kill -9 cost a study? Only time: it ends with the same table.

    python studies/study_kills.py [--kills 12] [--seed 0] [--out results/study-kills.json]

A study of small networks on the bundled digits runs in two processes, once undisturbed and once
with kills and restarts: after some training steps, while it writes images or a score, and at any
time after its start. Each kill hits all processes at once, only the leader, or one worker and then
the others. At the end the table, the images of every cell, their scores and the weights of every
network must be identical, byte for byte, to those of the undisturbed study.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import psutil
import torch
import yaml

from jinc.metrics import DigitClassifier, save_digit_classifier

Process: TypeAlias = "subprocess.Popen[str]"

STUDY: dict[str, Any] = {
    "what": "Is the table the same?",
    "train": {
        **{"image_size": 8, "width": 8, "levels": 1, "timesteps": 10, "steps": 40},
        **{"batch_size": 4, "sample_every": 0, "log_every": 1, "checkpoint_every": 5},
    },
    "data": {"digits": {"data": "digits", "score": {"features": "$judge", "split": "all"}}},
    "variants": {
        "A": {"config": "A"},
        "D": {"config": "D@6"},
        "D, 4 steps": {"config": "D@6", "sample": {"steps": 4}},
    },
    "seeds": [0, 1, 2, 3],
    "baseline": "A",
    "sample": {"number": 600, "steps": 2},
    "scores": ["frechet", "kernel", "precision", "recall"],
}
MOMENTS = ("learning", "sampling", "scoring", "any")
VICTIMS = ("all", "the leader", "a worker, then all")
STARTING = 12.0
"""Approximate seconds until a study has started its work."""


def start(folder: Path, out: Path) -> Process:
    """Start or resume the study in its own process group."""
    command = [sys.executable, "-m", "jinc", "study", "run", folder / "study.yaml", "--jobs", "2"]
    return subprocess.Popen(
        [*map(str, command), "--out", str(out), "--place", f"judge={folder / 'judge'}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "JINC_CACHE": str(folder / "cache")},
    )


def finish(process: Process) -> None:
    """Wait for the study to end successfully."""
    said = process.communicate()[1]
    if process.returncode:
        raise RuntimeError(f"the study ended with {process.returncode}: {said}")


def progress(out: Path, moment: str) -> int:
    """Count the steps in logs, files of images, or scores."""
    if moment == "learning":
        return sum(len(log.read_bytes().splitlines()) for log in out.glob("runs/*/log.jsonl"))
    pattern = "cells/*/images/images-*" if moment == "sampling" else "cells/*/scores.json"
    return len([*out.glob(pattern)])


def ready(out: Path, moment: str, rng: random.Random) -> Callable[[], bool]:
    """Return a function that says when the moment for a kill has come."""
    if moment == "any":
        end = time.perf_counter() + rng.uniform(0, 2) * STARTING
        return lambda: time.perf_counter() >= end
    enough = progress(out, moment) + (rng.randint(1, 25) if moment == "learning" else 1)
    return lambda: progress(out, moment) >= enough


def kill(process: Process, victim: str) -> None:
    """Kill it with SIGKILL, and check that none of its processes survives."""
    workers = psutil.Process(process.pid).children(recursive=True)
    if victim == "the leader":
        process.kill()
    else:
        if victim != "all":
            with suppress(IndexError, psutil.NoSuchProcess):
                workers[-1].kill()
            time.sleep(1.0)  # the leader starts another
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=30)
    if alive:
        raise RuntimeError(f"{len(alive)} processes survived")


def digests(out: Path) -> Iterator[tuple[str, str]]:
    """Yield what must agree: table, images, weights, and scores except seconds and folders."""
    for pattern in ("table.json", "table.md", "cells/*/images/*.npy", "runs/*/model/*"):
        for file in out.glob(pattern):
            if file.is_file():
                yield str(file.relative_to(out)), hashlib.sha256(file.read_bytes()).hexdigest()
    for file in out.glob("cells/*/scores.json"):
        found = json.loads(file.read_text())
        del found["sampling_seconds"], found["generated"]["name"]  # the folder name
        yield str(file.relative_to(out)), json.dumps(found)


def study(folder: Path, kills: int, seed: int = 0) -> dict[str, Any]:
    """Run a study undisturbed and with kills, and compare the two."""
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    torch.manual_seed(0)
    save_digit_classifier(folder / "judge", DigitClassifier(), "mnist", {})
    rng = random.Random(seed)
    alone, killed = folder / "alone", folder / "killed"
    began = time.perf_counter()
    finish(start(folder, alone))
    undisturbed = time.perf_counter() - began

    moments, victims = Counter[str](), Counter[str]()
    began = time.perf_counter()
    for number in range(kills):
        moment, victim = MOMENTS[number % len(MOMENTS)], VICTIMS[number % len(VICTIMS)]
        waits, process = ready(killed, moment, rng), start(folder, killed)
        while not waits():
            if process.poll() is not None:
                raise RuntimeError(f"it ended too early: {process.communicate()[1]}")
            time.sleep(0.01)
        kill(process, victim)
        moments[moment] += 1
        victims[victim] += 1
        cells = progress(killed, "scoring")
        print(f"kill {number + 1}, {moment}, {victim}: {cells} cells scored", flush=True)
    finish(start(folder, killed))
    with_kills = time.perf_counter() - began
    one, other = dict(digests(alone)), dict(digests(killed))
    return {
        "kills": kills,
        "moments": dict(moments),
        "victims": dict(victims),
        "cells": len(json.loads((alone / "table.json").read_text())["cells"]),
        "files_compared": len(one),
        "files_that_differ": sorted(
            name for name in one.keys() | other.keys() if one.get(name) != other.get(name)
        ),
        "same_table": one["table.json"] == other["table.json"],
        "time_over_undisturbed": round(with_kills / undisturbed, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/study-kills.json"))
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        found = study(Path(folder), options.kills, options.seed)
    result = {
        "what": "a study killed by SIGKILL and restarted, against an undisturbed one: SHA-256 of "
        "table, images, scores except seconds and folders, and weights",
        **found,
        "study": STUDY,
        "seed_of_moments": options.seed,
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    print(json.dumps(result, indent=2))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
