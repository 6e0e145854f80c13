"""Hybrid images: coarse and fine, or grey and colour, from different denoisers."""

import math
from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from itertools import pairwise

from jinc.diffusion.effects.batched import Branch
from jinc.diffusion.effects.effect import Effect
from jinc.diffusion.effects.factorised import Map, factorised, try_maps
from jinc.diffusion.views.plain import identity
from jinc.errors import JincError
from jinc.signal import gaussian_blur
from jinc.types import Denoiser, Images, Steps


@dataclass(frozen=True)
class low_pass:
    """What is seen from afar: a Gaussian blur, mirrored at the edges; a `Map`.

    Args:
        std_px: standard deviation, pixels, > 0.
        taps: weights along each axis, odd; by default as many as reach four standard deviations, or
            four times the side of the image, and 33 at least. Images may be smaller than that: they
            are mirrored as often as it takes.
    """

    std_px: float = 2.0
    taps: int | None = None

    def __call__(self, x: Images) -> Images:
        """Blur."""
        taps = self._enough(max(x.shape[-2:])) if self.taps is None else self.taps
        return gaussian_blur(x, taps, self.std_px)

    def _enough(self, side: int) -> int:
        """How many weights it takes; beyond four sides all is grey, and more would change nothing.

        What is no length at all is left to `gaussian_blur`.
        """
        return max(33, 2 * math.ceil(4 * min(side, self.std_px)) + 1)


def grey(x: Images) -> Images:
    """The mean over channels, in every channel; a `Map`."""
    return x.mean(1, keepdim=True).expand_as(x)


@dataclass(frozen=True)
class difference:
    """What one map shows and another does not, `more x − less x`; a `Map`.

    Args:
        more: what is taken from; `identity()` for the image as it is.
        less: what is taken away.
    """

    more: Map
    less: Map

    def __call__(self, x: Images) -> Images:
        """Subtract."""
        return self.more(x) - self.less(x)


@dataclass(frozen=True)
class layered(Effect):
    """One picture after another as one comes closer: each blur shows what is seen before the next.

    With blurs B_1 to B_n from the strongest on, it is what `factorised` makes of the bands B_1,
    B_2 − B_1, … 1 − B_n, with half as many blurs: `x0 = x0_n+1 + Σ B_k (x0_k − x0_k+1)`.

    Args:
        denoisers: from what is seen from afar to what is seen from close by, two or more.
        blurs: linear; one between every two denoisers.
        like: images of the shape, type (float32 or float64) and device on which the blurs are
            tried, `[B, C, H, W]`; by default float32 of 3×16×16.

    Source: factorised diffusion (arXiv 2404.11615).
    """

    denoisers: Sequence[Denoiser]
    blurs: Sequence[Map]
    like: InitVar[Images | None] = None

    def __post_init__(self, like: Images | None) -> None:
        denoisers, blurs = len(self.denoisers), len(self.blurs)
        if denoisers != blurs + 1 or not blurs:
            raise JincError(f"layered needs a blur between every two, got {blurs} for {denoisers}")
        for blur in self.blurs:
            try_maps([blur, difference(identity(), blur)], like)

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it came, to everyone."""
        return [Branch(denoiser, x_t, t) for denoiser in self.denoisers]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The finest, and what the blurs show of the differences."""
        x0_hat = answers[-1]
        for blur, (coarse, fine) in zip(self.blurs, pairwise(answers), strict=True):
            x0_hat = x0_hat + blur(coarse - fine)
        return x0_hat


_AFAR, _FARTHER, _NEARER = low_pass(2.0), low_pass(3.0), low_pass(1.0)


def hybrid(low: Denoiser, high: Denoiser, blur: Map = _AFAR, like: Images | None = None) -> layered:
    """One picture from afar, another from close by: low-pass of one, the rest of the other.

    Args:
        low: what is seen from afar.
        high: what is seen from close by.
        blur: linear, what is seen from afar of any image.
        like: images on which the blur is tried, as `layered` has it.

    Raises:
        JincError: a blur that does not fit the images, or is not linear.

    Source: factorised diffusion (arXiv 2404.11615).

    >>> import torch
    >>> white, black = (lambda x_t, t: 0 * x_t + 1), (lambda x_t, t: 0 * x_t - 1)
    >>> float(hybrid(white, black)(torch.zeros(1, 1, 8, 8), torch.tensor([5])).mean())
    1.0
    """
    return layered([low, high], [blur], like)


def colour_hybrid(light: Denoiser, colour: Denoiser) -> factorised:
    """One picture in grey, another once there is colour: the mean over channels, and the rest.

    Args:
        light: what is seen in dim light.
        colour: whose colours are seen.

    Source: factorised diffusion (arXiv 2404.11615).
    """
    return factorised([(grey, light), (difference(identity(), grey), colour)])


def triple_hybrid(
    low: Denoiser,
    middle: Denoiser,
    high: Denoiser,
    wide: Map = _FARTHER,
    narrow: Map = _NEARER,
    like: Images | None = None,
) -> layered:
    """Three pictures, one after another as one comes closer.

    Args:
        low: what is seen from afar: `wide x`.
        middle: what comes next: `narrow x − wide x`.
        high: what is seen from close by: `x − narrow x`.
        wide: the stronger blur, linear.
        narrow: the weaker one.
        like: images on which the blurs are tried, as `layered` has it.

    Raises:
        JincError: blurs that do not fit the images, or are not linear.

    Source: factorised diffusion (arXiv 2404.11615).
    """
    return layered([low, middle, high], [wide, narrow], like)
