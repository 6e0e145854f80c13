"""CIFAR-10 in its two layouts: binary records, and pickled batches."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinc.data.batch_pickle import RefusedPickle, load_batch
from jinc.data.imageset import ImageSet
from jinc.errors import JincError
from jinc.files import reading

CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_PIXELS = 3 * 32 * 32
_LARGEST_PICKLE = 64 << 20  # a published batch has 31 MB, as text of protocol 2 at most 46 MB
_LARGEST_BINARY = 4 << 30
_BATCH = re.compile(r"(?:data_batch_([0-9]{1,3})|test_batch)(\.bin)?")
_SUBFOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")


def is_pickle(head: bytes) -> bool:
    """Say whether a file that begins so can be a pickle of protocol 2 to 5.

    Args:
        head: its first bytes, two or more.

    Returns:
        True for such a pickle.
    """
    return len(head) >= 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def find_cifar10(folder: Path) -> dict[str, list[Path]]:
    """Find the batches of CIFAR-10 in a folder, or in the folder that its archive makes there.

    Args:
        folder: where to look; of two layouts in one folder the binary one is taken.

    Returns:
        Split ("train", "test") to batches, in the order of their numbers; empty if none.
    """
    for place in (folder / name for name in _SUBFOLDERS):
        if not place.is_dir():
            continue
        names = [m for file in place.iterdir() if (m := _BATCH.fullmatch(file.name))]
        binary = any(match[2] for match in names)
        batches = sorted((int(m[1] or -1), m[0]) for m in names if bool(m[2]) == binary)
        found = {
            "train": [place / name for number, name in batches if number >= 0],
            "test": [place / name for number, name in batches if number < 0],
        }
        if batches:
            return {split: files for split, files in found.items() if files}
    return {}


def read_cifar10(path: Path) -> ImageSet:
    """Read one file of CIFAR-10, told by its content.

    Args:
        path: `data_batch_1.bin` (records of 3,073 bytes), or a pickled `data_batch_1`.

    Returns:
        RGB images, `[count, 32, 32, 3]`, with labels.

    Raises:
        JincError: the file is damaged, too large, or a pickle that asks for more than data.
    """
    with reading(path) as file:
        pickled = is_pickle(file.read(2))
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        if size > (_LARGEST_PICKLE if pickled else _LARGEST_BINARY):
            raise JincError(f"{path}: {size} bytes are too many for a batch of CIFAR-10")
        data = file.read()
    planes, labels = _pickled(data, path) if pickled else _records(data, path)
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if len(wrong):
        raise JincError(f"{path}: record {wrong[0]} has label {labels[wrong[0]]}, 0 to 9 expected")
    images = np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return ImageSet(images, labels, CIFAR10_CLASSES, path.name)


def _records(data: bytes, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    rest = len(data) % (1 + _PIXELS)
    if rest or not data:
        raise JincError(f"{path}: its last record has {rest} of {1 + _PIXELS} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, 1 + _PIXELS)
    return records[:, 1:], records[:, 0].astype(np.int64)


def _pickled(data: bytes, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        batch = load_batch(data)
    except RefusedPickle as error:
        raise JincError(f"{path}: pickle refused: {error}") from error
    pixels, labels = batch.get("data"), _labels(batch.get("labels"))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise JincError(f"{path}: this pickle has no array of bytes called data")
    if pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
        raise JincError(f"{path}: data of shape {list(pixels.shape)}, [count, {_PIXELS}] expected")
    if labels is None:
        raise JincError(f"{path}: this pickle has no list of whole numbers called labels")
    if len(labels) != len(pixels):
        raise JincError(f"{path}: {len(labels)} labels for {len(pixels)} images")
    return pixels, labels


def _labels(found: Any) -> NDArray[np.int64] | None:
    if isinstance(found, np.ndarray) and found.ndim == 1:
        return found.astype(np.int64)
    if isinstance(found, list) and all(type(n) is int and abs(n) < 256 for n in found):
        return np.array(found, np.int64)
    return None
