"""The most memory that a call takes beyond what is there before it."""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import torch


def peak_bytes(call: Callable[[], object], device: torch.device) -> int:
    """Call, and return how much more memory was held meanwhile, at most.

    An accelerator counts what torch has allocated, Linux the pages of the process. The C library
    gives back what it holds of freed memory first, for that would be taken again unseen.
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
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts anew
    before = _pages("VmRSS")
    call()
    return _pages("VmHWM") - before


def _pages(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))
