"""Image sets in NumPy files: which array holds images, which labels, and of which split."""

import math
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from jinc.data.archive import check_unpacked
from jinc.data.imageset import LABEL_WORDS, ImageSet, classes_of, concatenate
from jinc.data.splits import SPLIT_WORDS, pick_split
from jinc.errors import JincError
from jinc.files import one_line, reading

_MOST_MEMBERS = 1000
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True)
class StoredArray:
    """An array that is described by its header and not read yet.

    Args:
        name: in the archive; "" in a `.npy` file.
        shape: checked against the size of the file.
        dtype: of numbers or text; others cannot be read.
        open: opens its bytes, header included.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    open: Callable[[], IO[bytes]]

    def read(self) -> NDArray[Any]:
        """Read the array, without unpickling."""
        with self.open() as stream:
            array: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
        return array

    def __str__(self) -> str:
        return f"{ascii(self.name)[1:-1]:.40} {self.dtype.name:.20} {list(self.shape)}".strip()


@contextmanager
def numpy_arrays(path: Path) -> Iterator[list[StoredArray]]:
    """Open the arrays of a `.npz` or `.npy` file, recognised by content.

    Raises:
        JincError: the file is damaged, holds no array, or would unpack to far more than it stores;
            errors of damaged arrays inside of the context are converted too.
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
            # Hostile bytes make zipfile, zlib and NumPy raise almost anything.
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
    """Read the header of an array, and check it against the number of bytes."""
    with open_bytes() as stream:
        shape, _, dtype = _READERS[npy.read_magic(stream)](stream)
        there = size - stream.tell()
    if not dtype.hasobject and (
        min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != there
    ):
        raise JincError(f"{path}: {name!a:.60} holds {there} bytes, its header says otherwise")
    return StoredArray(name, shape, dtype, open_bytes)


_IMAGES = {"x", "image", "images", "img", "imgs", "data", "samples", "pixels"}
_IDENTIFIERS = {"id", "ids", "idx", "index", "indices", "number", "numbers", "seed", "seeds"}


def is_npz(head: bytes) -> bool:
    """Whether a file with these first bytes can hold NumPy arrays: a ZIP or a `.npy` file."""
    return head.startswith((b"PK\x03\x04", b"\x93NUMPY"))


def read_npz(path: Path, split: str = "train", own: str = "train") -> ImageSet:
    """Read images from a `.npz` or `.npy` file, without unpickling.

    Images are uint8 arrays `[N, height, width, 1 or 3]` or `[N, height, width]`; an array
    `[height, width, 3]` without labels is one picture. Several arrays of images are splits by their
    names: `x_train` and `x_test` (Keras), `train_images`, `val_images` and `test_images`
    (MedMNIST). Labels are N numbers or texts, `[N]` or `[N, 1]`, in an array of the same split
    called y, label, target or class; without such a name, an array with repeated values, unlike
    identifiers. One-hot rows are labels too; multi-label rows are ignored. The classes are the
    labels of all splits.

    Args:
        path: the file.
        split: "train", "val", "test" or "all".
        own: the split of images whose name has none.

    Returns:
        The images of the split; a note names the arrays that were not read.

    Raises:
        JincError: the file is damaged or ambiguous, or has no images or no such split.
    """
    with numpy_arrays(path) as arrays:
        images = _image_arrays(arrays, path, own)
        labels = {
            name: _label_array(each, [a for a in arrays if _may_belong(a, images, name)], path)
            for name, each in images.items()
        }
        chosen = pick_split({name: [name] for name in images}, split, path)
        values = {name: _values(a, path) for name, a in labels.items() if a is not None}
        classes = _classes({n: each for n, each in values.items() if each is not None}, path)
        sets = [_image_set(images[name], classes.get(name), path) for name in chosen]
    read = [*images.values(), *labels.values()]
    rest = ", ".join(ascii(a.name)[1:-1] for a in arrays if a not in read)
    notes: tuple[str, ...] = (f"arrays that were not read: {rest:.100}",) if rest else ()
    if any(each is None for each in values.values()):
        notes += ("several labels an image are no classes",)
    if others := [name for name in images if name not in chosen]:
        notes += (f"other splits: {', '.join(others)}",)
    found = concatenate(sets, path.name)
    return replace(found, notes=found.notes + notes, split=split if len(images) > 1 else "")


def _image_arrays(arrays: Sequence[StoredArray], path: Path, own: str) -> dict[str, StoredArray]:
    """Find the array of images of each split."""
    found = [a for a in arrays if _is_images(a)]
    if not found:
        there = ", ".join(map(str, arrays))
        reason = "no array of images, which is uint8 [N, height, width, 1 or 3]"
        raise JincError(f"{path}: {reason}; it holds {there:.120}")
    groups: dict[str, list[StoredArray]] = {}
    for array in found:
        groups.setdefault(_split_of(array), []).append(array)
    if "" in groups and len(groups) > 1:
        groups = {"": found}
    return {split or own: _only(group, _IMAGES, path) for split, group in groups.items()}


