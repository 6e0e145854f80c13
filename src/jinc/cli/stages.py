"""The models of `jinc illusion`: one that generates, and one that may enlarge what it made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeAlias

import torch
from torch import Tensor

from jinc.cli.naming import named
from jinc.cli.sampling import SamplingOptions
from jinc.cli.watching import Watch, WatchedOptions
from jinc.diffusion import Schedule, Step
from jinc.errors import JincError
from jinc.models import (
    CHUNK,
    Enlargement,
    PixelModel,
    PromptedModel,
    PromptedUpscaler,
    Shaping,
    UpscalingModel,
    factor_of,
    generate_images,
    open_upscaler,
    upscale_images,
)
from jinc.models.generation.shaping import Asking

Ask: TypeAlias = Callable[[Shaping, Schedule, list[int], int], Asking]
"""Makes what a stage is asked, of shaping, schedule, levels, and how many times larger it is than
the first."""

LEVEL = 0.05
"""Of all noise, on small images for DeepFloyd IF's second stage; as for visual anagrams."""


@dataclass(frozen=True, eq=False)
class Stages:
    """Models, and what each of them is asked.

    Args:
        model: generates small images.
        asking: what it is asked.
        levels: that it visits.
        second: enlarges them; None if there is no second stage.
        second_asking: what that is asked.
        second_levels: that it visits.
        level: steps of noise on the small images.
    """

    model: PixelModel
    asking: Asking
    levels: list[int]
    second: UpscalingModel | None = None
    second_asking: Asking | None = None
    second_levels: tuple[int, ...] = ()
    level: int = 0

    @classmethod
    def plan(
        cls,
        model: PixelModel,
        second: Path | None,
        level: int | None,
        ask: Ask,
        options: SamplingOptions,
    ) -> Self:
        """Open the second stage, and find out whether both understand what they are asked.

        Raises:
            JincError: there is no such model, the stages do not fit, or one does not understand.
        """
        levels = options.levels(model.schedule)
        with named("prompt"):
            asking = ask(options.shaping(model, usual=()), model.schedule, levels, 1)
        if second is None:
            if level is not None:
                raise JincError("--level: needs --second, whose small images get the noise")
            return cls(model, asking, levels)
        embeddings = model.embed if isinstance(model, PromptedModel) else options.embeddings
        with named("embeddings", "variant", "device"):
            large = open_upscaler(
                second, embeddings=embeddings, variant=options.variant, device=options.device
            )
        if large.low_size != model.image_size or large.channels != model.channels:
            ours, its = (
                "×".join(map(str, (each.channels, *size)))
                for each, size in ((model, model.image_size), (large, large.low_size))
            )
            raise JincError(f"--second: enlarges images of {its}, the model makes {ours}")
        if level is None:
            level = round(LEVEL * len(large.noising)) if isinstance(large, PromptedUpscaler) else 0
        levels_above = options.levels(large.schedule)
        blank = torch.zeros(1, model.channels, *model.image_size)
        try:
            enlarging = Enlargement(large, blank, level, lambda: torch.zeros_like)
            shaping = _understood(large, options).shaping(enlarging, usual=())
            asking_above = ask(shaping, large.schedule, levels_above, factor_of(large))
            asking_above.denoiser(enlarging, range(1))
        except JincError as error:
            text = str(error)
            raise error if text.startswith("--") else JincError(f"--second: {text}") from None
        return cls(model, asking, levels, large, asking_above, tuple(levels_above), level)

    @property
    def factor(self) -> int:
        """How many times larger images are in the end."""
        return 1 if self.second is None else factor_of(self.second)

    def generate(self, options: WatchedOptions) -> tuple[Tensor, Watch]:
        """Generate images, `[number, C, H, W]`; and return what was seen of the first stage."""
        batch = options.batch or min(CHUNK, options.number)
        walks = generate_images(
            self.model,
            options.number,
            shaping=self.asking,
            walk=options.walk(),
            steps=self.levels,
            seed=options.seed,
            batch=batch,
        )
        watch = Watch(options, len(self.levels), -(-options.number // batch))
        images = torch.cat([done.cpu() for _, done in watch.finished(walks)])
        if self.second is not None:
            above = Watch(options, len(self.second_levels), options.number, "enlarging")
            walks = self._enlarged(images, options)
            images = torch.cat([done.cpu() for _, done in above.finished(walks)])
        return images, watch

    def _enlarged(self, images: Tensor, options: SamplingOptions) -> Iterator[tuple[range, Step]]:
        """Enlarge one image after another, for large ones take much memory."""
        assert self.second is not None
        assert self.second_asking is not None
        for number, low in enumerate(images[:, None]):
            steps = upscale_images(
                self.second,
                low,
                shaping=self.second_asking,
                walk=options.walk(),
                steps=self.second_levels,
                seed=options.seed,
                numbers=[number],
                level=self.level,
            )
            for step in steps:
                yield range(number, number + 1), step


def _understood(large: UpscalingModel, options: SamplingOptions) -> SamplingOptions:
    """Leave out prompts and guidance where the second stage knows none."""
    if not isinstance(large, PromptedUpscaler) and not large.class_names:
        options = replace(options, prompts=("",) * len(options.prompts))
    if large.guidable:
        return options
    return replace(options, guidance=1.0, avoid="", guidance_rescale=0.0, guidance_interval=None)
