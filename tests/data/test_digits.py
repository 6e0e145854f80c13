import numpy as np
import pytest

from jinc.data import load_images
from jinc.errors import JincError


def test_digits_use_the_whole_range_in_seventeen_levels() -> None:
    digits = load_images("digits")
    assert digits.images.shape == (1797, 8, 8, 1)
    assert digits.class_names == tuple("0123456789")
    levels = np.unique(digits.images)
    assert (len(levels), levels[0], levels[-1]) == (17, 0, 255)
    assert digits.labels is not None
    assert np.bincount(digits.labels).min() > 170


def test_digits_can_be_resized() -> None:
    assert load_images("digits", image_size=16, channels=3).images.shape == (1797, 16, 16, 3)


def test_digits_have_no_test_split() -> None:
    with pytest.raises(JincError, match="digits: there is no test split"):
        load_images("digits", split="test")
