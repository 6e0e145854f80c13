"""Where a model runs, and how its memory is managed there."""

import ctypes
import os
import platform
import sys

import torch

from jinc.errors import JincError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h
_NEVER = 2**31 - 1


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is CUDA, then MPS, then the CPU.

    Of several GPUs, each process of torchrun's gets its own, unless the name has a number.

    Raises:
        JincError: there is no such device here.
    """
    if name == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        return _own(found or torch.device("cpu"))
    try:
        device = _own(torch.device(name))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise JincError(f"device: {name!r} cannot be used here ({reason})") from None
    return device


def device_name(name: str) -> str:
    """Say what a device is called by those who made it: the accelerator, or the processor.

    Raises:
        JincError: there is no such device here.
    """
    device = choose_device(name)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()


def _own(device: torch.device) -> torch.device:
    """Return the GPU of this process."""
    if device.type != "cuda" or device.index is not None or "LOCAL_RANK" not in os.environ:
        return device
    return torch.device("cuda", int(os.environ["LOCAL_RANK"]) % max(1, torch.cuda.device_count()))


def keep_freed_memory() -> None:
    """Make the C library reuse freed memory instead of returning it to the kernel.

    A step on the CPU allocates and frees the same large tensors again and again; memory that comes
    from the kernel is cleared page by page each time. Only glibc has these settings.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _NEVER)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
