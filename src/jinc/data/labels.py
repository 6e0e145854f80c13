"""Class labels: numbered from 0, and taken from folders or file names."""

import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinc.data.tree import NaturalKey, natural_key
from jinc.errors import JincError, unknown

MOST_CLASSES = 100_000
"""Maximum number of classes; more are taken for identifiers of images."""

LONGEST_NAME = 255
"""Characters of a label."""

LABEL_WORDS = {"y", "label", "labels", "target", "targets", "class", "classes", "digit"}
"""Names of arrays and columns of labels."""


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


CLASSES_FROM = ("auto", "folders", "names", "none")
COLUMN = "column:"


def check_classes_from(source: str) -> None:
    """Raise a JincError unless a source is one of `CLASSES_FROM`, or `column:` and a name."""
    if source not in CLASSES_FROM and not source.startswith(COLUMN):
        raise unknown(
            f"classes_from: unknown source {source!r:.40}", source, [*CLASSES_FROM, "column:NAME"]
        )


def class_of_name(path: str) -> str:
    """Return the class that a file is named after: its name without the number at the end.

    >>> [class_of_name(file) for file in ("cat_001.png", "n01440764_10026.JPEG", "eel (2).png")]
    ['cat', 'n01440764', 'eel']
    """
    stem = PurePosixPath(path).stem
    return re.sub(r"(?:[\W_]+\d+)+\W*$|\d+$", "", stem)


def are_buckets(folders: Mapping[str, Collection[str]]) -> bool:
    """Tell whether numbered folders only divide one numbered series of files, as StyleGAN's do.

    Folders are buckets if their names are numbers of one width, three digits or more, and if the
    numbers of the files go on from folder to folder; in folders that are classes (GTSRB's) they
    begin again.

    >>> are_buckets({"00000": ["img0.png", "img1.png"], "00001": ["img2.png"]})
    True
    >>> are_buckets({"00000": ["00000.ppm", "00001.ppm"], "00001": ["00000.ppm"]})
    False
    """
    if (
        not all(re.fullmatch("[0-9]{3,}", name) for name in folders)
        or len(set(map(len, folders))) > 1
    ):
        return False
    last: NaturalKey | None = None
    for _, files in sorted(folders.items()):
        stems = [PurePosixPath(file).stem for file in files]
        keys = [natural_key(stem) for stem in stems]
        if not all(stem[-1:].isdigit() for stem in stems) or (last and min(keys) <= last):
            return False
        last = max(keys)
    return True
