"""What a page was made with: versions and the machine, without a path or a name of it."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jinc

PACKAGES = ("jinc", "torch", "numpy", "scipy", "pillow", "scikit-learn", "accelerate")
"""Whose versions matter to figures and pictures."""


def environment() -> dict[str, str]:
    """Return versions and the machine by words for them."""
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
    """The commit of a checkout that jinc runs from, marked where files were changed since."""
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
    """What the processor is called, as far as the system tells."""
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
