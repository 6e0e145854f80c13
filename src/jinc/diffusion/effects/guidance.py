"""Classifier-free guidance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jinc.diffusion.effects.effect import Branch, Effect
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Steps


@dataclass(frozen=True)
class cfg(Effect):
    """Classifier-free guidance: extrapolate from the unconditional to the conditional prediction.

    Defined for noise, `ε = ε_u + γ(ε_c − ε_u)`, it is the same for clean images. At one x_t and t,
    x0 = (x_t − √(1−ᾱ) ε)/√ᾱ is affine in ε, and an affine map keeps mixtures whose weights, here
    1 − γ and γ, add up to 1: `x0 = x0_u + γ(x0_c − x0_u)`. What is not affine, such as clipping,
    belongs around it and not inside.

    A γ of 3 to 8 is usual: images fit the condition better, and are less diverse. Large γ leave the
    range of images, for which there are `clip`, `dynamic_threshold` and `rescale`: with s the
    standard deviation of an image over channels and pixels, it makes the guided x0
    `(φ s_c/s + 1 − φ) x0`, of standard deviation φ s_c + (1−φ) s. Published for the velocity, which
    at ᾱ = 0, where guidance over-exposes, is −x0: here it is x0 at every level.

    Args:
        conditional: the denoiser with the condition.
        unconditional: the denoiser without, or with a negative prompt.
        guidance: γ, finite; 0 is unconditional, 1 conditional. At these two only one denoiser is
            evaluated.
        rescale: guidance rescale φ, 0 to 1; 0.7 is usual.
        interval: lowest and highest level with guidance; elsewhere γ is 1. By default all.
            Guiding the middle levels alone is cheaper, and images are more diverse.

    Source: classifier-free guidance (arXiv 2207.12598), eq. 6, whose w is γ − 1; rescaling:
        arXiv 2305.08891, section 3.4; interval: arXiv 2404.07724.

    >>> import torch
    >>> cat, any_animal = (lambda x_t, t: 0 * x_t + 3), (lambda x_t, t: 0 * x_t + 2)
    >>> float(cfg(cat, any_animal, guidance=7.0)(torch.zeros(1, 1, 1, 1), torch.tensor([5])))
    9.0
    """

    conditional: Denoiser
    unconditional: Denoiser
    guidance: float
    rescale: float = 0.0
    interval: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.guidance):
            raise JincError(f"guidance must be a finite number, got {self.guidance}")
        if not 0 <= self.rescale <= 1:
            raise JincError(f"rescale must be in [0, 1], got {self.rescale}")
        if self.interval is not None and not 0 <= self.interval[0] <= self.interval[1]:
            raise JincError(f"interval needs 0 ≤ low ≤ high, got {self.interval}")

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        # Only denoisers with a weight, or whose contrast is needed.
        weights = {self.guidance}
        if self.interval is not None:
            weights = {self.guidance if inside else 1.0 for inside in self._guided(t).tolist()}
        branches = []
        if any(weight != 1 for weight in weights):
            branches.append(Branch(self.unconditional, x_t, t))
        if self.rescale or any(weight != 0 for weight in weights):
            branches.append(Branch(self.conditional, x_t, t))
        return branches

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        if len(answers) == 1:
            return answers[0]
        unconditional, conditional = answers
        weight: float | Tensor = self.guidance
        if self.interval is not None:  # without reading values, which would wait for a GPU
            of_each = conditional.new_ones(len(t)).masked_fill(self._guided(t), self.guidance)
            weight = of_each.view(-1, 1, 1, 1)
        guided = unconditional + weight * (conditional - unconditional)
        return guided * _contrast(guided, conditional, self.rescale) if self.rescale else guided

    def _guided(self, t: Steps) -> Tensor:
        """Mark the images with guidance, `[B]`."""
        low, high = self.interval or (0, math.inf)
        return (low <= t) & (t <= high)


def _contrast(guided: Images, conditional: Images, share: float) -> Tensor:
    """`φ s_c/s + 1 − φ` for each image, `[B, 1, 1, 1]`."""
    spread = guided.std((1, 2, 3), correction=0, keepdim=True)
    ratio = conditional.std((1, 2, 3), correction=0, keepdim=True) / spread
    return 1 + share * (torch.where(spread > 0, ratio, 1.0) - 1)  # a flat image has no contrast
