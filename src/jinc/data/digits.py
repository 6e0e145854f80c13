"""The bundled set: scikit-learn's 1,797 handwritten digits of 8×8 pixels."""

import numpy as np

from jinc.data.classes import classes_of
from jinc.data.imageset import ImageSet


def read_digits() -> ImageSet:
    """Read scikit-learn's digits, whose values 0 to 16 become 0 to 255.

    Returns:
        1,797 grey 8×8 images in ten classes.
    """
    from sklearn.datasets import load_digits  # heavy: only when asked for

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    return ImageSet(images, *classes_of(digits.target, "digits"), "digits")
