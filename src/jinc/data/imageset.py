"""A set of images with or without labels, in memory or memory-mapped."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias
from unicodedata import category

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data.tree import natural_key
from jinc.errors import JincError, counted

_SHOWN = 10

MOST_CLASSES = 100_000
"""Maximum number of classes; more are taken for identifiers of images."""

LONGEST_NAME = 255
"""Characters of a label."""

LABEL_WORDS = {"y", "label", "labels", "target", "targets", "class", "classes", "digit"}
"""Names of arrays and columns of labels."""


@dataclass(frozen=True)
class Summary:
    """Facts about a set of images.

    Args:
        name: of the set.
        images: their number.
        size: height and width, px.
        channels: 1 or 3.
        split: of a divided set; "" for an undivided one.
        classes: number of images per class; empty without classes.
        passed_over: number of skipped files by reason.
        notes: decisions of the reader, a short line each.
    """

    name: str
    images: int
    size: tuple[int, int]
    channels: int
    split: str
    classes: Mapping[str, int]
    passed_over: Mapping[str, int]
    notes: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        height, width = self.size
        colours = "grey" if self.channels == 1 else "RGB"
        parts = [f"{counted(self.images, 'images')} of {self.name}, {height}×{width}, {colours}"]
        parts += [f"{self.split} split"] * bool(self.split)
        parts += [self._classes()]
        if self.passed_over:
            few = _few(counted(count, reason) for reason, count in self.passed_over.items())
            parts.append(f"passed over: {few}")
        return "; ".join([*parts, *self.notes])

    def _classes(self) -> str:
        if not self.classes:
            return "no classes"
        count = f"{len(self.classes):,} class{'es' if len(self.classes) > 1 else ''}"
        return f"{count}: {_few(f'{name} ({n:,})' for name, n in self.classes.items())}"


def _few(words: Iterable[str]) -> str:
    listed = list(words)
    return ", ".join(listed[:_SHOWN]) + ", …" * (len(listed) > _SHOWN)


Indices: TypeAlias = Sequence[int] | NDArray[np.integer] | Tensor
"""Positions in a set, `[batch]`."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one size, with or without classes.

    Args:
        images: uint8, `[count, height, width, channels]`, 1 or 3 channels, perhaps read-only.
        labels: int64, `[count]`, 0 to `len(class_names) - 1`; None without classes.
        class_names: one per class; empty without labels.
        name: of the set, in messages and tables.
        notes: decisions of the reader, a short line each.
        split: of a divided set; "" for an undivided one.
        passed_over: number of skipped files by reason.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    name: str
    notes: tuple[str, ...] = ()
    split: str = ""
    passed_over: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[3] not in (1, 3):
            found = f"{self.images.dtype} {list(shape)}"
            raise JincError(
                f"{self.name}: images must be uint8 [count, height, width, 1 or 3], not {found}"
            )
        if 0 in shape[1:]:
            raise JincError(f"{self.name}: images of {shape[2]}x{shape[1]} pixels hold nothing")
        if self.labels is None:
            if self.class_names:
                raise JincError(f"{self.name}: class names without labels")
            return
        if self.labels.dtype != np.int64 or self.labels.shape != (shape[0],):
            found = f"{self.labels.dtype} {list(self.labels.shape)}"
            raise JincError(f"{self.name}: labels must be int64 [{shape[0]}], not {found}")
        for name in self.class_names:
            if any(category(letter) in ("Cc", "Cs") for letter in name):  # control, surrogate
                raise JincError(f"{self.name}: class name {name!a:.60} is not text; rename it")
        if len(set(self.class_names)) < len(self.class_names):
            raise JincError(f"{self.name}: two classes have one name")
        classes = len(self.class_names)
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < classes:
            low, high = self.labels.min(), self.labels.max()
            raise JincError(f"{self.name}: labels {low} to {high} for {classes} class names")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.images.shape[3])

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.images.shape[1]), int(self.images.shape[2])

    def summary(self) -> Summary:
        """Return the facts about the set."""
        labels = np.zeros(0, np.int64) if self.labels is None else self.labels
        counts = np.bincount(labels, minlength=len(self.class_names)).tolist()
        return Summary(
            self.name,
            len(self),
            self.image_size,
            self.channels,
            self.split,
            dict(zip(self.class_names, counts, strict=True)),
            self.passed_over,
            self.notes,
        )

    def fingerprint(self) -> str:
        """Return a hash of 256 evenly spaced images, the number of images and all labels.

        Returns:
            16 hexadecimal digits.
        """
        places = np.linspace(0, max(0, len(self) - 1), min(len(self), 256)).astype(np.int64)
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images[places]).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()[:16]

    @property
    def is_grey(self) -> bool:
        """Whether all pixels are grey, in 1 or 3 channels."""
        parts = (self.images[first : first + 1024] for first in range(0, len(self), 1024))
        return self.channels == 1 or all(bool((part == part[..., :1]).all()) for part in parts)

    def batch(self, indices: Indices) -> Tensor:
        """Copy images to a tensor.

        Args:
            indices: `[batch]`.

        Returns:
            uint8, `[batch, channels, height, width]`, with channels-last strides.
        """
        picked = np.asarray(self.images[_array(indices)])  # indexing has copied already
        return torch.from_numpy(picked).permute(0, 3, 1, 2)

    def subset(self, indices: slice | Indices) -> "ImageSet":
        """Return some of the images, with the same class names.

        Args:
            indices: a slice, which shares memory, or `[count]` positions, which copy.
        """
        at = indices if isinstance(indices, slice) else _array(indices)
        labels = None if self.labels is None else self.labels[at]
        return replace(self, images=self.images[at], labels=labels)


