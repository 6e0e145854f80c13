"""Resizing against the slow form, and against what is known of it."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.metrics.features.extractors import resize_antialiased, resize_tensorflow1


def slow_tensorflow1(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Pixel by pixel, in plain numbers."""
    rows, columns = image.shape
    out = torch.empty(height, width, dtype=torch.float64)
    for i in range(height):
        for j in range(width):
            y, x = i * rows / height, j * columns / width
            top, left = math.floor(y), math.floor(x)
            bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
            v, u = y - top, x - left
            above = (1 - u) * float(image[top, left]) + u * float(image[top, right])
            below = (1 - u) * float(image[bottom, left]) + u * float(image[bottom, right])
            out[i, j] = (1 - v) * above + v * below
    return out


@pytest.mark.parametrize("size", [(28, 28), (32, 20), (40, 75), (1, 3)])
def test_tensorflow1_pixel_by_pixel(size) -> None:
    image = 255 * torch.rand(*size, generator=torch.Generator().manual_seed(0))
    found = resize_tensorflow1(image[None, None], (61, 37))[0, 0]
    torch.testing.assert_close(found.double(), slow_tensorflow1(image, 61, 37), atol=2e-3, rtol=0)


def test_tensorflow1_starts_at_the_first_pixel_and_not_at_its_centre() -> None:
    ramp = torch.arange(32.0).expand(1, 1, 32, 32)
    stretched = resize_tensorflow1(ramp, (299, 299))[0, 0, 0]
    place = torch.arange(299) * 32 / 299
    torch.testing.assert_close(stretched, place.clamp(max=31), atol=1e-4, rtol=0)
    centred = torch.nn.functional.interpolate(ramp, (299, 299), mode="bilinear")[0, 0, 0]
    off = (stretched - centred)[20:-20]  # half a pixel, less half a new one
    torch.testing.assert_close(off, torch.full_like(off, 0.5 - 16 / 299), atol=1e-4, rtol=0)


def test_images_of_the_right_size_stay() -> None:
    image = torch.rand(2, 3, 9, 9)
    assert torch.equal(resize_tensorflow1(image, (9, 9)), image)
    assert resize_antialiased(image, (9, 9)) is image


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (50, 50)])
def test_antialiased_as_pillow_does(size) -> None:
    image = 255 * torch.rand(32, 32, generator=torch.Generator().manual_seed(0))
    picture = Image.fromarray(image.numpy())
    expected = torch.from_numpy(np.array(picture.resize(size, Image.Resampling.BILINEAR)))
    found = resize_antialiased(image[None, None], size)[0, 0]
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=0)
