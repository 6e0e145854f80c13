"""Pictures that are several things: through several views, or from several distances."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from jinc.diffusion import (
    Reduction,
    View,
    anagram,
    colour_hybrid,
    hybrid,
    low_pass,
    mean,
    triple_hybrid,
)
from jinc.errors import JincError
from jinc.models.generation.shaping import Shaping
from jinc.models.generation.upscale import Enlargement
from jinc.models.pixel_model import PixelModel
from jinc.types import Denoiser

HybridKind: TypeAlias = Literal["distance", "colour", "three"]


@dataclass(frozen=True, kw_only=True)
class Anagram:
    """What a sampler asks for one picture that is something else through every view; an `Asking`.

    Args:
        views: of the picture.
        shaping: its prompts are what is seen through each view, one a view.
        reduce: how answers are joined.

    Raises:
        JincError: not as many prompts as views.

    Source: visual anagrams (arXiv 2311.17919).
    """

    views: Sequence[View]
    shaping: Shaping
    reduce: Reduction = field(default_factory=mean)

    def __post_init__(self) -> None:
        """Refuse views of nothing in particular."""
        views, prompts = len(self.views), len(self.shaping.prompts)
        if prompts != views:
            raise JincError(f"prompt: {prompts} for {views} views; each view needs one")

    def denoiser(self, model: PixelModel, numbers: Sequence[int]) -> Denoiser:
        """Return the denoiser of a batch; a second stage sees small images through views too."""
        count, parts = len(numbers), []
        for view, prompt in zip(self.views, self.shaping.prompts, strict=True):
            seen = model.seen(view) if isinstance(model, Enlargement) else model
            parts.append((view, self.shaping.guided(seen, [prompt] * count)))
        joined = anagram(parts, self.reduce)
        return self.shaping.finished(model, joined)


@dataclass(frozen=True, kw_only=True)
class Hybrid:
    """What a sampler asks for pictures that change as one comes closer; an `Asking`.

    Args:
        shaping: its prompts are what is seen: from afar and from close by; in grey and in colour;
            or from afar, nearer, and from close by.
        kind: which of the three.
        std_px: of the Gaussian blur that stands for distance, pixels, > 0; of three, the wider is
            half as wide again, the narrower half as wide.

    Raises:
        JincError: another number of prompts.

    Source: factorised diffusion (arXiv 2404.11615).
    """

    shaping: Shaping
    kind: HybridKind = "distance"
    std_px: float = 2.0

    def __post_init__(self) -> None:
        """Refuse parts of nothing in particular."""
        wanted, given = 3 if self.kind == "three" else 2, len(self.shaping.prompts)
        if given != wanted:
            raise JincError(f"prompt: {given} where a hybrid by {self.kind} is made of {wanted}")

    def denoiser(self, model: PixelModel, numbers: Sequence[int]) -> Denoiser:
        """Return the denoiser of a batch."""
        parts = _for_each(self.shaping, model, len(numbers))
        return self.shaping.finished(model, self._joined(parts))

    def _joined(self, parts: Sequence[Denoiser]) -> Denoiser:
        """Make one denoiser of those for each prompt."""
        if self.kind == "three":
            low, middle, high = parts
            wide, narrow = low_pass(1.5 * self.std_px), low_pass(self.std_px / 2)
            return triple_hybrid(low, middle, high, wide, narrow)
        first, second = parts
        if self.kind == "colour":
            return colour_hybrid(first, second)
        return hybrid(first, second, low_pass(self.std_px))


def _for_each(shaping: Shaping, model: PixelModel, count: int) -> list[Denoiser]:
    """Return a guided denoiser of so many images for each prompt."""
    return [shaping.guided(model, [prompt] * count) for prompt in shaping.prompts]