def _label_array(
    images: StoredArray, others: Sequence[StoredArray], path: Path
) -> StoredArray | None:
    """Find the labels of images among the arrays that may belong to them."""
    count = images.shape[0]
    found = [a for a in others if _words(a) & LABEL_WORDS]
    if not found:
        columns = [a for a in others if _is_column(a, count) and a.dtype.kind in "iubUS"]
        found = [a for a in columns if not _words(a) & _IDENTIFIERS and _repeats(a)]
    if not found:
        return None
    labels = _only(found, LABEL_WORDS, path)
    if labels.dtype.hasobject:
        raise JincError(f"{path}: {labels} has Python objects, never loaded; save numbers or text")
    if not _is_column(labels, count) and not (len(labels.shape) == 2 and labels.shape[0] == count):
        raise JincError(f"{path}: {labels} is not one label for each of {count} images")
    return labels


def _only(arrays: Sequence[StoredArray], words: set[str], path: Path) -> StoredArray:
    """Return the only array, or the only one with one of the words as its name."""
    exact = [a for a in arrays if _words(a) - SPLIT_WORDS.keys() <= words]
    for found in (arrays, exact):
        if len(found) == 1:
            return found[0]
    what = "images" if words is _IMAGES else "labels"
    listed = ", ".join(ascii(a.name)[1:-1] for a in arrays)
    advice = " or, for splits, x_train and x_test" if words is _IMAGES else ""
    raise JincError(f"{path}: {what} could be {listed:.120}; call one of them {what}{advice}")


def _image_set(
    images: StoredArray, classes: tuple[NDArray[np.int64], tuple[str, ...]] | None, path: Path
) -> ImageSet:
    """Read images of either memory order, unless it is ambiguous."""
    shape = images.shape
    notes: tuple[str, ...] = ()
    flat = len(shape) == 3
    # Without labels these could be one picture with its channels first, or one with alpha.
    unclear = classes is None and (shape[0] == 3 or (shape[2] == 4 and shape[1] > 4))
    if flat and classes is None and shape[2] in (1, 3):
        pixels = images.read()[None]
        notes = (f"{images} is one picture",)
    elif flat and not unclear:
        pixels = images.read()[..., None]
    elif not flat and shape[3] in (1, 3):
        pixels = images.read()
    elif not flat and shape[1] in (1, 3):
        pixels = np.moveaxis(images.read(), 1, 3)
        notes = (f"{images} has its channels first",)
    else:
        raise JincError(f"{path}: {images}: save images as [N, height, width, 1 or 3]")
    labels, names = classes or (None, ())
    return ImageSet(pixels, labels, names, path.name, notes)


def _classes(
    stored: dict[str, NDArray[Any]], path: Path
) -> dict[str, tuple[NDArray[np.int64], tuple[str, ...]]]:
    """Number the labels of all splits alike."""
    if not stored:
        return {}
    labels, names = classes_of(np.concatenate(list(stored.values())), str(path))
    ends = np.cumsum([len(values) for values in stored.values()])[:-1]
    return {split: (own, names) for split, own in zip(stored, np.split(labels, ends), strict=True)}


def _values(labels: StoredArray, path: Path) -> NDArray[Any] | None:
    """Read labels, `[N]`; None for multi-label rows."""
    values = labels.read()
    if values.ndim == 2 and values.shape[1] > 1:
        one_hot = np.isin(values, (0, 1)).all() and (values.sum(1, dtype=int) == 1).all()
        return values.argmax(1) if one_hot else None
    values = values.reshape(-1)
    if values.dtype.kind == "f" and bool((values == np.rint(values)).all()):
        values = values.astype(np.int64)
    if values.dtype.kind not in "iubUS":
        raise JincError(f"{path}: {labels} is neither whole numbers nor text, as labels are")
    return values


def _is_images(array: StoredArray) -> bool:
    return array.dtype == np.uint8 and len(array.shape) in (3, 4)


def _may_belong(array: StoredArray, images: dict[str, StoredArray], split: str) -> bool:
    """Whether an array can be about the images of a split."""
    return not _is_images(array) and (len(images) == 1 or _split_of(array) == split)


def _is_column(array: StoredArray, count: int) -> bool:
    return array.shape in ((count,), (count, 1))


def _repeats(array: StoredArray) -> bool:
    return len(np.unique(array.read())) < array.shape[0]


def _words(array: StoredArray) -> set[str]:
    """The words of a name in lower case, as xTrain, x_train and train.x have them."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", array.name)
    return {word.lower() for word in words}


def _split_of(array: StoredArray) -> str:
    """The split in a name; "" for none."""
    return next((split for word, split in SPLIT_WORDS.items() if word in _words(array)), "")
