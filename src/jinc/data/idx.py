"""MNIST's idx files, plain or gzipped."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from jinc.data.archive import check_unpacked
from jinc.data.imageset import ImageSet, classes_of
from jinc.errors import JincError
from jinc.files import one_line, reading

_GZIP_MAGIC = b"\x1f\x8b"
_PREFIXES = {"train": ("train",), "test": ("t10k", "test")}
_WHAT = {1: "labels", 3: "images"}


def is_idx(head: bytes) -> bool:
    """Whether a file with these first bytes, four or more, can be an idx file, perhaps gzipped."""
    return head.startswith((b"\0\0\x08", _GZIP_MAGIC))


def find_idx(folder: Path) -> dict[str, list[Path]]:
    """Find MNIST's image files, by split, in a folder, its `raw/` or its `MNIST/raw/`."""
    for place in (folder, folder / "raw", folder / "MNIST" / "raw"):
        found: dict[str, list[Path]] = {}
        for split, prefixes in _PREFIXES.items():
            names = (
                f"{prefix}-images{dot}idx3-ubyte{suffix}"
                for prefix in prefixes
                for dot in "-."
                for suffix in ("", ".gz")
            )
            files = [place / name for name in names if (place / name).is_file()]
            if files:
                found[split] = files[:1]
        if found:
            return found
    return {}


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Read one idx file of unsigned bytes.

    No more is read or unpacked than the header declares, and one byte to check the end.

    Args:
        path: the file, plain or gzipped, whatever its name.
        axes: 3 for images, 1 for labels.

    Returns:
        An array with the header's shape; read-only.

    Raises:
        JincError: the magic number or the length is wrong, or the gzip stream is damaged.
    """
    with reading(path) as file:
        zipped = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        stored = os.fstat(file.fileno()).st_size
        if not zipped:
            return _parsed(file, path, axes, stored)
        try:
            with gzip.GzipFile(fileobj=file) as unzipped:
                return _parsed(unzipped, path, axes, stored)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise JincError(f"{path}: damaged gzip file ({one_line(error)})") from error


def _parsed(
    stream: BinaryIO | gzip.GzipFile, path: Path, axes: int, stored: int
) -> NDArray[np.uint8]:
    magic, expected = stream.read(4), bytes((0, 0, 8, axes))
    if magic != expected:
        other = [what for n, what in _WHAT.items() if magic == bytes((0, 0, 8, n))]
        hint = f": it holds {other[0]}" if other else ""
        raise JincError(
            f"{path}: wrong magic number 0x{magic.hex()}{hint}, "
            f"an idx file of {_WHAT[axes]} begins with 0x{expected.hex()}"
        )
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise JincError(f"{path}: ends within its header")
    shape = struct.unpack(f">{axes}I", sizes)
    count = math.prod(shape)
    if isinstance(stream, gzip.GzipFile):
        check_unpacked(path, stored, count)
    # A read allocates all of its size, so that what cannot be there is not requested.
    fits = isinstance(stream, gzip.GzipFile) or count <= stored
    data = stream.read(count + 1) if fits else b""
    if len(data) != count:
        fault = "longer" if len(data) > count else "shorter"
        raise JincError(f"{path}: {fault} than its header says ({count} bytes of {_WHAT[axes]})")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _labels_beside(images: Path) -> Path | None:
    stem = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    if stem == images.name.removesuffix(".gz"):
        return None
    beside = (images.with_name(stem), images.with_name(stem + ".gz"))
    return next((path for path in beside if path.is_file()), None)


def read_mnist(path: Path) -> ImageSet:
    """Read an idx file of images, with the labels from the file beside it.

    Args:
        path: `train-images-idx3-ubyte`, `t10k-images.idx3-ubyte.gz` and the like; without a label
            file (the same name with "labels" and "idx1") the set has no labels. The classes are the
            labels of the training and the test set.

    Returns:
        Grey images, `[count, height, width, 1]`.

    Raises:
        JincError: a file is damaged or the two do not belong together.
    """
    images = read_idx(path, axes=3)[..., None]
    beside = _labels_beside(path)
    if beside is None:
        return ImageSet(images, None, (), path.name)
    labels = read_idx(beside, axes=1)
    if len(labels) != len(images):
        raise JincError(f"{beside}: {len(labels)} labels for the {len(images)} images of {path}")
    family = [file for files in find_idx(path.parent).values() for file in files]
    others = [b for f in family if f != path and path in family and (b := _labels_beside(f))]
    stored = np.concatenate([labels, *(read_idx(other, axes=1) for other in others)])
    classes, names = classes_of(stored, str(beside))
    return ImageSet(images, classes[: len(labels)], names, path.name)
