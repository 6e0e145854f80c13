"""The plan by which images are generated: which ones, by which sampler, with what guidance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Literal, Protocol, Self, TypeAlias, get_type_hints

from jinc.diffusion import (
    Sampler,
    SamplerFn,
    Schedule,
    Spacing,
    calibrate,
    cfg,
    clip,
    dynamic_threshold,
    sampler_by_name,
    sampler_fn,
)
from jinc.diffusion.noise import check_seed
from jinc.diffusion.samplers.registry import given_options
from jinc.diffusion.timesteps import path
from jinc.errors import JincError
from jinc.models.pixel_model import PixelModel
from jinc.schema import in_words, is_a, shown
from jinc.types import Denoiser

Threshold: TypeAlias = Literal["static", "dynamic"]
"""How predictions are limited to the range of images."""

MOST_IMAGES = 1_000_000
"""In one plan."""
MOST_TOGETHER = 65_536
"""In one batch."""

CHUNK = 16
"""Default batch. Rounding depends on the size of a batch, so image i is always row i mod 16 of a
whole chunk, however many images are generated: the same, byte for byte."""

ROWS, PIXELS = 64, 64 * 64**2
"""Most images, and pixels but for a single image, in one call of a network."""


def rows_together(image_size: tuple[int, int]) -> int:
    """Return how many images of a size a network gets in one call at most."""
    height, width = image_size
    return min(ROWS, max(1, PIXELS // (height * width)))


class Composition(Protocol):
    """Combines a model's answers to several prompts into one image: `Anagram`, `Hybrid`."""

    def denoiser(self, plan: "SamplingPlan", model: PixelModel, numbers: Sequence[int]) -> Denoiser:
        """Return `(x_t, t) -> x0_hat` for a batch.

        Args:
            plan: has the prompts to combine.
            model: generates the images.
            numbers: of the images of the batch.
        """


