"""Holding a prediction to what is known of the image."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from jinc.diffusion.effects.batched import Branch
from jinc.diffusion.effects.effect import Effect
from jinc.diffusion.masks import mask_for
from jinc.diffusion.shapes import check_same_shape
from jinc.types import Denoiser, Images, Steps


@dataclass(frozen=True, eq=False)
class project(Effect):
    """Put known pixels in the place of predicted ones: `x0 = w·onto + (1−w)·x0_hat`.

    The end has the known pixels exactly where w is 1. What is around them follows only as far as
    the denoiser makes it; `replace` with RePaint's jumps fits it better.

    Args:
        denoiser: whose predictions are held.
        onto: clean images, `[B, C, H, W]`, or `[1, C, H, W]` for all.
        where: w, how much of each pixel is known, 0 … 1: `[H, W]`, or `[B, 1, H, W]`.

    Raises:
        JincError: a mask of another shape or range; when asked, images of another shape.

    >>> import torch
    >>> grey = lambda x_t, t: 0 * x_t
    >>> half = project(grey, onto=torch.ones(1, 1, 1, 2), where=torch.tensor([[1.0, 0.0]]))
    >>> half(torch.zeros(1, 1, 1, 2), torch.tensor([5])).tolist()
    [[[[1.0, 0.0]]]]
    """

    denoiser: Denoiser
    onto: Images
    where: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", mask_for(self.onto, self.where, "where"))

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it came."""
        return [Branch(self.denoiser, x_t, t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The answer, with what is known in its place."""
        where, known = self.where.to(x_t), (self.where * self.onto).to(x_t)
        check_same_shape(x_t, known, "onto")
        return known + (1 - where) * answers[0]
