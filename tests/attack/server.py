"""Attacks run one by one in processes forked from one that has imported everything."""

import contextlib
import encodings
import importlib
import io
import json
import os
import pkgutil
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tests.attack.bases import jinc as jinc_command
from tests.attack.bases import make_bases
from tests.attack.binaries import RAN
from tests.attack.cases import COMMANDS, Case

import jinc

MEMORY, SECONDS, PATIENCE = 2**30, 5.0, 30.0
"""Bytes and seconds of a processor that an attack may take; and seconds that it may wait."""
LINE = 300
"""Characters of an error, with the name of the command."""
NOBODY = 65534
LEFT = (".tmp", ".lock", ".writing-", ".deleting-")


@dataclass
class Outcome:
    """What came of an attack.

    Args:
        number: of its seed.
        kind: what was attacked.
        words: of the command.
        environment: of the process, beside the usual.
        code: it ended with; None where it was killed.
        said: on standard error.
        faults: what must not be: a traceback, a line too many, files left, code executed, memory
            or time beyond the bar.
        seconds: of a processor.
        megabytes: beyond what the process held before.
    """

    number: int
    kind: str
    words: list[str]
    environment: dict[str, str]
    code: int | None
    said: str
    faults: list[str]
    seconds: float
    megabytes: float

    def facts(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return asdict(self)


def make_ready(root: Path) -> None:
    """Make good inputs, try each command on them, and import what that has imported."""
    torch.set_num_threads(1)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.environ |= {"JINC_CACHE": str(root / "cache"), "HF_HUB_OFFLINE": "1"}
            _try_commands(root)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the good inputs could not be made")
    found = [module.name for module in pkgutil.walk_packages(jinc.__path__, "jinc.")]
    coders = [f"encodings.{module.name}" for module in pkgutil.iter_modules(encodings.__path__)]
    for name in (*(root / "modules.txt").read_text().split(), *found, *coders):
        if name not in ("jinc.__main__", "encodings.mbcs", "encodings.oem"):
            with contextlib.suppress(ImportError):  # of modules that are made by hand
                importlib.import_module(name)


def _try_commands(root: Path) -> None:
    """Make good inputs, and list the modules that commands import."""
    bases = root / "bases"
    bases.mkdir()
    os.chdir(bases)
    make_bases(bases)
    for kind, words in COMMANDS.items():
        place = Path(tempfile.mkdtemp(dir=root))
        os.chdir(place)
        Case(0, kind, words).lay_out(bases, place)
        jinc_command(*words)
    (root / "modules.txt").write_text("\n".join(sys.modules))


def attack(case: Case, bases: Path, root: Path) -> Outcome:
    """Run a command in a process of its own, and watch it."""
    place = Path(tempfile.mkdtemp(dir=root))
    place.chmod(0o777)
    told, ours = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.close(told)
            _be_nobody()
            _run(case, bases, place / "a" / "b" / "c" / "here", ours)
        except BaseException:
            os.write(2, traceback.format_exc().encode(errors="replace"))
        finally:
            os._exit(1)
    os.close(ours)
    try:
        return _watch(case, child, told)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(told)
        shutil.rmtree(place, ignore_errors=True)


def _be_nobody() -> None:
    """Give up what a superuser may do, so that no attack reaches beyond its folder."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(case: Case, bases: Path, folder: Path, ours: int) -> None:
    """Call the command as a process of its own would, and tell what came of it."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    case.lay_out(bases, folder)
    before = _snapshot(folder.parent)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**29, 2**29))
    output, errors = (os.open(folder.parents[1] / name, os.O_RDWR | os.O_CREAT) for name in "oe")
    silence = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((silence, output, errors)):
        os.dup2(file, number)
    usual = {"JINC_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
    os.environ |= usual | case.environment
    encoding = case.environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.FileIO(1, "w"), encoding, write_through=True)
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(
        io.FileIO(2, "w"), encoding, "backslashreplace", write_through=True
    )
    start = time.process_time()
    _tell(ours, {"ready": True})
    code, trace = _called(case.words)
    seconds = time.process_time() - start
    said = Path(folder.parents[1] / "e").read_bytes().decode(errors="replace")
    after = _snapshot(folder.parent)
    new = sorted(str(path) for path in after if path not in before and "cache" not in path.parts)
    left = [path for path in new if code == 2 or any(word in path for word in LEFT)]
    faults = [f"traceback: {trace[-300:]}"] * bool(trace)
    faults += [f"left: {path}"[:200] for path in left[:3]]
    faults += ["code executed"] * any(path.name == RAN for path in after)
    # What a command says of its inputs, or warns of, may come before.
    lines = said.splitlines()[-1:]
    lines += [
        line
        for line in said.splitlines()[:-1]
        if line.startswith("jinc: ") and "warning: " not in line
    ]
    if code == 2 and (len(lines) != 1 or not lines[0].startswith("jinc: ") or len(lines[0]) > LINE):
        faults.append(f"lines: {len(lines)}, {max(map(len, lines), default=0)} characters")
    facts = {"code": code, "said": said[-1500:] + trace, "faults": faults, "seconds": seconds}
    _tell(ours, facts)


