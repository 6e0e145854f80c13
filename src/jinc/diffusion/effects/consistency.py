"""Holding a prediction to what a small image shows of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinc.diffusion.effects.batched import Branch
from jinc.diffusion.effects.effect import Effect
from jinc.diffusion.shapes import check_same_shape
from jinc.signal import block_mean, repeat_pixels
from jinc.types import Denoiser, Images, Steps


@dataclass(frozen=True, eq=False)
class consistent(Effect):
    """Make predictions agree with a small image: `x0 = x0_hat + R(low − M x0_hat)`.

    M takes means of blocks and R repeats pixels. M R is the identity, so that the means of x0 are
    the small image exactly; and R is the transpose of M but for a factor, so that x0 is the nearest
    of all images with these means. Whatever the denoiser says, where `low` is true the real image
    is one of them, and x0 is no farther from it than x0_hat.

    Args:
        denoiser: whose predictions are held.
        low: small images, `[B, C, h, w]`.
        factor: pixels a side of a block, ≥ 1.

    Raises:
        JincError: when asked, images that are not `factor` times as large.

    Source: the null-space part is left to the denoiser, as in DDNM (arXiv 2212.00490), section 3.

    >>> import torch
    >>> ramp = lambda x_t, t: torch.tensor([[[[0.0, 0.0], [1.0, 1.0]]]])
    >>> held = consistent(ramp, low=torch.full((1, 1, 1, 1), 0.75), factor=2)
    >>> held(torch.zeros(1, 1, 2, 2), torch.tensor([5])).tolist()
    [[[[0.25, 0.25], [1.25, 1.25]]]]
    """

    denoiser: Denoiser
    low: Images
    factor: int

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it came."""
        return [Branch(self.denoiser, x_t, t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The answer, with the means that are known."""
        means = block_mean(answers[0], self.factor)
        low = self.low.to(means)
        check_same_shape(means, low, "low")
        return answers[0] + repeat_pixels(low - means, self.factor)
