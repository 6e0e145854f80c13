"""How to repeat a run or a study: its command, and the versions and machine of a page."""

import os
import platform
import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinc
from jinc.train import TrainConfig

PACKAGES = ("jinc", "torch", "numpy", "scipy", "pillow", "scikit-learn", "accelerate")
"""Packages whose versions a page names."""


def train_command(config: TrainConfig, out: str | Path) -> list[str]:
    """Write the command that trains with the same settings: parts for a shell, without defaults.

    >>> train_command(TrainConfig(data="my digits", augment=("hflip", "spin"), width=8), "again")
    ['jinc train', '--out again', "--data 'my digits'", '--augment hflip spin', '--width 8']
    """
    settings = {field: getattr(config, field.name) for field in fields(TrainConfig)}
    own = {field.name: value for field, value in settings.items() if value != field.default}
    options = [_option("--" + name.replace("_", "-"), value) for name, value in own.items()]
    return ["jinc train", _option("--out", str(out)), *options]


def study_command(file: str, out: str | Path, places: Mapping[str, str]) -> list[str]:
    """Write the command that runs or continues a study; `places` are paths by their names in it.

    >>> study_command("a study.yaml", "out", {"mnist": "/data/mnist"})
    ['jinc study run', "'a study.yaml'", '--out out', '--place mnist=/data/mnist']
    """
    named = [_option("--place", f"{name}={place}") for name, place in places.items()]
    return ["jinc study run", shlex.quote(file), _option("--out", str(out)), *named]


def environment() -> dict[str, str]:
    """Return versions and the machine, without its name or a path, by label."""
    import psutil
    import torch

    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    if commit := _commit():
        found["jinc"] += f", commit {commit}"
    found["Python"] = platform.python_version()
    found["system"] = f"{platform.system()} on {platform.machine()}"
    allowed = getattr(os, "sched_getaffinity", None)
    found["processor"] = f"{_processor()}, {len(allowed(0)) if allowed else os.cpu_count()} cores"
    found["memory"] = f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    if torch.cuda.is_available():
        found["accelerator"] = torch.cuda.get_device_name()
    return found


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


def _option(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else name.replace("--", "--no-", 1)
    if isinstance(value, tuple):
        return shlex.join([name, *(map(str, value) if value else ["[]"])])
    text = str(value)
    return shlex.join([f"{name}={text}"] if text.startswith("-") else [name, text])