def _called(words: tuple[str, ...]) -> tuple[int, str]:
    """Return the exit code, and the traceback of what no command should raise."""
    try:
        jinc_main = importlib.import_module("jinc.cli.app").main
        jinc_main([*words])
        sys.stdout.flush()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None), ""
    except BaseException:
        return 1, traceback.format_exc()[-3000:]
    return 0, ""


def _tell(ours: int, facts: dict[str, Any]) -> None:
    data = json.dumps(facts).encode() + b"\n"
    while data:
        data = data[os.write(ours, data) :]


def _snapshot(folder: Path) -> set[Path]:
    return {
        Path(parent) / name
        for parent, folders, files in os.walk(folder)
        for name in (*folders, *files)
    }


def _watch(case: Case, child: int, told: int) -> Outcome:
    """Wait for what a process tells, and end it where it takes too much."""
    data, began = b"", time.monotonic()
    base = peak = 0
    seconds, fault = 0.0, ""
    while not fault:
        if select.select([told], [], [], 0.01)[0]:
            part = os.read(told, 1 << 16)
            data += part
            if not part:
                break
        if not base and b"\n" in data:
            base, began = _resident(child), time.monotonic()
        if base:
            peak, seconds = max(peak, _resident(child)), _processor(child) or seconds
            if peak - base > MEMORY:
                fault = "memory"
            elif seconds > SECONDS + 5:  # which the copies before it have taken, at most
                fault = "time"
        if not _sleeps(child):
            began = time.monotonic()  # it works, or would, if it were given a processor
        if time.monotonic() - began > PATIENCE:
            fault = "waits for ever"
    lines = data.decode(errors="replace").splitlines()
    found = json.loads(lines[1]) if len(lines) > 1 else {"code": None, "said": "", "faults": []}
    seconds = found.get("seconds", seconds)
    faults = found["faults"] + [fault] * bool(fault)
    if not fault and len(lines) < 2:
        faults.append("crash")
    asked = case.words[0] == "upscale" and found["code"] == 0  # of a picture as large as that
    if seconds > SECONDS and "time" not in faults and not asked:
        faults.append("time")
    return Outcome(
        case.number,
        case.kind,
        [word[:200] for word in case.words],
        {name: value[:100] for name, value in case.environment.items()},
        found["code"],
        found["said"],
        faults,
        round(seconds, 2),
        round(max(0, peak - base) / 2**20, 1),
    )


def _resident(process: int) -> int:
    """Return the bytes of memory that a process holds."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()
    return 0


def _sleeps(process: int) -> bool:
    """Whether a process waits for something else than a processor."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "S"
    return True


def _processor(process: int) -> float:
    """Return the seconds of a processor that a process has taken."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return 0.0
