"""The bundled set: scikit-learn's 1,797 handwritten digits of 8×8 pixels."""

import numpy as np
from numpy.typing import NDArray

from jinc.data.imageset import ImageSet


def digit_names(labels: NDArray[np.int64]) -> tuple[str, ...]:
    """Name the classes of a set in MNIST's layout by their numbers.

    Args:
        labels: `[count]`, 0 or more.

    Returns:
        At least "0" to "9", so that a part of MNIST has MNIST's classes; more if labels go higher.

    >>> digit_names(np.array([3, 10]))[-2:]
    ('9', '10')
    """
    return tuple(map(str, range(max(10, int(labels.max(initial=0)) + 1))))


def read_digits() -> ImageSet:
    """Read scikit-learn's digits, whose values 0 to 16 become 0 to 255.

    Returns:
        1,797 grey 8×8 images in ten classes.
    """
    from sklearn.datasets import load_digits  # heavy: only when asked for

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = np.asarray(digits.target, dtype=np.int64)
    return ImageSet(images, labels, digit_names(labels), "digits")
