"""The models of `jinc illusion`: one that generates, and an optional upscaler."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

import torch
from cyclopts import Parameter

from jinc.cli.naming import named
from jinc.cli.results import ResultOptions, Results
from jinc.cli.sampling import OWN, SEVERAL, SamplingOptions
from jinc.data import check_animation, numbered_name
from jinc.diffusion import Schedule
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
    upscale_in_turn,
)
from jinc.types import Images

Compose: TypeAlias = Callable[[Schedule, list[int], int], Composition]
"""Makes the composition of a stage from its schedule and levels, and the factor by which its images
are larger than those of the first."""

MOST = 400
"""Images of one call; they are laid out on one sheet."""
FPS = 12
"""Frames per second of an animation."""
LEVEL = 0.05
"""Noise on small images for DeepFloyd IF's second stage, as a share of all steps; that of the
published visual anagrams."""


@dataclass(frozen=True, kw_only=True)
class IllusionOptions(ResultOptions):
    """Prompts, an optional second stage, and how images are generated.

    Args:
        prompts: one for each view, or for each part of a hybrid: the image from afar and from near;
            in grey and in colour; or low, middle and high frequencies. Classes by name or number,
            or texts.
        number: how many images, 1 to 400.
        second: upscaler for the finished images, which keeps the illusion: a model folder, or a
            name on the Hub such as DeepFloyd/IF-II-M-v1.0.
        level: noise added to the small images before upscaling, as a timestep t (default: 5% of T
            for DeepFloyd IF, 0 for others).
        animation: also write an animation of each image, in this format, from one view or part to
            the other.
    """

    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    number: Annotated[int, Parameter(alias="-n")] = 8
    second: Annotated[Path | None, OWN] = None
    level: Annotated[int | None, OWN] = None
    animation: Annotated[Literal["gif", "webp", "apng", "mp4"] | None, OWN] = None

    def __post_init__(self) -> None:
        """Refuse a number out of range, and an animation that cannot be written."""
        super().__post_init__()
        if self.number > MOST:
            raise JincError(f"--number: {self.number:,} is not from 1 to {MOST}")
        if self.animation is not None:
            check_animation(Path(f"--animation.{self.animation}"), FPS)

    @property
    def animations(self) -> list[str]:
        """File names of the animations."""
        names = map(numbered_name, range(self.number if self.animation else 0))
        return [str(Path(name).with_suffix(f".{self.animation}")) for name in names]

    @property
    def names(self) -> list[str]:
        """Names of all files that will be written."""
        images = map(numbered_name, range(self.number))
        return [*images, "sheet.png", *self.animations, *self.trajectories]


@dataclass(frozen=True, eq=False)
class UpscalingStage:
    """The second stage.

    Args:
        model: upscales small images.
        plan: for it.
        composition: combines its prompts.
        level: noise added to the small images, in steps.
    """

    model: UpscalingModel
    plan: SamplingOptions
    composition: Composition
    level: int


@dataclass(frozen=True, eq=False)
class Stages:
    """The models of an illusion, and how images are generated with them.

    Args:
        model: generates small images.
        plan: for it.
        composition: combines its prompts.
        second: upscales the images.
    """

    model: PixelModel
    plan: SamplingOptions
    composition: Composition
    second: UpscalingStage | None = None

    @classmethod
    def open(cls, model: PixelModel, compose: Compose, options: IllusionOptions) -> Self:
        """Open the second stage, and check that both can follow the options.

        Raises:
            JincError: there is no such model, or the stages do not fit each other or the options.
        """
        plan = options.for_model(model, usual=())
        plan = replace(plan, batch=plan.batch or min(CHUNK, plan.number))
        composition = compose(model.schedule, plan.levels(model.schedule), 1)
        with named("prompt"):
            plan.denoiser(model, range(1), composition)
        if options.second is None:
            if options.level is not None:
                raise JincError("--level: has no effect without --second")
            return cls(model, plan, composition)
        return cls(model, plan, composition, _open_second(options.second, model, compose, options))

    @property
    def steps(self) -> int:
        """Of the first stage."""
        return self.plan.count(self.model.timesteps)

    @property
    def factor(self) -> int:
        """By which final images are larger than those of the first stage."""
        return 1 if self.second is None else factor_of(self.second.model)

    def generate(self, results: Results) -> Images:
        """Generate the final images, `[number, C, H, W]`."""
        run = generate_images(self.model, self.plan, composition=self.composition)
        images = results.images(run, self.plan.number, self.steps)
        if self.second is None:
            return images
        second = self.second
        steps = second.plan.count(second.model.timesteps)
        upscaled = upscale_in_turn(
            second.model,
            images[:, None],
            second.plan,
            composition=second.composition,
            level=second.level,
        )
        return results.images(upscaled, len(images), steps, "upscaling")


def _open_second(
    source: Path, model: PixelModel, compose: Compose, options: IllusionOptions
) -> UpscalingStage:
    embeddings = model.embed if isinstance(model, PromptedModel) else options.embeddings
    large = options.open_upscaler(source, embeddings)
    if large.low_size != model.image_size or large.channels != model.channels:
        ours, its = (
            "×".join(map(str, (each.channels, *size)))
            for each, size in ((model, model.image_size), (large, large.low_size))
        )
        raise JincError(f"--second: upscales {its} images, but the model generates {ours}")
    level = options.level
    if level is None:
        level = round(LEVEL * len(large.noising)) if isinstance(large, PromptedUpscaler) else 0
    blank = torch.zeros(1, model.channels, *model.image_size)
    try:
        enlargement = Enlargement(large, blank, level, lambda: torch.zeros_like)
        plan = _understood(large, options).for_model(enlargement, usual=())
        levels = options.levels(large.schedule)
        composition = compose(large.schedule, levels, factor_of(large))
        plan.denoiser(enlargement, range(1), composition)
    except JincError as error:
        text = str(error)
        raise error if text.startswith("--") else JincError(f"--second: {text}") from None
    return UpscalingStage(large, plan, composition, level)


def _understood(large: UpscalingModel, options: SamplingOptions) -> SamplingOptions:
    """Leave out prompts and guidance where the upscaler takes none."""
    if not isinstance(large, PromptedUpscaler) and not large.class_names:
        options = replace(options, prompts=("",) * len(options.prompts))
    if large.guidable:
        return options
    return replace(options, guidance=1.0, avoid="", guidance_rescale=0.0, guidance_interval=None)
