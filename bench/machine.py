"""Describe the machine of a measurement."""

import contextlib
import platform
from pathlib import Path

import torch


def machine(device: torch.device | None = None) -> str:
    """Return the accelerator, or the CPU, its vectors and threads, and the version of torch."""
    if device is not None and device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    cpu = platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    vectors = torch.backends.cpu.get_cpu_capability()
    return f"{cpu}, {vectors}, {torch.get_num_threads()} threads, torch {torch.__version__}"
