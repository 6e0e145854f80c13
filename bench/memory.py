"""Measure the peak memory of a call beyond what is allocated before it."""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import torch


def peak_bytes(call: Callable[[], object], device: torch.device) -> int:
    """Run a call, and return the increase of memory at its peak.

    On an accelerator this counts memory allocated by torch, on Linux the pages of the process. The
    C library first returns freed memory to the system; reusing it would not be counted.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = _pages("VmRSS")
    call()
    return _pages("VmHWM") - before


def _pages(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))
