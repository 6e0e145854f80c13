"""How this process keeps its memory."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h
_MOST = 2**31 - 1


def keep_freed_memory() -> None:
    """Ask the C library to keep freed memory for the next step instead of giving it back.

    A step on the CPU takes and frees the same large tensors again and again; given back each time,
    every page of them has to be cleared anew by the kernel. Only glibc knows these settings;
    elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MOST)
        mallopt(_M_TRIM_THRESHOLD, _MOST)
