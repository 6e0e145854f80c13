"""Factorised diffusion: images composed of parts from several denoisers, such as hybrid images."""

import math
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass
from itertools import pairwise
from typing import TypeAlias

import torch

from jinc.diffusion.effects.effect import Branch, Effect
from jinc.diffusion.noise import SeededNoise
from jinc.diffusion.views.certify import ALLOWED
from jinc.diffusion.views.plain import identity
from jinc.errors import JincError
from jinc.signal import gaussian_blur
from jinc.types import Denoiser, Images, Steps

Map: TypeAlias = Callable[[Images], Images]
"""A linear map of images `[B, C, H, W]` to images of the same shape."""


@dataclass(frozen=True)
class factorised(Effect):
    """Compose an image of one part from each denoiser: `x0 = Σ M_i x0_i`, Σ M_i = I.

    Defined for noise, `ε = Σ M_i ε_i`, it is the same for clean images. At one x_t and t,
    Σ M_i x0_i = (Σ M_i x_t − √(1−ᾱ) Σ M_i ε_i)/√ᾱ, as the maps are linear, and since they add up
    to the identity the first sum is x_t. Both properties are tested on random images.

    Args:
        parts: pairs (map, denoiser), one or more.
        like: images of the shape, type (float32 or float64) and device for the test, `[B, C, H,
            W]`; by default float32 of 3×16×16. Maps of a fixed size, such as masks, need one.

    Source: factorised diffusion (arXiv 2404.11615).

    >>> left = torch.tensor([1.0, 0.0])
    >>> left_dark = (lambda x: left * x), (lambda x_t, t: x_t - 1)
    >>> right_light = (lambda x: x - left * x), (lambda x_t, t: x_t + 1)
    >>> both = factorised([left_dark, right_light], like=torch.zeros(1, 1, 1, 2))
    >>> both(torch.zeros(1, 1, 1, 2), torch.tensor([5])).tolist()
    [[[[-1.0, 1.0]]]]
    """

    parts: Sequence[tuple[Map, Denoiser]]
    like: InitVar[Images | None] = None

    def __post_init__(self, like: Images | None) -> None:
        if not self.parts:
            raise JincError("factorised needs one part (map, denoiser) or more")
        check_maps([part for part, _ in self.parts], like)

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        return [Branch(denoiser, x_t, t) for _, denoiser in self.parts]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        pairs = zip(self.parts, answers, strict=True)
        return torch.stack([part(answer) for (part, _), answer in pairs]).sum(0)


@dataclass(frozen=True)
class layered(Effect):
    """Several images, visible one after another from afar to close by, separated by blurs.

    With blurs B_1 to B_n from the strongest on, it equals `factorised` with the bands B_1,
    B_2 − B_1, … 1 − B_n, at half as many blurs: `x0 = x0_n+1 + Σ B_k (x0_k − x0_k+1)`.

    Args:
        denoisers: from the image seen from afar to that seen close by, two or more.
        blurs: linear; one between every two denoisers.
        like: images for the test of the blurs, as `factorised` takes them.

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
            check_maps([blur, difference(identity(), blur)], like)

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        return [Branch(denoiser, x_t, t) for denoiser in self.denoisers]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        x0_hat = answers[-1]
        for blur, (coarse, fine) in zip(self.blurs, pairwise(answers), strict=True):
            x0_hat = x0_hat + blur(coarse - fine)
        return x0_hat


@dataclass(frozen=True)
class low_pass:
    """A Gaussian blur, mirrored at the edges: an image as seen from afar; a `Map`.

    Args:
        std_px: standard deviation, pixels, > 0.
        taps: weights along each axis, odd; by default enough for four standard deviations, or four
            times the side of the image, and at least 33.
    """

    std_px: float = 2.0
    taps: int | None = None

    def __call__(self, x: Images) -> Images:
        # Beyond four sides all is grey, and more taps would change nothing.
        reach = math.ceil(4 * min(max(x.shape[-2:]), self.std_px))
        taps = max(33, 2 * reach + 1) if self.taps is None else self.taps
        return gaussian_blur(x, taps, self.std_px)


def grey(x: Images) -> Images:
    """The mean over channels, in every channel; a `Map`."""
    return x.mean(1, keepdim=True).expand_as(x)


@dataclass(frozen=True)
class difference:
    """The difference of two maps, `more x − less x`; a `Map`."""

    more: Map
    less: Map

    def __call__(self, x: Images) -> Images:
        return self.more(x) - self.less(x)


_AFAR, _FARTHER, _NEARER = low_pass(2.0), low_pass(3.0), low_pass(1.0)


def hybrid(low: Denoiser, high: Denoiser, blur: Map = _AFAR, like: Images | None = None) -> layered:
    """Hybrid images: the low frequencies of one image, the high frequencies of another.

    Args:
        low: seen from afar.
        high: seen from close by.
        blur: linear low-pass.
        like: images for the test of the blur, as `factorised` takes them.

    Source: factorised diffusion (arXiv 2404.11615).

    >>> import torch
    >>> white, black = (lambda x_t, t: 0 * x_t + 1), (lambda x_t, t: 0 * x_t - 1)
    >>> float(hybrid(white, black)(torch.zeros(1, 1, 8, 8), torch.tensor([5])).mean())
    1.0
    """
    return layered([low, high], [blur], like)


def colour_hybrid(light: Denoiser, colour: Denoiser) -> factorised:
    """Colour hybrids: one image in grey, the mean over channels; another in the colours.

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
    """Triple hybrids: three images in three frequency bands.

    Args:
        low: seen from afar: `wide x`.
        middle: seen from nearer: `narrow x − wide x`.
        high: seen from close by: `x − narrow x`.
        wide: the stronger blur, linear.
        narrow: the weaker one.
        like: images for the test of the blurs, as `factorised` takes them.

    Source: factorised diffusion (arXiv 2404.11615).
    """
    return layered([low, middle, high], [wide, narrow], like)


_LIKE = torch.zeros(1, 3, 16, 16)


def check_maps(maps: Sequence[Map], like: Images | None = None) -> None:
    """Refuse maps that are not linear, or do not add up to the identity, on random images."""
    like = _LIKE if like is None else like
    if like.ndim != 4 or like.dtype not in ALLOWED:
        raise JincError(f"like must be float [B, C, H, W], got {like.dtype} {list(like.shape)}")
    x, y = SeededNoise(0, [0, 1])(like[:1].expand(2, -1, -1, -1)).chunk(2)
    mapped = [_applied(part, k, x) for k, part in enumerate(maps)]
    for k, part in enumerate(maps):
        _compare(f"parts[{k}] is not linear: f(x + y)", part(x + y), mapped[k] + part(y), x)
    whole = torch.stack(mapped).sum(0)
    _compare("the maps of parts do not add up to the identity: their sum", whole, x, x)


def _applied(part: Map, number: int, x: Images) -> Images:
    try:
        mapped = part(x)
    except JincError:
        raise
    except Exception as error:  # a user's function may raise anything
        reason = str(error).strip().partition("\n")[0]
        raise JincError(
            f"parts[{number}] fails on images {list(x.shape[1:])}, give like=: {reason}"
        ) from error
    if mapped.shape != x.shape:
        raise JincError(f"parts[{number}] makes {list(mapped.shape)} of images {list(x.shape)}")
    return mapped


def _compare(what: str, got: Images, expected: Images, size_of: Images) -> None:
    """Refuse an error that is more than rounding."""
    error = float((got - expected).norm() / size_of.norm())
    if not error <= ALLOWED[size_of.dtype]:
        raise JincError(f"{what} is off by {error:.2g} of the image on random images")
