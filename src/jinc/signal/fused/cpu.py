"""The fused form on CPUs: `cpu.c`, compiled once by the machine's own compiler."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.files import cache_folder, one_line, writing

TYPES = (torch.float32,)
MOST_TAPS = 16
SOURCE = Path(__file__).with_name("cpu.c")
PADDINGS = ("zeros", "reflect", "circular")  # as in cpu.c, as are the nonlinearities
ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu", "identity")
FLAGS = ("-O3", "-march=native", "-fopenmp", "-fPIC", "-shared")


def obstacle() -> str:
    """Return why there is no fused form here, or nothing; the first call may compile it."""
    return _built()[1]


def filtered_activation(
    x: Tensor,
    g: Tensor | None,
    up: Tensor,
    down: Tensor,
    activation: str,
    kappa: float,
    padding: str,
) -> Tensor:
    """Compute the filtered activation, or with a gradient `g` of it that of `x`."""
    shapes = {tuple(taps.shape) for taps in (up, down)}
    size = len(up)
    if shapes != {(size, size)} or size % 2 or size > MOST_TAPS:
        raise ValueError(f"taps are not two even squares of up to {MOST_TAPS}: {shapes}")
    if g is not None and g.shape != x.shape:
        raise ValueError(f"a gradient of {tuple(g.shape)} is not that of {tuple(x.shape)}")
    y = torch.empty_like(x)
    up, down = (taps.to("cpu", torch.float32).contiguous() for taps in (up, down))
    given = x if g is None else g
    kind = PADDINGS.index(padding), ACTIVATIONS.index(activation)
    sizes = (*x.shape, up.shape[-1], *kind, torch.get_num_threads())
    strides = (*x.stride(), *given.stride(), *y.stride())
    failed = _built()[0].jinc_filtered_activation(
        *(x.data_ptr(), None if g is None else g.data_ptr(), y.data_ptr()),
        (ctypes.c_int64 * 8)(*sizes),
        (ctypes.c_int64 * 12)(*strides),
        *(up.data_ptr(), down.data_ptr(), ctypes.c_float(kappa)),
    )
    if failed == 2:
        raise ValueError("taps are not symmetric")
    if failed:
        raise MemoryError("no memory for rows of maps")
    return y


@cache
def _built() -> tuple[Any, str]:
    """Return the library, compiled if it is not in the cache, or why there is none."""
    try:
        file = _file()
        try:
            library = ctypes.CDLL(str(file))
        except OSError:  # of another system, with which the folder is shared
            file.unlink(missing_ok=True)
            library = ctypes.CDLL(str(_file()))
    except (JincError, OSError, ValueError, subprocess.SubprocessError) as error:
        reason = one_line(error)
        warnings.warn(
            f"filtered activations run slower: {reason}; JINC_FUSED=0 hides this line",
            RuntimeWarning,
            stacklevel=2,
        )
        return None, reason
    pointer = ctypes.c_void_p
    library.jinc_filtered_activation.argtypes = [pointer] * 7 + [ctypes.c_float]
    return library, ""


def _file() -> Path:
    """Return the file of the compiled library."""
    names = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
    commands = [words for name in names if (words := shlex.split(name))]
    compiler = next((words for words in commands if shutil.which(words[0])), None)
    if compiler is None:
        raise JincError(f"there is no C compiler ({', '.join(names)})")
    flags, libraries = [*compiler, *FLAGS], [*map(str, _openmp())]
    sources = (path.read_text() for path in (SOURCE, SOURCE.with_name("vectors.h")))
    key = "\n".join((*flags, *libraries, *sources, platform.machine(), _processor()))
    name = f"fused-{hashlib.sha256(key.encode()).hexdigest()[:16]}.so"
    file = cache_folder() / "compiled" / name
    if not _is_whole(file):
        with tempfile.TemporaryDirectory() as folder, writing(file) as kept:
            made = Path(folder, name)
            command = [*flags, str(SOURCE), *libraries, "-o", str(made)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode or not made.is_file():
                said = done.stderr.strip().splitlines() or ["no message"]
                raise JincError(f"{compiler[0]} cannot compile cpu.c: {said[-1][:120]}")
            code = made.read_bytes()
            kept.write(code + hashlib.sha256(code).digest())
    return file


def _is_whole(file: Path) -> bool:
    """Whether a library ends in its digest: loading a truncated one would kill the process."""
    found = file.read_bytes() if file.is_file() else b""
    return hashlib.sha256(found[:-32]).digest() == found[-32:]


def _openmp() -> Iterator[Path]:
    """Yield torch's own OpenMP, so that both share one pool of threads."""
    for pattern in ("libgomp*.so*", "libiomp*.so*", "libomp*"):
        yield from sorted((Path(torch.__file__).parent / "lib").glob(pattern))[:1]


def _processor() -> str:
    """Return what `-march=native` depends on: folders of users are shared among machines."""
    if sys.platform != "linux":
        return platform.processor()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
