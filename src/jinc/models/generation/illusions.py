"""Visual anagrams and hybrid images of a model."""

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
from jinc.models.generation.plan import SamplingPlan
from jinc.models.generation.upscale import Enlargement
from jinc.models.pixel_model import PixelModel
from jinc.types import Denoiser

HybridKind: TypeAlias = Literal["distance", "colour", "three"]


@dataclass(frozen=True, kw_only=True)
class Anagram:
    """Images that show another prompt through each view; a `Composition`.

    Args:
        views: of the image, as many as the plan has prompts.
        reduce: how the predictions are combined.

    Source: visual anagrams (arXiv 2311.17919).
    """

    views: Sequence[View]
    reduce: Reduction = field(default_factory=mean)

    def denoiser(self, plan: SamplingPlan, model: PixelModel, numbers: Sequence[int]) -> Denoiser:
        """Return the denoiser of a batch; for a second stage, views apply to small images too."""
        if len(plan.prompts) != len(self.views):
            raise JincError(
                f"prompt: {len(plan.prompts)} for {len(self.views)} views; each view needs one"
            )
        count, parts = len(numbers), []
        for view, prompt in zip(self.views, plan.prompts, strict=True):
            own = model.through(view) if isinstance(model, Enlargement) else model
            parts.append((view, plan.guided(own, [prompt] * count)))
        return plan.finished(model, anagram(parts, self.reduce))


@dataclass(frozen=True, kw_only=True)
class Hybrid:
    """Hybrid images: another prompt from afar, or in grey; a `Composition`.

    The prompts of the plan are, by kind, those from afar and from close by; in grey and in colour;
    or from afar, from nearer and from close by.

    Args:
        kind: of the hybrid.
        std_px: standard deviation of the Gaussian blur, pixels, > 0; for three prompts, of two
            blurs 1.5 times and half as wide.

    Source: factorised diffusion (arXiv 2404.11615).
    """

    kind: HybridKind = "distance"
    std_px: float = 2.0

    def denoiser(self, plan: SamplingPlan, model: PixelModel, numbers: Sequence[int]) -> Denoiser:
        """Return the denoiser of a batch."""
        wanted, given = 3 if self.kind == "three" else 2, len(plan.prompts)
        if given != wanted:
            raise JincError(f"prompt: got {given}, a hybrid by {self.kind} needs {wanted}")
        parts = [plan.guided(model, [prompt] * len(numbers)) for prompt in plan.prompts]
        return plan.finished(model, self._combined(parts))

    def _combined(self, parts: Sequence[Denoiser]) -> Denoiser:
        if self.kind == "three":
            low, middle, high = parts
            wide, narrow = low_pass(1.5 * self.std_px), low_pass(self.std_px / 2)
            return triple_hybrid(low, middle, high, wide, narrow)
        first, second = parts
        if self.kind == "colour":
            return colour_hybrid(first, second)
        return hybrid(first, second, low_pass(self.std_px))
