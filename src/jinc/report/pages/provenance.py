"""How to repeat a run or a study: its command, and the versions and machine of a page."""

import os
import platform
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinc
from jinc.train import TrainConfig

PACKAGES = ("jinc", "torch", "numpy", "scipy", "pillow", "scikit-learn", "accelerate")
"""Packages whose versions a page names."""


def train_command(config: TrainConfig, out: str | Path) -> list[str]:
    """Write the command that trains with the same settings; defaults are left out.

    Args:
        config: settings of a run.
        out: folder of the new run.

    Returns:
        Parts for a shell, one per option.

    >>> train_command(TrainConfig(data="my digits", augment=("hflip", "spin"), width=8), "again")
    ['jinc train', '--out again', "--data 'my digits'", '--augment hflip spin', '--width 8']
    """
    parts = ["jinc train", _option("--out", str(out))]
    for field in fields(TrainConfig):
        value = getattr(config, field.name)
        if value != field.default:
            parts.append(_option("--" + field.name.replace("_", "-"), value))
    return parts


def study_command(file: str, out: str | Path, places: Mapping[str, str]) -> list[str]:
    """Write the command that runs or continues a study.

    Args:
        file: the study.
        out: its folder.
        places: paths by the names that the study has for them.

    Returns:
        Parts for a shell, one per option.

    >>> study_command("a study.yaml", "out", {"mnist": "/data/mnist"})
    ['jinc study run', "'a study.yaml'", '--out out', '--place mnist=/data/mnist']
    """
    named = [_option("--place", f"{name}={place}") for name, place in places.items()]
    return ["jinc study run", shlex.quote(file), _option("--out", str(out)), *named]


def environment() -> dict[str, str]:
    """Return versions and the machine, without its name or a path, by label."""
    import torch

    found = {name: _version(name) for name in PACKAGES}
    found = {name: text for name, text in found.items() if text}
    if commit := _commit():
        found["jinc"] += f", commit {commit}"
    found["Python"] = platform.python_version()
    found["system"] = f"{platform.system()} on {platform.machine()}"
    found["processor"] = f"{_processor()}, {_cores()} cores"
    found["memory"] = f"{_memory() / 2**30:.0f} GiB"
    if torch.cuda.is_available():
        found["accelerator"] = torch.cuda.get_device_name()
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """Return the commit of the checkout that jinc runs from, marked if files have changed since."""
    package = Path(jinc.__file__).parent
    root = package.parents[1]
    if package != root / "src" / "jinc" or not (root / ".git").exists():
        return ""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "src")
    return f"{commit} and changes" if commit and changed else commit


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    """Return the name of the processor, as far as the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _cores() -> int:
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def _option(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else name.replace("--", "--no-", 1)
    if isinstance(value, tuple):
        return shlex.join([name, *(map(str, value) if value else ["[]"])])
    text = str(value)
    return shlex.join([f"{name}={text}"] if text.startswith("-") else [name, text])
