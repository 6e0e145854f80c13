"""Decoded folders kept on disk as memory-mapped arrays."""

import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from jinc.errors import JincError
from jinc.files import one_line, reading, writing

_VERSION = 1  # to be raised when decoding or resizing gives other pixels


def cache_folder() -> Path:
    """Say where decoded images are kept.

    Returns:
        `$JINC_CACHE`, or `jinc` under `$XDG_CACHE_HOME`, which is `~/.cache` when unset.
    """
    own, shared = os.environ.get("JINC_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own).expanduser()
    return (Path(shared) if shared else Path.home() / ".cache") / "jinc"


def cache_key(root: Path, files: Sequence[Path], settings: Sequence[str | int]) -> str:
    """Name the result of decoding files, so that any change to them gives another name.

    Args:
        root: the folder that the files lie under; it can be moved.
        files: the files in order; their relative paths, sizes and times of change count.
        settings: whatever else the pixels depend on.

    Returns:
        64 hexadecimal digits (SHA-256).

    Raises:
        JincError: a file is gone.
    """
    digest = hashlib.sha256(json.dumps([_VERSION, *settings]).encode())
    for file in files:
        try:
            status = file.stat()
        except OSError as error:
            raise JincError(f"{file}: {one_line(error)}") from error
        entry = [os.fsencode(file.relative_to(root)).hex(), status.st_size, status.st_mtime_ns]
        digest.update(json.dumps(entry).encode() + b"\n")
    return digest.hexdigest()


def cached_array(
    path: Path, shape: tuple[int, ...], parts: Callable[[], Iterable[NDArray[np.uint8]]]
) -> NDArray[np.uint8]:
    """Map an array of bytes from a file, which is written first if it is not there.

    A file that has another shape, type or length is written again.

    Args:
        path: the `.npy` file.
        shape: what the array must have.
        parts: makes the array in parts along its first axis; called only to write the file.

    Returns:
        The array, read-only, memory-mapped.

    Raises:
        JincError: the file cannot be written.
    """
    found = _mapped(path, shape)
    if found is None:
        with writing(path) as file:
            # Plain writes: a full disk is an error here, and a crash in a memory map.
            file.write(_header(shape))
            for part in parts():
                file.write(np.ascontiguousarray(part).data)
        found = _mapped(path, shape)
    if found is None:
        raise JincError(f"{path}: this cache file was written and cannot be read again")
    return found


def _header(shape: tuple[int, ...]) -> bytes:
    out = io.BytesIO()
    npy.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return out.getvalue()


def _mapped(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    header = _header(shape)
    try:
        with reading(path) as file:
            if file.read(len(header)) != header:  # compared, so that nothing foreign is parsed
                return None
            if path.stat().st_size != len(header) + math.prod(shape):
                return None
            return np.memmap(file, np.uint8, "r", len(header), shape)
    except JincError:
        return None
