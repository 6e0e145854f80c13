"""CIFAR-10 and CIFAR-100 in their two layouts: binary records, and pickled batches."""

import os
import re
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinc.data.batch_pickle import RefusedPickle, load_batch
from jinc.data.formats import HEAD_BYTES, stand_in
from jinc.data.imageset import ImageSet
from jinc.errors import JincError
from jinc.files import reading

CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_PIXELS = 3 * 32 * 32
_LARGEST_PICKLE = 192 << 20  # CIFAR-100 for training has 155 MB, and is held three times
_LARGEST_BINARY = 4 << 30
_BATCH = re.compile(r"(?:data_batch_([0-9]{1,3})|(train)|test(?:_batch)?)(\.bin)?")
_SUBFOLDERS = (
    *("", "cifar-10-batches-bin", "cifar-10-batches-py"),
    *("cifar-100-binary", "cifar-100-python"),
)


def is_pickle(head: bytes) -> bool:
    """Whether a file with these first bytes can be a pickle of protocol 2 to 5."""
    return len(head) >= 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def find_cifar(folder: Path) -> dict[str, list[Path]]:
    """Find the batches of CIFAR, by split, in a folder or the folder of its archive in it.

    Batches are in the order of their numbers; the binary layout is preferred.
    """
    for place in (folder / name for name in _SUBFOLDERS):
        if not place.is_dir():
            continue
        matches = [m for file in place.iterdir() if (m := _BATCH.fullmatch(file.name))]
        found = [match for match in matches if match[3] or _is_pickled(place / match[0])]
        binary = any(match[3] for match in found)
        splits: dict[str, list[Path]] = {}
        for match in sorted(found, key=lambda match: int(match[1] or 0)):
            if bool(match[3]) == binary:
                split = "train" if match[1] or match[2] else "test"
                splits.setdefault(split, []).append(place / match[0])
        if splits:
            return splits
    return {}


def read_cifar(path: Path) -> ImageSet:
    """Read one file of CIFAR-10 or CIFAR-100, recognised by content.

    Args:
        path: `data_batch_1.bin` (records of 3,073 bytes) or a pickled `data_batch_1` of CIFAR-10;
            `train.bin` (records of 3,074 bytes) or a pickled `train` of CIFAR-100, whose 100 fine
            labels have the names in `fine_label_names.txt` or `meta` beside it, if there are any.

    Returns:
        RGB images, `[count, 32, 32, 3]`, with labels.

    Raises:
        JincError: a file is damaged, too large, or a pickle that asks for more than data.
    """
    data = _bytes(path)
    planes, labels, fine = _pickled(data, path) if is_pickle(data) else _records(data, path)
    names = _fine_names(path) if fine else CIFAR10_CLASSES
    wrong = np.flatnonzero((labels < 0) | (labels >= len(names)))
    if len(wrong):
        expected = f"0 to {len(names) - 1} expected"
        raise JincError(f"{path}: record {wrong[0]} has label {labels[wrong[0]]}, {expected}")
    images = np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return ImageSet(images, labels, names, path.name)


_Batch: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64], bool]
"""Pixels `[count, 3072]`, labels `[count]`, and whether these are fine labels of CIFAR-100."""


def _bytes(path: Path) -> bytes:
    with reading(path) as file:
        most = _LARGEST_PICKLE if is_pickle(file.read(2)) else _LARGEST_BINARY
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise JincError(f"{path}: {size} bytes are too many for a batch of CIFAR")
        return file.read()


def _is_pickled(path: Path) -> bool:
    if not path.is_file():
        return False
    with reading(path) as file:
        head = file.read(HEAD_BYTES)
    if placeholder := stand_in(head):
        raise JincError(f"{path}: no data but {placeholder}")
    return is_pickle(head)


def _records(data: bytes, path: Path) -> _Batch:
    fine = len(data) % (1 + _PIXELS) != 0 and len(data) % (2 + _PIXELS) == 0
    size = (2 if fine else 1) + _PIXELS
    rest = len(data) % size
    if rest or not data:
        raise JincError(f"{path}: its last record has {rest} of {size} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, size)
    return records[:, -_PIXELS:], records[:, -_PIXELS - 1].astype(np.int64), fine


def _pickled(data: bytes, path: Path) -> _Batch:
    batch = _unpickled(data, path)
    fine = "fine_labels" in batch
    name = "fine_labels" if fine else "labels"
    pixels, labels = batch.get("data"), _labels(batch.get(name))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise JincError(f"{path}: this pickle has no array of bytes called data")
    if pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
        raise JincError(f"{path}: data of shape {list(pixels.shape)}, [count, {_PIXELS}] expected")
    if labels is None:
        raise JincError(f"{path}: this pickle has no list of whole numbers called {name}")
    if len(labels) != len(pixels):
        raise JincError(f"{path}: {len(labels)} labels for {len(pixels)} images")
    return pixels, labels, fine


def _unpickled(data: bytes, path: Path) -> dict[str, Any]:
    try:
        return load_batch(data)
    except RefusedPickle as error:
        raise JincError(f"{path}: pickle refused: {error}") from error


def _labels(found: Any) -> NDArray[np.int64] | None:
    if isinstance(found, np.ndarray) and found.ndim == 1:
        return found.astype(np.int64)
    if isinstance(found, list) and all(type(n) is int and abs(n) < 256 for n in found):
        return np.array(found, np.int64)
    return None


def _fine_names(path: Path) -> tuple[str, ...]:
    """Read the names of CIFAR-100's classes from beside a batch; numbers if there are none."""
    text, pickled = path.with_name("fine_label_names.txt"), path.with_name("meta")
    names: Any = [str(number) for number in range(100)]
    if text.is_file():
        names = _bytes(text).decode("utf-8", "replace").split()
    elif _is_pickled(pickled):
        names = _unpickled(_bytes(pickled), pickled).get("fine_label_names")
    if not isinstance(names, list) or len(names) != 100 or {type(n) for n in names} != {str}:
        source = text if text.is_file() else pickled
        raise JincError(f"{source}: does not hold the names of 100 classes")
    return tuple(names)
