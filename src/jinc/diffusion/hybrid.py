"""Hybrid images: coarse and fine, or grey and colour, from different denoisers."""

from dataclasses import dataclass

from jinc.diffusion.factorised import Map, factorised
from jinc.diffusion.views_plain import identity
from jinc.signal import gaussian_blur
from jinc.types import Denoiser, Images


@dataclass(frozen=True)
class low_pass:
    """What is seen from afar: a Gaussian blur, mirrored at the edges; a `Map`.

    Args:
        std_px: standard deviation, pixels, > 0.
        taps: weights along each axis, odd.

    Raises:
        JincError: when it is used, numbers that `gaussian_blur` refuses.
    """

    std_px: float = 2.0
    taps: int = 33

    def __call__(self, x: Images) -> Images:
        """Blur."""
        return gaussian_blur(x, self.taps, self.std_px)


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


_AFAR, _FARTHER, _NEARER = low_pass(2.0), low_pass(3.0), low_pass(1.0)


def hybrid(low: Denoiser, high: Denoiser, blur: Map = _AFAR) -> factorised:
    """One picture from afar, another from close by: low-pass of one, the rest of the other.

    Args:
        low: what is seen from afar.
        high: what is seen from close by.
        blur: linear, what is seen from afar of any image.

    Source: factorised diffusion (arXiv 2404.11615).

    >>> import torch
    >>> white, black = (lambda x_t, t: 0 * x_t + 1), (lambda x_t, t: 0 * x_t - 1)
    >>> float(hybrid(white, black)(torch.zeros(1, 1, 8, 8), torch.tensor([5])).mean())
    1.0
    """
    return factorised([(blur, low), (difference(identity(), blur), high)])


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
) -> factorised:
    """Three pictures, one after another as one comes closer.

    Args:
        low: what is seen from afar: `wide x`.
        middle: what comes next: `narrow x − wide x`.
        high: what is seen from close by: `x − narrow x`.
        wide: the stronger blur, linear.
        narrow: the weaker one.

    Source: factorised diffusion (arXiv 2404.11615).
    """
    bands = (wide, difference(narrow, wide), difference(identity(), narrow))
    return factorised(list(zip(bands, (low, middle, high), strict=True)))
