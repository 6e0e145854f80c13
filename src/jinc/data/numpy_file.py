"""Arrays in `.npz` and `.npy` files, described by their headers before any is read."""

import math
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from jinc.data.archive import check_unpacked
from jinc.errors import JincError
from jinc.files import one_line, reading

_MOST_MEMBERS = 1000
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True)
class StoredArray:
    """An array that is not read yet.

    Args:
        name: in the archive; "" in a `.npy` file.
        shape: as its header says, which fits the bytes that are there.
        dtype: of numbers or text; of others it cannot be read.
        open: opens its bytes, header included.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    open: Callable[[], IO[bytes]]

    def read(self) -> NDArray[Any]:
        """Read it whole; Python objects in it are refused, not unpickled."""
        with self.open() as stream:
            array: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
        return array

    def __str__(self) -> str:
        """Name, type and shape."""
        return f"{ascii(self.name)[1:-1]:.40} {self.dtype.name:.20} {list(self.shape)}".strip()


@contextmanager
def numpy_arrays(path: Path) -> Iterator[list[StoredArray]]:
    """Open a `.npz` or `.npy` file.

    Args:
        path: the file, told by its content.

    Yields:
        Its arrays, to be read while it is open. What is no `.npy` in an archive is left
        out.

    Raises:
        JincError: the file is damaged, holds no array, or would unpack to far more than it stores;
            or what is read inside raises anything that damaged files make NumPy raise.
    """
    with reading(path) as file:
        try:
            if file.read(2) == b"PK":
                with zipfile.ZipFile(file) as archive:
                    yield _members(archive, path)
            else:
                size = os.fstat(file.fileno()).st_size
                yield [_described("", lambda: path.open("rb"), size, path)]
        except JincError:
            raise
        except Exception as error:
            # Hostile bytes make zipfile, zlib and NumPy raise nearly anything.
            raise JincError(f"{path}: cannot be read ({one_line(error):.150})") from error


def _members(archive: zipfile.ZipFile, path: Path) -> list[StoredArray]:
    members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    if not members or len(members) > _MOST_MEMBERS:
        reason = "too many arrays" if members else "no NumPy array in it"
        raise JincError(f"{path}: a ZIP archive with {reason}")
    for info in members:
        check_unpacked(path, info.compress_size, info.file_size)
    return [
        _described(
            info.filename.removesuffix(".npy"), partial(archive.open, info), info.file_size, path
        )
        for info in members
    ]


def _described(
    name: str, open_bytes: Callable[[], IO[bytes]], size: int, path: Path
) -> StoredArray:
    """Read the header of an array, and compare it with the bytes that are there."""
    with open_bytes() as stream:
        shape, _, dtype = _READERS[npy.read_magic(stream)](stream)
        there = size - stream.tell()
    if not dtype.hasobject and (
        min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != there
    ):
        raise JincError(f"{path}: {name!a:.60} holds {there} bytes, its header says otherwise")
    return StoredArray(name, shape, dtype, open_bytes)
