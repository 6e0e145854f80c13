"""Copies are found, and images that are no copies are not called such."""

import numpy as np
import pytest
import torch
from torch import nn

from jinc.data import ImageSet, to_float
from jinc.errors import JincError
from jinc.metrics import Extractor, features_of, neighbours_by_features, neighbours_by_pixels


def images(seed: int, count: int) -> ImageSet:
    data = np.random.default_rng(seed).integers(0, 256, (count, 5, 4, 3), dtype=np.uint8)
    return ImageSet(data, None, (), f"set {seed}")


TRAIN, HELD_OUT = images(0, 300), images(1, 200)


def test_copies_are_found_by_pixels_and_by_features() -> None:
    copied = [7, 299, 7]
    made = to_float(TRAIN.batch(copied))
    extractor = Extractor("pixels", nn.Flatten(), resize="none")
    features = [features_of(each, extractor) for each in (TRAIN, HELD_OUT)]
    found = [
        neighbours_by_pixels(made, TRAIN, 2, HELD_OUT),
        neighbours_by_features(features_of([made], extractor), features[0], 2, features[1]),
    ]
    for each in found:
        assert each.places[:, 0].tolist() == copied
        assert each.distances[:, 0].eq(0).all()
        assert each.distances[:, 1].gt(0).all()
        assert each.too_near.value == 1
    torch.testing.assert_close(found[0].distances * 60**0.5, found[1].distances)
    torch.testing.assert_close(found[0].usual * 60**0.5, found[1].usual)


def test_fresh_images_are_as_far_as_held_out_ones() -> None:
    fresh = neighbours_by_pixels(images(2, 400).batch(range(400)), TRAIN, 1, HELD_OUT)
    assert fresh.too_near.value == pytest.approx(0.01, abs=0.02)
    assert neighbours_by_pixels(HELD_OUT.batch([0]), TRAIN, 1).too_near is None


def test_distances_are_root_mean_squares() -> None:
    one = ImageSet(np.zeros((1, 5, 4, 3), np.uint8), None, (), "black")
    white = torch.ones(1, 3, 5, 4)
    assert neighbours_by_pixels(white, one, 1).distances.item() == pytest.approx(2, rel=1e-6)


def test_what_is_refused() -> None:
    with pytest.raises(JincError, match=r"\[3, 4, 5\] beside \[3, 5, 4\] of set 0"):
        neighbours_by_pixels(torch.zeros(1, 3, 4, 5), TRAIN)
    with pytest.raises(JincError, match="300 images have no 301 neighbours"):
        neighbours_by_pixels(torch.zeros(1, 3, 5, 4), TRAIN, 301)
    one, other = (features_of(TRAIN, Extractor(name, nn.Flatten(), resize="none")) for name in "ab")
    with pytest.raises(JincError, match="differ in extractor"):
        neighbours_by_features(one, other)
