"""Upscaling: larger images from small ones."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, Self, runtime_checkable

import torch

from jinc.diffusion import Schedule, SeededNoise, Step, View, consistent
from jinc.errors import JincError
from jinc.models.generation.plan import Composition, SamplingPlan
from jinc.models.pixel_model import Sampled
from jinc.streams import Stream
from jinc.types import Denoiser, Images, Noise


@runtime_checkable
class UpscalingModel(Sampled, Protocol):
    """A super-resolution model: a run of ours, the second stage of DeepFloyd IF.

    Its `image_size` is that of large images.
    """

    @property
    def low_size(self) -> tuple[int, int]:
        """Height and width of its small images, pixels: `image_size` over a whole number."""

    def upscaling(self, low: Images, prompts: Sequence[str], level: int, noise: Noise) -> Denoiser:
        """Return the denoiser of the large images of small ones.

        Args:
            low: in [−1, 1], `[B, C, h, w]`.
            prompts: for each image a class or a text, "" for none.
            level: steps of noise on the small images, whose details then count less.
            noise: white noise on demand.

        Raises:
            JincError: images, prompts or a level that the model does not support.
        """


@runtime_checkable
class ThroughView(Protocol):
    """A denoiser whose small images can be seen through a view too."""

    def through(self, view: View) -> Denoiser:
        """Return the denoiser of large images seen through a view."""


def factor_of(model: UpscalingModel) -> int:
    """Return how many times larger a model makes images."""
    return model.image_size[0] // model.low_size[0]


@dataclass(frozen=True, eq=False)
class Enlargement:
    """An upscaling model with the small images to enlarge: a `PixelModel` of large ones.

    The noise on the small images is the same for every prompt, so that predictions for several
    prompts can be combined, as in guidance.

    Args:
        model: the upscaling model.
        low: small images, `[B, C, h, w]`.
        level: steps of noise on them.
        noise: makes the source of that noise, from its beginning each time.
        view: through which the large images are seen.
    """

    model: UpscalingModel
    low: Images
    level: int
    noise: Callable[[], Noise]
    view: View | None = None

    @property
    def factor(self) -> int:
        """How many times larger."""
        return factor_of(self.model)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the large images, pixels."""
        height, width = self.low.shape[-2:]
        return self.factor * height, self.factor * width

    @property
    def schedule(self) -> Schedule:
        """That of the model."""
        return self.model.schedule

    @property
    def channels(self) -> int:
        """That of the model."""
        return self.model.channels

    @property
    def timesteps(self) -> int:
        """T."""
        return self.model.timesteps

    @property
    def class_names(self) -> tuple[str, ...]:
        """That of the model."""
        return self.model.class_names

    @property
    def guidable(self) -> bool:
        """That of the model."""
        return self.model.guidable

    @property
    def scale_aware(self) -> bool:
        """That of the model."""
        return self.model.scale_aware

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.model.device

    def to(self, device: torch.device) -> Self:
        """Move the network, and return the enlargement."""
        return replace(self, model=self.model.to(device))

    def through(self, view: View) -> Self:
        """Return the enlargement seen through a view."""
        return replace(self, view=view)

    def prompted(self, prompts: Sequence[str]) -> Denoiser:
        """Return the denoiser of the large images, with one prompt each.

        Raises:
            JincError: as `upscaling`, or a view of images that are enlarged in tiles.
        """
        denoiser = self.model.upscaling(self.low, prompts, self.level, self.noise())
        if self.view is None:
            return denoiser
        if not isinstance(denoiser, ThroughView):
            (height, width), (h, w) = self.low.shape[-2:], self.model.low_size
            raise JincError(f"low: {height}×{width} is enlarged in tiles, a view needs {h}×{w}")
        return denoiser.through(self.view)

    def limited(self, denoiser: Denoiser) -> Denoiser:
        """Limit predictions, as the model does."""
        return self.model.limited(denoiser)


def upscale_images(
    model: UpscalingModel,
    low: Images,
    plan: SamplingPlan,
    *,
    composition: Composition | None = None,
    numbers: Sequence[int] | None = None,
    level: int = 0,
    agree: bool | None = None,
) -> Iterator[Step]:
    """Upscale images, all together.

    Args:
        model: the upscaling model.
        low: small images, `[B, C, h, w]`; larger ones than in training are enlarged in tiles, if
            the model supports that.
        plan: how; its number and batch are those of `low`.
        composition: combines the prompts of the plan into each image.
        numbers: of the images, ≥ 0 (default: 0, 1, 2 …).
        level: steps of noise on the small images; 0 for none.
        agree: whether the block means of large images must equal the small ones (default: if there
            is no noise on these).

    Yields:
        Every step, `[B, C, factor·h, factor·w]`.

    Raises:
        JincError: images, prompts or a level that the model does not support.
    """
    numbers = range(len(low)) if numbers is None else numbers
    noise = SeededNoise(plan.seed, numbers)
    apart = partial(SeededNoise, plan.seed, numbers, Stream.LOW_RES_NOISE)
    enlargement = Enlargement(model, low.to(model.device), level, apart)
    denoiser = plan.denoiser(enlargement, numbers, composition)
    if not level if agree is None else agree:
        denoiser = consistent(denoiser, enlargement.low, enlargement.factor)
    like = low.new_empty(len(low), model.channels, *enlargement.image_size, device=model.device)
    levels = plan.levels(model.schedule)
    yield from plan.sample(denoiser, model.schedule, noise(like), steps=levels, noise=noise)


def upscale_in_turn(
    model: UpscalingModel,
    lows: Iterable[Images],
    plan: SamplingPlan,
    *,
    composition: Composition | None = None,
    level: int = 0,
    agree: bool | None = None,
) -> Iterator[tuple[range, Step]]:
    """Upscale images of any sizes one after another, since large ones take much memory.

    Args:
        model: the upscaler.
        lows: small images, `[1, C, h, w]` each; image i gets the noise of number i.
        plan: how.
        composition: as of `upscale_images`.
        level: as of `upscale_images`.
        agree: as of `upscale_images`.

    Yields:
        The number of the image, as a range, and every step, `[1, C, factor·h, factor·w]`.
    """
    for number, low in enumerate(lows):
        steps = upscale_images(
            model, low, plan, composition=composition, numbers=[number], level=level, agree=agree
        )
        for step in steps:
            yield range(number, number + 1), step
