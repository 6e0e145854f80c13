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
    Composition,
    Enlargement,
    PixelModel,
    PromptedModel,
    PromptedUpscaler,
    UpscalingModel,
    factor_of,
    generate_images,
    open_upscaler,
    upscale_images,
)

Compose: TypeAlias = Callable[[Schedule, list[int], int], Composition]
"""Makes the composition of a stage, of its schedule and levels, and how many times larger its
images are than those of the first."""

LEVEL = 0.05
"""Of all noise, on small images for DeepFloyd IF's second stage; as for visual anagrams."""


@dataclass(frozen=True, eq=False)
class Stages:
    """Models, and what each of them is asked.

    Args:
        model: generates small images.
        plan: by which it does.
        composition: of the prompts.
        second: enlarges them; None if there is no second stage.
        second_plan: by which it does.
        second_composition: of the prompts.
        level: steps of noise on the small images.
    """

    model: PixelModel
    plan: SamplingOptions
    composition: Composition
    second: UpscalingModel | None = None
    second_plan: SamplingOptions | None = None
    second_composition: Composition | None = None
    level: int = 0

    @classmethod
    def open(
        cls,
        model: PixelModel,
        second: Path | None,
        level: int | None,
        compose: Compose,
        options: SamplingOptions,
    ) -> Self:
        """Open the second stage, and find out whether both understand what they are asked.

        Raises:
            JincError: there is no such model, the stages do not fit, or one does not understand.
        """
        plan = options.for_model(model, usual=())
        plan = replace(plan, batch=plan.batch or min(CHUNK, plan.number))
        composition = compose(model.schedule, plan.levels(model.schedule), 1)
        with named("prompt"):
            plan.denoiser(model, range(1), composition)
        if second is None:
            if level is not None:
                raise JincError("--level: needs --second, whose small images get the noise")
            return cls(model, plan, composition)
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
        levels = options.levels(large.schedule)
        blank = torch.zeros(1, model.channels, *model.image_size)
        try:
            enlarging = Enlargement(large, blank, level, lambda: torch.zeros_like)
            above = _understood(large, options).for_model(enlarging, usual=())
            composition_above = compose(large.schedule, levels, factor_of(large))
            above.denoiser(enlarging, range(1), composition_above)
        except JincError as error:
            text = str(error)
            raise error if text.startswith("--") else JincError(f"--second: {text}") from None
        return cls(model, plan, composition, large, above, composition_above, level)

    @property
    def steps(self) -> int:
        """Of the first stage."""
        return self.plan.count(self.model.timesteps)

    @property
    def factor(self) -> int:
        """How many times larger images are in the end."""
        return 1 if self.second is None else factor_of(self.second)

    def generate(self, options: WatchedOptions) -> tuple[Tensor, Watch]:
        """Generate images, `[number, C, H, W]`; and return what was seen of the first stage."""
        walks = generate_images(self.model, self.plan, composition=self.composition)
        watch = Watch(options, self.steps, self.plan.batches)
        images = torch.cat([done.cpu() for _, done in watch.finished(walks)])
        if self.second is not None:
            assert self.second_plan is not None
            steps = self.second_plan.count(self.second.timesteps)
            above = Watch(options, steps, options.number, "enlarging")
            walks = self._enlarged(images)
            images = torch.cat([done.cpu() for _, done in above.finished(walks)])
        return images, watch

    def _enlarged(self, images: Tensor) -> Iterator[tuple[range, Step]]:
        """Enlarge one image after another, for large ones take much memory."""
        assert self.second is not None
        assert self.second_plan is not None
        for number, low in enumerate(images[:, None]):
            steps = upscale_images(
                self.second,
                low,
                self.second_plan,
                composition=self.second_composition,
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
