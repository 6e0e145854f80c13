"""Decoded folders kept on disk as memory-mapped arrays."""

import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from jinc.data.archive import ImageFile, Member
from jinc.errors import JincError
from jinc.files import one_line, reading, writing

Rows: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.bool_]]
"""Rows of an array, and flags of those present among all rows."""

_VERSION = 2  # to be raised when decoding or resizing gives other pixels


def cache_key(root: Path, files: Sequence[ImageFile], settings: Sequence[str | int]) -> str:
    """Return a key of decoded files that changes with them.

    Args:
        root: the folder or archive of the files, which may be moved.
        files: in order; the key has their relative paths, sizes and modification times, or those of
            the archive.
        settings: all else that the pixels depend on.

    Returns:
        64 hexadecimal digits (SHA-256).

    Raises:
        JincError: a file is missing.
    """
    digest = hashlib.sha256(json.dumps([_VERSION, *settings]).encode())
    for file in files:
        try:
            entry = _stamp(root, file)
        except OSError as error:
            raise JincError(f"{file}: {one_line(error)}") from error
        digest.update(json.dumps(entry).encode() + b"\n")
    return digest.hexdigest()


def _stamp(root: Path, file: ImageFile) -> tuple[str, int, int]:
    if isinstance(file, Member):
        return os.fsencode(file.stored).hex(), *file.archive.stamp
    status = file.stat()
    return os.fsencode(file.relative_to(root)).hex(), status.st_size, status.st_mtime_ns


def cached_rows(
    path: Path, count: int, shape: tuple[int, ...], parts: Callable[[], Iterable[Rows]]
) -> Rows:
    """Memory-map an array of bytes from a file, which is written first if missing or invalid.

    Args:
        path: the `.npy` file; a flag for each possible row follows the array.
        count: number of possible rows.
        shape: of a row.
        parts: yields the rows in order, with the flags of those present; called only to write.

    Returns:
        The array, read-only; and the flags of rows present, `[count]`.

    Raises:
        JincError: the file cannot be written.
    """
    found = _mapped(path, count, shape)
    if found is None:
        with writing(path) as file:
            # Plain writes: a full disk is an error here, and a crash in a memory map.
            file.write(_header((count, *shape)))
            there: list[NDArray[np.bool_]] = []
            for rows, flags in parts():
                file.write(np.ascontiguousarray(rows).data)
                there.append(flags)
            flags = np.concatenate(there)
            file.write(flags.data)
            file.seek(0)
            file.write(_header((int(flags.sum()), *shape)))
        found = _mapped(path, count, shape)
    if found is None:
        raise JincError(f"{path}: this cache file was written and cannot be read again")
    return found


def _header(shape: tuple[int, ...]) -> bytes:
    """The header of an array of bytes; NumPy gives it the same length for any number of rows."""
    out = io.BytesIO()
    npy.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return out.getvalue()


def _mapped(path: Path, count: int, shape: tuple[int, ...]) -> Rows | None:
    start, row = len(_header((count, *shape))), math.prod(shape)
    try:
        with reading(path) as file:
            kept, rest = divmod(path.stat().st_size - start - count, row)
            if rest or not 0 < kept <= count:
                return None
            header = _header((kept, *shape))  # compared, so that nothing foreign is parsed
            if file.read(start) != header:
                return None
            images = np.memmap(file, np.uint8, "r", start, (kept, *shape))
            file.seek(start + kept * row)
            flags = np.frombuffer(file.read(count), np.bool_)
    except JincError:
        return None
    return (images, flags) if flags.sum() == kept else None
