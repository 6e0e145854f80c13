"""Labels as a file stores them, to classes numbered from 0."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinc.data.tree import natural_key
from jinc.errors import JincError

MOST_CLASSES = 100_000
"""Beyond this, numbers are taken for identifiers of images."""

LONGEST_NAME = 255
"""Characters of a label."""

LABEL_WORDS = {"y", "label", "labels", "target", "targets", "class", "classes", "digit"}
"""What arrays and columns of labels are called."""


def classes_of(stored: NDArray[Any], name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number the classes that occur, and name each by its label.

    Args:
        stored: labels, `[count]`: whole numbers with or without gaps, or text.
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
    """Return the class names of several sets as one: as they are, or in natural order.

    >>> merged_names([("2", "10"), ("1", "2")])
    ('1', '2', '10')
    """
    if all(names == groups[0] for names in groups):
        return groups[0]
    return tuple(sorted({name for names in groups for name in names}, key=natural_key))
