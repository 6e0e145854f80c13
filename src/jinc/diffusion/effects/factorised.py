"""Pictures that are a sum of parts, each from a denoiser of its own."""

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass
from typing import TypeAlias

import torch

from jinc.diffusion.effects.batched import Branch
from jinc.diffusion.effects.effect import Effect
from jinc.diffusion.noise import SeededNoise
from jinc.diffusion.views.certify import ALLOWED
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Steps

Map: TypeAlias = Callable[[Images], Images]
"""A linear map of images `[B, C, H, W]` to images of the same shape."""


@dataclass(frozen=True)
class factorised(Effect):
    """Take one part of the picture from each of several denoisers: `x0 = Σ M_i x0_i`, Σ M_i = I.

    It is made of noises, `ε = Σ M_i ε_i`, and is the same made of clean images. At one x_t and t,
    Σ M_i x0_i = (Σ M_i x_t − √(1−ᾱ) Σ M_i ε_i)/√ᾱ, as the maps are linear, and since they add up
    to the identity the first sum is x_t. That is tried on random images.

    Args:
        parts: pairs (map, denoiser), one or more.
        like: images of the shape, type (float32 or float64) and device on which the maps are
            tried, `[B, C, H, W]`; by default float32 of 3×16×16. Maps for one size of images,
            such as masks, need one that fits.

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
        try_maps([part for part, _ in self.parts], like)

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it came, to everyone."""
        return [Branch(denoiser, x_t, t) for _, denoiser in self.parts]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The sum of what each map shows of its answer."""
        pairs = zip(self.parts, answers, strict=True)
        return torch.stack([part(answer) for (part, _), answer in pairs]).sum(0)


_LIKE = torch.zeros(1, 3, 16, 16)


def try_maps(maps: Sequence[Map], like: Images | None = None) -> None:
    """Refuse maps that are no parts of a whole.

    Args:
        maps: one or more.
        like: images of the shape, type and device on which they are tried, `[B, C, H, W]`; by
            default float32 of 3×16×16.
    """
    like = _LIKE if like is None else like
    if like.ndim != 4 or like.dtype not in ALLOWED:
        raise JincError(f"like must be float [B, C, H, W], got {like.dtype} {list(like.shape)}")
    x, y = SeededNoise(0, [0, 1])(like[:1].expand(2, -1, -1, -1)).chunk(2)
    shown = [_shown(part, k, x) for k, part in enumerate(maps)]
    for k, part in enumerate(maps):
        _compare(f"parts[{k}] is not linear: f(x + y)", part(x + y), shown[k] + part(y), x)
    whole = torch.stack(shown).sum(0)
    _compare("the maps of parts do not add up to the identity: their sum", whole, x, x)


def _shown(part: Map, number: int, x: Images) -> Images:
    """What a map shows of an image, if it takes it."""
    try:
        shown = part(x)
    except JincError:
        raise
    except Exception as error:  # whatever a person's function may raise
        reason = str(error).strip().partition("\n")[0]
        raise JincError(
            f"parts[{number}] fails on images {list(x.shape[1:])}, give like=: {reason}"
        ) from error
    if shown.shape != x.shape:
        raise JincError(f"parts[{number}] makes {list(shown.shape)} of images {list(x.shape)}")
    return shown


def _compare(what: str, got: Images, expected: Images, size_of: Images) -> None:
    """Refuse an error that is more than rounding."""
    error = float((got - expected).norm() / size_of.norm())
    if not error <= ALLOWED[size_of.dtype]:
        raise JincError(f"{what} is off by {error:.2g} of the image on random images")
