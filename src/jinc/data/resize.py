"""Resizing to squares, and conversion between grey and RGB."""

import math

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from jinc.errors import JincError

FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_CHUNK = 1024


def check_fit(image_size: int | None, channels: int | None, resize_filter: str) -> None:
    """Raise a JincError if one of the arguments of `fit_images` is out of range."""
    if image_size is not None and image_size < 1:
        raise JincError(f"image_size must be 1 or more, not {image_size}")
    if channels not in (None, 1, 3):
        raise JincError(f"channels must be 1 (grey) or 3 (RGB), not {channels}")
    if resize_filter not in FILTERS:
        raise JincError(f"resize_filter must be one of {', '.join(FILTERS)}, not {resize_filter!r}")


def to_channels(images: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Convert between grey and RGB; grey is the luma of ITU-R BT.601, rounded as Pillow does.

    Args:
        images: `[..., 1 or 3]`.
        channels: 1 or 3.

    Returns:
        `[..., channels]`, the same array where nothing changes.
    """
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    # 0.299, 0.587 and 0.114 in 1/65536, with half a step for rounding; their sum is 65536.
    weights = np.array([19595, 38470, 7471], np.uint32)
    luma = (images.astype(np.uint32) @ weights + np.uint32(0x8000)) >> 16
    return luma.astype(np.uint8)[..., None]


def resize_square(
    image: NDArray[np.uint8], size: int, resize_filter: str = "bilinear"
) -> NDArray[np.uint8]:
    """Crop the largest centred square of an image and resize it with Pillow, antialiased.

    For odd margins the square begins at half a pixel, so that it is still centred ("box" has no
    half pixels, and rounds to one side).

    Args:
        image: `[height, width, 1 or 3]`.
        size: pixels a side.
        resize_filter: a name of `FILTERS`.

    Returns:
        `[size, size, 1 or 3]`, the same array where nothing changes.
    """
    height, width, channels = image.shape
    if (height, width) == (size, size):
        return image
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    box = (left, top, left + side, top + side)
    resized = np.asarray(picture.resize((size, size), FILTERS[resize_filter], box=box))
    return resized.reshape(size, size, channels)


def fit_image(
    image: NDArray[np.uint8], size: int, channels: int, resize_filter: str = "bilinear"
) -> NDArray[np.uint8]:
    """Crop, resize and convert one image.

    Args:
        image: `[height, width, 1 or 3]`.
        size: pixels a side.
        channels: 1 or 3.
        resize_filter: a name of `FILTERS`.

    Returns:
        `[size, size, channels]`.
    """
    if channels == 1:  # fewer channels to resize
        image = to_channels(image, 1)
    return to_channels(resize_square(image, size, resize_filter), channels)


def fits_in_memory(size: int) -> bool:
    """Whether a number of bytes is at most half of the machine's memory."""
    whole: int = psutil.virtual_memory().total
    return size <= whole // 2


def fit_images(
    images: NDArray[np.uint8],
    image_size: int | None = None,
    channels: int | None = None,
    resize_filter: str = "bilinear",
) -> NDArray[np.uint8]:
    """Crop, resize and convert all images of an array.

    Args:
        images: `[count, height, width, 1 or 3]`.
        image_size: pixels a side; None keeps the size, square or not.
        channels: 1 or 3; None keeps them.
        resize_filter: a name of `FILTERS`.

    Returns:
        `[count, height, width, channels]`, the same array where nothing changes.

    Raises:
        JincError: an argument is out of range, or the images would not fit in memory.
    """
    check_fit(image_size, channels, resize_filter)
    if channels is not None and channels != images.shape[3]:  # in parts: luma needs 12 bytes each
        parts = [images[i : i + _CHUNK] for i in range(0, max(1, len(images)), _CHUNK)]
        images = np.concatenate([to_channels(part, channels) for part in parts])
    if image_size is None or images.shape[1:3] == (image_size, image_size):
        return images
    shape = (len(images), image_size, image_size, images.shape[3])
    if not fits_in_memory(math.prod(shape)):
        size = f"{shape[0]:,} images of {shape[1]}×{shape[2]}"
        needed = f"{math.prod(shape) / 2**30:,.0f} GiB, over half of all memory"
        raise JincError(f"image_size: {size} pixels take {needed}; choose a smaller one")
    resized = np.empty(shape, np.uint8)
    for index, image in enumerate(images):
        resized[index] = resize_square(image, image_size, resize_filter)
    return resized
