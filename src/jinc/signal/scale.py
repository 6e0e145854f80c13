"""Images by a whole number of times smaller or larger.

A mean over blocks and its repetition are a pair: taking the mean undoes the repetition, and
repetition is, but for a factor, the transpose of the mean. So `x − repeat(mean(x))` is orthogonal
to all images of blocks, which makes the image nearest to x that has given means a formula.
"""

import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError


def block_mean(x: Tensor, factor: int) -> Tensor:
    """Make images smaller: every pixel the mean of a block, as a sensor's larger pixel would see.

    Args:
        x: `[B, C, H, W]`, H and W multiples of the factor.
        factor: pixels a side of a block, ≥ 1.

    Returns:
        `[B, C, H/factor, W/factor]`.

    Raises:
        JincError: a size that the factor does not divide.

    >>> import torch
    >>> block_mean(torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]]), 2).item()
    3.0
    """
    height, width = x.shape[-2:]
    if height % factor or width % factor:
        raise JincError(f"image size: {height}×{width} cannot be divided by {factor}")
    return F.avg_pool2d(x, factor)


def repeat_pixels(x: Tensor, factor: int) -> Tensor:
    """Make images larger: every pixel a block of one colour.

    Args:
        x: `[B, C, H, W]`.
        factor: pixels a side of a block, ≥ 1.

    Returns:
        `[B, C, factor·H, factor·W]`.
    """
    return x.repeat_interleave(factor, -2).repeat_interleave(factor, -1)


def bicubic(x: Tensor, factor: int) -> Tensor:
    """Make images larger by cubic convolution, every pixel in the middle of its block.

    It reproduces parabolas, commutes with flips and quarter turns, and is what Pillow does; that
    is what larger images are usually compared with.

    Args:
        x: `[B, C, H, W]`; beyond the edges there is nothing, and what is inside gets its weight.
        factor: how many times larger, ≥ 1.

    Returns:
        `[B, C, factor·H, factor·W]`.

    Source: Keys 1981, "Cubic convolution interpolation", a = −½.
    """
    # Only the antialiased form has a = −½; torch's other one has −¾, which overshoots more.
    return F.interpolate(x, scale_factor=factor, mode="bicubic", antialias=True)
