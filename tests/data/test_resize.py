from itertools import product

import numpy as np
import pytest
from PIL import Image

from jinc.data import FILTERS, fit_image, fit_images, resize_square, to_channels
from jinc.errors import JincError

SHAPES = [(7, 7), (6, 9), (9, 6), (5, 8), (1, 4), (32, 20)]


@pytest.mark.parametrize("name", FILTERS)
def test_a_constant_stays_that_constant(name) -> None:
    for shape, channels, size in product(SHAPES, (1, 3), (1, 4, 7, 13)):
        resized = resize_square(np.full((*shape, channels), 93, np.uint8), size, name)
        assert resized.shape == (size, size, channels)
        assert (resized == 93).all()


def asymmetry(image, turn, size: int, name: str) -> int:
    resized = turn(resize_square(image, size, name).astype(int))
    other = resize_square(np.ascontiguousarray(turn(image)), size, name).astype(int)
    return abs(other - resized).max()


@pytest.mark.parametrize("name", ["bilinear", "bicubic", "lanczos"])
def test_it_commutes_with_flips(rng, name) -> None:
    for shape, size in product(SHAPES, (4, 7, 13)):
        image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        for turn in (np.fliplr, np.flipud, lambda a: a[::-1, ::-1]):
            assert asymmetry(image, turn, size, name) <= 1


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud])
@pytest.mark.parametrize("shape", [(16, 16), (16, 28), (36, 20)])
def test_box_commutes_with_flips_where_its_edges_fall_between_pixels(rng, turn, shape) -> None:
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert asymmetry(image, turn, 4, "box") <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_bilinear_commutes_with_transposition(rng, shape) -> None:
    # Not so for filters that overshoot: Pillow clamps between its two passes.
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert asymmetry(image, lambda a: a.swapaxes(0, 1), 7, "bilinear") <= 1


def test_even_margins_are_cut_and_nothing_else_is_touched(rng) -> None:
    image = rng.integers(0, 256, (6, 10, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_square(image, 6), image[:, 2:8])


def test_halving_with_box_is_the_mean_of_four(rng) -> None:
    image = rng.integers(0, 256, (8, 8, 1), dtype=np.uint8)
    means = image.reshape(4, 2, 4, 2).mean(axis=(1, 3))
    assert abs(resize_square(image, 4, "box")[..., 0] - means).max() <= 1


@pytest.mark.parametrize("name", FILTERS)
def test_it_is_antialiased(name) -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))[..., None]
    inside = resize_square(stripes, 8, name)[1:-1, 1:-1].astype(int)
    assert abs(inside - 127.5).max() < 10


def test_grey_is_pillows_luma(rng) -> None:
    colours = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    luma = np.asarray(Image.fromarray(colours).convert("L"))
    np.testing.assert_array_equal(to_channels(colours, 1)[..., 0], luma)


def test_grey_to_rgb_and_back_is_exact() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    np.testing.assert_array_equal(to_channels(to_channels(grey, 3), 1), grey)


@pytest.mark.parametrize("stored", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_many_images_are_fitted_as_one_is(rng, stored, channels) -> None:
    images = rng.integers(0, 256, (5, 8, 9, stored), dtype=np.uint8)
    many = fit_images(images, 6, channels, "lanczos")
    one_by_one = [fit_image(image, 6, channels, "lanczos") for image in images]
    np.testing.assert_array_equal(many, one_by_one)


def test_no_options_change_nothing(rng) -> None:
    images = rng.integers(0, 256, (2, 8, 9, 3), dtype=np.uint8)
    assert fit_images(images) is images
    assert fit_images(images[:, :, :8], 8, 3).base is images


@pytest.mark.parametrize(
    ("size", "channels", "name", "reason"),
    [
        (0, None, "box", "image_size must be 1 or more, not 0"),
        (-3, None, "box", "image_size must be 1 or more, not -3"),
        (8, 2, "box", "channels must be 1 .* or 3 .*, not 2"),
        (8, 3, "nearest", "one of box, bilinear, bicubic, lanczos, not 'nearest'"),
    ],
)
def test_arguments_out_of_range(size, channels, name, reason) -> None:
    with pytest.raises(JincError, match=reason):
        fit_images(np.zeros((1, 8, 8, 3), np.uint8), size, channels, name)


def test_images_that_would_fill_memory_are_refused_with_their_size() -> None:
    images = np.zeros((200_000, 1, 1, 3), np.uint8)
    with pytest.raises(JincError, match="200,000 images of 9000×9000 pixels take 45,262 GiB"):
        fit_images(images, 9000)
