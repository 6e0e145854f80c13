"""Two writers at once, kills, signals and full disks: what do they leave behind?"""

import contextlib
import hashlib
import importlib
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.attack.bases import TINY
from tests.attack.cases import FEW, JUDGED

WRITERS: dict[str, tuple[str, ...]] = {
    "train": ("train", "--out", "o", "--data", "DATA", *TINY, "--seed", "SEED"),
    "sample": ("sample", "run", "--out", "o", "-n", "40", *FEW, "--seed", "SEED"),
    "evaluate": ("evaluate", "samples", "--against", "images", *JUDGED, "--out", "o",
                 "--seed", "SEED"),
}  # fmt: skip
"""Commands that write a folder `o`, which another seed makes another one."""


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Args:
        code: of its exit; negative for a signal.
        said: on standard error.
    """

    code: int
    said: str


def races(root: Path, kind: str, count: int) -> dict[str, Any]:
    """Let two processes write to one folder at the same time, again and again.

    Returns:
        how many ended in each way, and how often what they left was not that of one of them.
    """
    place = _place(root, f"race {kind}")
    alone = [_alone(place, kind, seed) for seed in (1, 2)]
    ways, mixed = Counter[str](), 0
    for _ in range(count):
        shutil.rmtree(place / "o", ignore_errors=True)
        gate = place / "gate"
        gate.touch()
        pair = [_start(place, _words(place, kind, seed), gate) for seed in (1, 2)]
        time.sleep(0.05)  # until both wait
        gate.unlink()
        ended = [_end(process) for process in pair]
        refused = [each for each in ended if each.code == 2 and _tells(each.said)]
        won = [each for each in ended if each.code == 0]
        ways["one wins, the other says so"] += len(won) == len(refused) == 1
        ways["one after the other"] += len(won) == 2
        mixed += _left(place) not in alone
    return {"races": count, **ways, "others": count - sum(ways.values()), "mixed": mixed}


def kills(root: Path, kind: str, count: int, rng: random.Random) -> dict[str, Any]:
    """Kill a command at any time, and call it again: is everything as if it had been left alone?"""
    place = _place(root, f"kill {kind}")
    began = time.monotonic()
    alone, seconds = _alone(place, kind, 1), time.monotonic() - began
    differ = 0
    for number in range(count):
        shutil.rmtree(place / "o", ignore_errors=True)
        process = _start(place, _words(place, kind, 1))
        time.sleep(rng.uniform(0, seconds))
        os.kill(process[0], (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[number % 3])
        _end(process)
        again = _again(place, kind)
        more = again.keys() - alone.keys()  # a run that was asked to stop keeps where it stood
        differ += any(again.get(name) != digest for name, digest in alone.items())
        differ += any("checkpoints" not in Path(name).parts for name in more)
    return {"kills and signals": count, "differ": differ}


def full_disks(root: Path, kind: str, count: int, rng: random.Random) -> dict[str, Any]:
    """Let files end at any size, as a full disk does, and call a command again with room enough."""
    place = _place(root, f"disk {kind}")
    alone, differ, wrong = _alone(place, kind, 1), 0, Counter[str]()
    largest = max(file.stat().st_size for file in (place / "o").rglob("*") if file.is_file())
    for _ in range(count):
        shutil.rmtree(place / "o", ignore_errors=True)
        size = int(largest ** rng.random())
        ended = _end(_start(place, _words(place, kind, 1), most_bytes=size))
        lines = ended.said.strip().splitlines()
        told = bool(lines) and lines[-1].startswith("jinc: ")
        wrong["no line of error"] += ended.code != 0 and not told
        wrong["tracebacks"] += "Traceback" in ended.said
        wrong["files left"] += any(".tmp" in path.name for path in place.rglob("*"))
        differ += _again(place, kind) != alone
    return {"full disks": count, **wrong, "differ": differ}


def _again(place: Path, kind: str) -> dict[str, str]:
    """Call a command once more; a run that was begun goes on."""
    resumed = ["--resume"] if kind == "train" else []
    ended = _end(_start(place, [*_words(place, kind, 1), *resumed]))
    return _left(place) if ended.code == 0 else {"said": ended.said}


def _place(root: Path, name: str) -> Path:
    """Make a folder with what the commands read."""
    place = root / name
    place.mkdir()
    for each in ("images", "run", "samples", "judge"):
        shutil.copytree(root / "bases" / each, place / each)
    return place


def _alone(place: Path, kind: str, seed: int) -> dict[str, str]:
    """Return what a command leaves that nothing disturbs."""
    shutil.rmtree(place / "o", ignore_errors=True)
    ended = _end(_start(place, _words(place, kind, seed)))
    if ended.code:
        raise RuntimeError(ended.said)
    return _left(place)


def _words(place: Path, kind: str, seed: int) -> list[str]:
    given = {"SEED": str(seed), "DATA": str(place / "images")}  # a run keeps where its data lie
    return [given.get(word, word) for word in WRITERS[kind]]


def _left(place: Path) -> dict[str, str]:
    """Return the files of a folder by their digests; of logs, which tell times, their names."""
    return {
        str(path.relative_to(place)): hashlib.sha256(
            b"" if path.name in ("log.jsonl", "curve.png") else path.read_bytes()
        ).hexdigest()
        for path in sorted((place / "o").rglob("*"))
        if path.is_file()
    }


def _tells(said: str) -> bool:
    return said.count("\n") == 1 and ("is writing there" in said or "holds a run already" in said)


def _start(
    place: Path, words: list[str], gate: Path | None = None, most_bytes: int | None = None
) -> tuple[int, int]:
    """Begin a command in a process of its own, at once or when a gate is opened."""
    said, errors = os.pipe()  # which no limit on the size of files concerns
    child = os.fork()
    if child:
        os.close(errors)
        return child, said
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.dup2(errors, 2)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        os.chdir(place)
        os.environ |= {"JINC_CACHE": str(place / "cache"), "COLUMNS": "100"}
        while gate is not None and gate.exists():
            time.sleep(1e-4)
        if most_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
        importlib.import_module("jinc.cli").main(words)
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def _end(process: tuple[int, int]) -> Ended:
    child, said = process
    with os.fdopen(said, errors="replace") as file:
        text = file.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    lines = [line for line in text.splitlines() if "warning" not in line]
    return Ended(code, "".join(line + "\n" for line in lines))
