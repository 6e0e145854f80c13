"""Constraining predictions to what is known: a small version of the image, or its pixels."""

from dataclasses import dataclass

from torch import Tensor

from jinc.diffusion.effects.effect import Adjustment
from jinc.diffusion.shapes import check_same_shape, mask_for
from jinc.signal import block_mean, repeat_pixels
from jinc.types import Images, Steps


@dataclass(frozen=True, eq=False)
class consistent(Adjustment):
    """Make predictions agree with a small image: `x0 = x0_hat + R(low − M x0_hat)`.

    M takes means of blocks and R repeats pixels. M R is the identity, so that the means of x0 are
    the small image exactly; and R is the transpose of M but for a factor, so that x0 is the nearest
    of all images with these means. Whatever the denoiser says, where `low` is true the real image
    is one of them, and x0 is no farther from it than x0_hat.

    Args:
        denoiser: whose predictions are held.
        low: small images, `[B, C, h, w]`.
        factor: pixels a side of a block, ≥ 1.

    Source: the null-space part is left to the denoiser, as in DDNM (arXiv 2212.00490), section 3.

    >>> import torch
    >>> ramp = lambda x_t, t: torch.tensor([[[[0.0, 0.0], [1.0, 1.0]]]])
    >>> held = consistent(ramp, low=torch.full((1, 1, 1, 1), 0.75), factor=2)
    >>> held(torch.zeros(1, 1, 2, 2), torch.tensor([5])).tolist()
    [[[[0.25, 0.25], [1.25, 1.25]]]]
    """

    low: Images
    factor: int

    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        """The answer, with the means that are known."""
        means = block_mean(x0_hat, self.factor)
        low = self.low.to(means)
        check_same_shape(means, low, "low")
        return x0_hat + repeat_pixels(low - means, self.factor)


@dataclass(frozen=True, eq=False)
class project(Adjustment):
    """Put known pixels in the place of predicted ones: `x0 = w·onto + (1−w)·x0_hat`.

    The end has the known pixels exactly where w is 1. What is around them follows only as far as
    the denoiser makes it; `replace` with RePaint's jumps fits it better.

    Args:
        denoiser: whose predictions are held.
        onto: clean images, `[B, C, H, W]`, or `[1, C, H, W]` for all.
        where: w, how much of each pixel is known, 0 … 1: `[H, W]`, or `[B, 1, H, W]`.

    >>> import torch
    >>> grey = lambda x_t, t: 0 * x_t
    >>> half = project(grey, onto=torch.ones(1, 1, 1, 2), where=torch.tensor([[1.0, 0.0]]))
    >>> half(torch.zeros(1, 1, 1, 2), torch.tensor([5])).tolist()
    [[[[1.0, 0.0]]]]
    """

    onto: Images
    where: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", mask_for(self.onto, self.where, "where"))

    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        """The answer, with what is known in its place."""
        where, known = self.where.to(x_t), (self.where * self.onto).to(x_t)
        check_same_shape(x_t, known, "onto")
        return known + (1 - where) * x0_hat
