"""Resizing of images to the input size of a feature network."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

Resize: TypeAlias = Literal["none", "antialiased", "tensorflow1", "inside"]
"""None; antialiased; as TensorFlow 1 does; or inside the network."""


def resize_tensorflow1(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize bilinearly as TensorFlow 1 did, without antialiasing or half-pixel centres.

    Row i of H comes from h/H·i, which shifts the image up and left by up to half a pixel; FID is
    defined with it.

    Args:
        images: float, `[B, C, h, w]`.
        size: H and W.

    Returns:
        `[B, C, H, W]`.

    Source: `tf.image.resize_bilinear` with `align_corners=False`, before `half_pixel_centers`.

    >>> resize_tensorflow1(torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), (1, 4)).flatten().tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    for axis, length in zip((-1, -2), (size[1], size[0]), strict=True):
        images = _stretched(images, axis, length)
    return images


def resize_antialiased(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize bilinearly with a filter as wide as the step, as Pillow does.

    Args:
        images: float, `[B, C, h, w]`.
        size: H and W.

    Returns:
        `[B, C, H, W]`, the same tensor where nothing changes.
    """
    if tuple(images.shape[-2:]) == size:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)


def _stretched(images: Tensor, axis: int, length: int) -> Tensor:
    """Resize along one axis."""
    last = images.shape[axis] - 1
    # Positions in float32, since that is where TensorFlow rounds them.
    step = torch.tensor((last + 1) / length, dtype=torch.float32, device=images.device)
    place = torch.arange(length, dtype=torch.float32, device=images.device) * step
    low = place.long().clamp(max=last)
    high = (low + 1).clamp(max=last)
    share = (place - low).to(images.dtype)
    share = share if axis == -1 else share[:, None]
    start = images.index_select(axis, low)
    return start + (images.index_select(axis, high) - start) * share


RESIZES: Mapping[Resize, Callable[[Tensor, tuple[int, int]], Tensor]] = {
    "none": lambda images, _: images,
    "inside": lambda images, _: images,
    "antialiased": resize_antialiased,
    "tensorflow1": resize_tensorflow1,
}