def _array(indices: Indices) -> NDArray[np.int64]:
    found = np.asarray(indices)
    if found.dtype == np.bool_:  # a mask would pass for positions 0 and 1
        raise TypeError("indices are positions, not a mask")
    return found.astype(np.int64).reshape(-1)


def concatenate(sets: Sequence[ImageSet], name: str) -> ImageSet:
    """Concatenate sets of images of one size.

    Args:
        sets: one or more; the result has labels if all have them; classes are matched by name.
        name: of the result.

    Raises:
        JincError: sizes or channels differ.
    """
    if len({s.images.shape[1:] for s in sets}) != 1:
        raise JincError(f"{name}: its parts differ in image size or channels")
    images = sets[0].images if len(sets) == 1 else np.concatenate([s.images for s in sets])
    notes = tuple(dict.fromkeys(note for s in sets for note in s.notes))
    labels = [(s.labels, s.class_names) for s in sets if s.labels is not None]
    split = sets[0].split if len({s.split for s in sets}) == 1 else ""
    if len(labels) < len(sets):
        return ImageSet(images, None, (), name, notes, split)
    names = merged_names([own for _, own in labels])
    place = {name: number for number, name in enumerate(names)}
    renumbered = [np.array([place[n] for n in own], np.int64)[at] for at, own in labels]
    return ImageSet(images, np.concatenate(renumbered), names, name, notes, split)


def classes_of(stored: NDArray[Any], name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number the classes that occur, named by their labels.

    Args:
        stored: labels, `[count]`: integers with or without gaps, or text.
        name: the file, for errors.

    Returns:
        int64 `[count]`, from 0; and the labels themselves, in natural order, as class names.

    Raises:
        JincError: there are over 100,000 different labels, one of over 255 characters, or bytes
            that are not UTF-8.

    >>> classes_of(np.array([30, 1, 30]), "numbers.npz")
    (array([1, 0, 1]), ('1', '30'))
    """
    values, places = np.unique(stored, return_inverse=True)
    if len(values) > MOST_CLASSES:
        raise JincError(f"{name}: {len(values):,} different labels, the limit is {MOST_CLASSES:,}")
    try:
        names = [v.decode() if isinstance(v, bytes) else str(v) for v in values.tolist()]
    except UnicodeDecodeError:
        raise JincError(f"{name}: its labels are not UTF-8 text") from None
    if max(map(len, names), default=0) > LONGEST_NAME:
        raise JincError(f"{name}: a label has over {LONGEST_NAME} characters")
    if values.dtype.kind not in "US":  # numbers are in order already
        return places.astype(np.int64), tuple(names)
    order = sorted(range(len(names)), key=lambda i: natural_key(names[i]))
    return np.argsort(order)[places].astype(np.int64), tuple(names[i] for i in order)


def merged_names(groups: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the union of several lists of class names, in natural order unless they are equal.

    >>> merged_names([("2", "10"), ("1", "2")])
    ('1', '2', '10')
    """
    if all(names == groups[0] for names in groups):
        return groups[0]
    return tuple(sorted({name for names in groups for name in names}, key=natural_key))
