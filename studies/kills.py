"""How much does kill -9 cost a training run? At most the steps since its last checkpoint.

    python studies/kills.py [--kills 50] [--seed 0] [--out results/kills.json]

A small run on the bundled digits is killed repeatedly, and resumed from the command line: while it
writes a checkpoint, at some step, and at any time after its start. After every kill all checkpoints
must be complete; at the end the run must agree, bit for bit, with an undisturbed one.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import torch

from jinc.train import Run
from jinc.train.checkpoint import load_checkpoint, load_newest
from jinc.train.retention import list_checkpoints

Process: TypeAlias = "subprocess.Popen[str]"

SETTINGS: dict[str, Any] = {
    **{"data": "digits", "config": "A", "width": 32, "levels": 1, "batch_size": 4},
    **{"timesteps": 20, "device": "cpu", "sample_every": 0, "log_every": 1},
    **{"checkpoint_every": 3, "keep": 2},
}
STEPS_PER_KILL = 12
KINDS = ("save", "step", "save", "any")
PARTS = 5
"""Files of a checkpoint: state, network, average, optimiser, manifest."""


def start(run: Run, steps: int) -> Process:
    """Start a run in its own process, or resume it."""
    settings = SETTINGS | {"steps": steps}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    code = "from jinc.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "train", f"--out={run.path}", "--resume", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def finish(process: Process) -> None:
    """Wait for a run to end successfully, without a warning."""
    said = process.communicate()[1]
    if process.returncode or "warning" in said:
        raise RuntimeError(f"the run ended with {process.returncode}: {said}")


def wait_until(holds: Callable[[], bool], process: Process) -> None:
    """Wait for a condition on a run."""
    while not holds():
        if process.poll() is not None:
            raise RuntimeError(f"the run ended too early: {process.communicate()[1]}")
        time.sleep(1e-4)


def logged(run: Run) -> int:
    """Return the last step in the log."""
    return max((entry["step"] for entry in run.read_log()), default=0)


def half_written(run: Run) -> set[tuple[Path, int]]:
    """Return the incomplete checkpoints, each with the time of its last change.

    The time distinguishes those being written now from those that earlier kills left.
    """
    found = set()
    for folder in run.checkpoints.glob(".writing-*"):
        with suppress(FileNotFoundError):  # it was renamed in the meantime
            found.add((folder, folder.stat().st_ctime_ns))
    return found


def kill(process: Process, ready: Callable[[], bool]) -> None:
    """Kill a run with SIGKILL at the given moment."""
    wait_until(ready, process)
    process.kill()
    said = process.communicate()[1]
    if "warning" in said:
        raise RuntimeError(f"the run found damage: {said}")


def check(run: Run) -> int:
    """Check that every checkpoint is complete, and return the step of the newest."""
    for path in list_checkpoints(run.checkpoints):
        load_checkpoint(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        newest = load_newest(run.checkpoints)
    return newest.step if newest else 0


def outcome(run: Run) -> dict[str, Any]:
    """Return what must agree: losses, digests of the last checkpoint, names of files."""
    newest = list_checkpoints(run.checkpoints)[0]
    load_checkpoint(newest)  # its digests are those of its files
    return {
        "losses": [(e["step"], e["loss"]) for e in run.read_log() if "loss" in e],
        "sha256": json.loads((newest / "manifest.json").read_text()),
        "names": sorted(str(file.relative_to(run.path)) for file in run.path.rglob("*")),
    }


def moment(run: Run, kind: str, step: float, parts: int, seconds: float) -> Callable[[], bool]:
    """Return a function that says when the moment for a kill has come.

    Args:
        run: the run, not yet started.
        kind: "any": after `seconds`; "step": after `step`; "save": after `step`, while a checkpoint
            is being written and has `parts` files.
        step: the step.
        parts: the number of files.
        seconds: from now.
    """
    end, left = time.perf_counter() + seconds, half_written(run)

    def saving() -> bool:
        for folder, _ in half_written(run) - left:
            with suppress(FileNotFoundError):
                return len([*folder.iterdir()]) >= parts and logged(run) >= step
        return False

    return {
        "any": lambda: time.perf_counter() >= end,
        "step": lambda: logged(run) >= step,
        "save": saving,
    }[kind]


def study(folder: Path, kills: int, seed: int = 0) -> dict[str, Any]:
    """Train one run undisturbed and another with kills, and compare them."""
    rng = random.Random(seed)
    steps = STEPS_PER_KILL * (kills + 5)  # so that the last kill comes before the end
    alone, killed = Run(folder / "alone"), Run(folder / "killed")
    began, process = time.perf_counter(), start(alone, steps)
    wait_until(lambda: logged(alone) > 0, process)
    startup = time.perf_counter() - began
    finish(process)

    kinds, left, lost, newest = Counter[str](), Counter[str](), [], 0
    for number in range(kills):
        kind, seconds = KINDS[number % len(KINDS)], rng.uniform(0, 1.2) * startup
        # The log still has the steps lost by the previous kill, which the run repeats.
        step = max(STEPS_PER_KILL * (number + rng.random()), logged(killed) + 1)
        ready = moment(killed, kind, step, rng.randint(0, PARTS), seconds)
        before = half_written(killed)
        kill(start(killed, steps), ready)
        kinds[kind] += 1
        left["half written"] += bool(half_written(killed) - before)
        left["half deleted"] += any(killed.checkpoints.glob(".deleting-*"))
        at, older = logged(killed), newest
        newest = check(killed)
        lost.append(at - newest)
        if newest < older:
            raise RuntimeError(f"the checkpoint of step {older} is lost, {newest} is the newest")
        print(f"kill {number + 1}, {kind}: at step {at}, {lost[-1]} steps lost", flush=True)
    finish(start(killed, steps))
    return {
        "kills": kills,
        "moments": dict(kinds),
        "inside_a_save": left["half written"],
        "inside_a_deletion": left["half deleted"],
        "steps_lost_mean": sum(lost) / kills,
        "intervals_lost_max": max(lost) / SETTINGS["checkpoint_every"],
        "equal": outcome(killed) == outcome(alone),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/kills.json"))
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        found = study(Path(folder), options.kills, options.seed)
    result = {
        "what": "a run killed by SIGKILL and resumed, against an undisturbed one: losses of every "
        "step and SHA-256 of network, average and optimiser",
        **found,
        "settings": SETTINGS | {"steps_per_kill": STEPS_PER_KILL, "seed_of_moments": options.seed},
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    print(json.dumps(result, indent=2))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