@dataclass(frozen=True, kw_only=True)
class SamplingPlan:
    """Which images to generate, and how.

    Args:
        number: how many images.
        prompts: what to generate: image i gets `prompts[i % len(prompts)]`, a class by name or
            number, or a text, as the model understands it; none for unconditional images.
        guidance: scale γ of classifier-free guidance: 0 is unconditional, 1 conditional without
            guidance.
        avoid: negative prompt, in place of the unconditional prediction.
        guidance_rescale: guidance rescale φ (0 to 1; 0.7 is usual).
        guidance_interval: the lowest and the highest t with guidance (default: all).
        sampler: a name in `SAMPLERS`, or a function from noise to images.
        steps: number of levels, or the levels themselves, falling (default: the sampler's).
        spacing: how levels are spaced, as `diffusion.spaced` has it (default: the sampler's).
        sigma_min: lowest σ of Karras and exponential spacing (default: that of t = 0).
        eta: η of DDIM: 0 is deterministic, 1 adds as much noise as DDPM.
        tolerance: error tolerance of adaptive (default 0.01).
        tolerance_by: what weights the error of adaptive (default: nothing).
        seed: with the number of an image it determines its noise, ≥ 0.
        batch: images that are computed together (default 16); another size changes images by
            rounding only.
        clip: whether to clip predictions to the range of images (default: as the sampler usually
            does).
        threshold: static clips, dynamic rescales (default: the model's own).
        calibrate: whether to correct the amplitude of the predicted noise (default: for networks
            that cannot know it).

    Raises:
        JincError: a value is invalid, without effect, or not an option of the sampler; the message
            begins with the name of the field.
    """

    number: int = 16
    prompts: Sequence[str] = ()
    guidance: float = 1.0
    avoid: str = ""
    guidance_rescale: float = 0.0
    guidance_interval: tuple[int, int] | None = None
    sampler: str | SamplerFn = "ddim"
    steps: int | Sequence[int] | None = None
    spacing: Spacing | None = None
    sigma_min: float | None = None
    eta: float = 0.0
    tolerance: float | None = None
    tolerance_by: str | None = None
    seed: int = 0
    batch: int | None = None
    clip: bool | None = None
    threshold: Threshold | None = None
    calibrate: bool | None = None

    def __post_init__(self) -> None:
        """Check every value at once, so that no work fails hours later."""
        if isinstance(self.steps, range):  # which is no sequence to the checks of types
            object.__setattr__(self, "steps", tuple(self.steps))
        hints = get_type_hints(SamplingPlan)
        for field in fields(SamplingPlan):
            value = getattr(self, field.name)
            if field.name != "sampler" and not is_a(value, hints[field.name]):
                kind = in_words(hints[field.name])
                raise JincError(f"{_option(field.name)}: {shown(value)} is not {kind}")
        for name, most in (("number", MOST_IMAGES), ("batch", MOST_TOGETHER)):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= most:
                raise JincError(f"{name}: {value:,} is not from 1 to {most:,}")
        if isinstance(self.steps, int) and self.steps < 1:
            raise JincError(f"steps: {self.steps} is not at least 1")
        for name in ("eta", "tolerance"):
            if (value := getattr(self, name)) is not None and not 0 <= value < math.inf:
                raise JincError(f"{name}: {value} is not a finite number of at least 0")
        check_seed("seed", self.seed)
        self._check_guidance()
        self.sample  # noqa: B018  # options that are not the sampler's

    def _check_guidance(self) -> None:
        if not math.isfinite(self.guidance):
            raise JincError(f"guidance: {self.guidance} is not a finite number")
        if not 0 <= self.guidance_rescale <= 1:
            raise JincError(f"guidance-rescale: {self.guidance_rescale} is not in [0, 1]")
        lowest, highest = self.guidance_interval or (0, 0)
        if not 0 <= lowest <= highest:
            raise JincError(
                f"guidance-interval: {lowest} to {highest} is not a range of t from 0 up"
            )
        if self.guidance == 1:
            for name in ("rescale", "interval"):
                if getattr(self, f"guidance_{name}"):
                    raise JincError(f"guidance-{name}: changes nothing at a guidance of 1")
        if self.threshold is not None and not self.clips:
            raise JincError(f"threshold: {self.threshold} is a way to clip, and nothing is clipped")

    @cached_property
    def entry(self) -> Sampler:
        """What is known of the sampler."""
        if isinstance(self.sampler, str):
            return sampler_by_name(self.sampler)
        return Sampler.of(self.sampler)

    @cached_property
    def sample(self) -> SamplerFn:
        """The function from noise to images."""
        return sampler_fn(self.entry, self.eta, self.tolerance, self.tolerance_by)

    @property
    def together(self) -> int:
        """Images of a batch."""
        return self.batch or CHUNK

    @property
    def batches(self) -> int:
        """How many batches there are."""
        return -(-self.number // self.together)

    @property
    def clips(self) -> bool:
        """Whether predictions are clipped."""
        return not self.entry.raw if self.clip is None else self.clip

    @property
    def calibrates(self) -> bool | None:
        """Whether predictions are calibrated; None if the model decides."""
        return False if self.entry.raw and self.calibrate is None else self.calibrate

    @property
    def draws(self) -> bool:
        """Whether fresh noise is drawn during sampling."""
        return self.entry.draws or self.eta > 0

    @property
    def spaced(self) -> Spacing:
        """How levels are spaced."""
        return self.spacing or self.entry.spacing

    @property
    def shared_level(self) -> bool:
        """Whether all images of a batch are at one level."""
        return self.entry.shared_level

    def count(self, T: int) -> int:
        """Return how many levels of T are visited.

        Raises:
            JincError: more than there are.
        """
        if isinstance(self.steps, Sequence):
            return len(self.steps)
        return self.entry.count(T, self.steps)

    def calls(self, T: int) -> int:
        """Estimate how often the denoiser is called for an image."""
        steps = self.count(T)
        if self.entry.expected_calls is None:
            return self.entry.calls_per_step * steps
        options = {name: getattr(self, name) for name in self.entry.options}
        return min(steps, self.entry.expected_calls(**given_options(self.entry, **options)))

    def levels(self, schedule: Schedule) -> list[int]:
        """Return the levels that are visited, falling.

        Raises:
            JincError: more than the schedule has, or a spacing that is not the sampler's.
        """
        if isinstance(self.steps, Sequence):
            return path(len(schedule), self.steps)
        return self.entry.levels(schedule, self.steps, self.spacing, self.sigma_min)

    def check_model(self, model: PixelModel) -> None:
        """Check before the work whether a model supports the guidance and the prompts."""
        if self.guidance != 1 and not model.guidable:
            without = "--label-dropout" if model.class_names else "classes"
            raise JincError(f"guidance: this model was trained without {without}")
        if self.guidance != 1 and not any(self.prompts):
            raise JincError("guidance: needs a prompt")
        if model.class_names and not model.guidable and not all(self.prompts or [""]):
            raise JincError("prompt: this model generates classes only; name one")
        if self.avoid and self.guidance in (0, 1):
            raise JincError(f"avoid: needs guidance above 1; {self.guidance:g} ignores it")
        if self.guidance_interval is not None and self.guidance_interval[0] >= model.timesteps:
            last = model.timesteps - 1
            raise JincError(f"guidance-interval: {self.guidance_interval[0]} is above t = {last}")
        for prompt in dict.fromkeys((*self.prompts, self.avoid)):
            model.prompted([prompt])

    def of(self, prompts: Sequence[str]) -> Self:
        """Return the plan for other prompts."""
        return replace(self, prompts=tuple(prompts))

    def denoiser(
        self, model: PixelModel, numbers: Sequence[int], composition: Composition | None = None
    ) -> Denoiser:
        """Return the denoiser of a batch of images, `(x_t, t) -> x0_hat`.

        Args:
            model: generates the images.
            numbers: of the images of the batch; they choose the prompts.
            composition: combines all prompts into each image instead.
        """
        if composition is not None:
            return composition.denoiser(self, model, numbers)
        prompts = self.prompts or ("",)
        own = [prompts[i % len(prompts)] for i in numbers]
        return self.finished(model, self.guided(model, own))

    def guided(self, model: PixelModel, prompts: Sequence[str]) -> Denoiser:
        """Return the guided denoiser of a batch with one prompt an image, not clipped yet."""
        conditional = model.prompted(prompts)
        if self.guidance == 1 or not any(prompts):
            return conditional
        return cfg(
            conditional,
            model.prompted([self.avoid] * len(prompts)),
            self.guidance,
            rescale=self.guidance_rescale,
            interval=self.guidance_interval,
        )

    def finished(self, model: PixelModel, denoiser: Denoiser) -> Denoiser:
        """Calibrate and clip the predictions of a denoiser."""
        calibrates = self.calibrates
        if not model.scale_aware if calibrates is None else calibrates:
            denoiser = calibrate(denoiser, model.schedule)
        if not self.clips:
            return denoiser
        if self.threshold is None:
            return model.limited(denoiser)
        return clip(denoiser) if self.threshold == "static" else dynamic_threshold(denoiser)


def _option(name: str) -> str:
    return name.replace("_", "-")
