"""What all commands that generate images make of their options."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

import psutil
from cyclopts import Parameter

from jinc.cli.naming import named
from jinc.diffusion import SAMPLERS
from jinc.errors import JincError
from jinc.models import PixelModel, SamplingPlan, keep_freed_memory, open_model

if TYPE_CHECKING:
    SamplerName: TypeAlias = str
else:
    SamplerName = Literal[tuple(SAMPLERS)]
"""One of all samplers: the command line lists them."""

STATES = 4
"""Of a batch that sampling holds at least: x_t, x0_hat, fresh noise, and what comes of them."""

OPTIONS = ("prompt", *(field.name.replace("_", "-") for field in fields(SamplingPlan)))

SEVERAL = Parameter(consume_multiple=True, negative=())


@dataclass(frozen=True, kw_only=True)
class SamplingOptions(SamplingPlan):
    """Which images, and how they are generated.

    Args:
        number: how many images.
        prompts: what to generate, dealt out in turn: classes by name or number, or texts, as the
            model understands them; all classes if not given.
        guidance: γ of classifier-free guidance, for models that can do without a prompt: 0 forgets
            it, 1 is the model as it is, 5 insists.
        avoid: what guidance leads away from, instead of from what comes unprompted.
        guidance_rescale: how far the contrast that guidance adds is taken back, 0 … 1; .7 is usual.
        guidance_interval: the lowest and the highest t that are guided; all if not given.
        sampler: ddim; ddpm; posterior, DDPM in strides; published, DDPM as arXiv 2411.09174 has it:
            999 of 1000 steps, without t = 0, neither clipped nor calibrated; adaptive, whose steps
            are as long as an error allows, for each image; or a solver, for few steps: euler,
            heun, which calls the model twice a step, dpm++, unipc, deis (needs diffusers).
        steps: how many levels are visited; if not given, all by ddpm and published, 20 by solvers,
            50 by others; by adaptive, at most so many.
        spacing: how levels are spaced: even, leading or trailing in t; quadratic in √t; karras in
            σ^(1/7) and exponential in log σ, σ being noise over signal; flow in the root of the
            time of flow matching, σ/(1+σ). If not given, flow for solvers, even for others.
        sigma_min: of karras and exponential: σ of the lowest level, that of t = 0 if not given;
            the last step, of lower order, goes from there to the clean prediction.
        eta: of ddim: 0 draws no fresh noise, 1 as much as DDPM.
        tolerance: of adaptive: the error that is allowed, .01 if not given, half of it taking about
            1.4 times as many steps; .02 is about as good as twenty of DDIM.
        tolerance_by: of adaptive: complexity, for errors to count where an image is busy; all alike
            if not given.
        seed: other seeds give other images.
        batch: images that are worked on together, 16 if not given, or as few as are edited; with
            another number images come out the same up to rounding.
        clip: keep predictions in the range of images; if not given, for all samplers but published.
        threshold: how: static cuts, dynamic darkens an image that is too loud; if not given, as the
            model is used to.
        calibrate: correct the amplitude of the predicted noise; if not given, for networks that
            cannot know it, and all samplers but published.
        embeddings: of models that take texts, what stands in for their text encoder: a file of
            prompts in numbers, as `write_prompts` makes them.
        variant: of the files of a pipeline, such as fp16.
        device: cpu, cuda, mps, or auto for the best there is.
    """

    number: Annotated[int, Parameter(alias="-n")] = 16
    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    guidance_interval: Annotated[tuple[int, int] | None, Parameter(negative=())] = None
    sampler: SamplerName = "ddim"
    steps: int | None = None
    tolerance_by: Literal["complexity"] | None = None
    embeddings: Path | None = None
    variant: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        """Name the option in errors that name a field."""
        with named(*OPTIONS):
            super().__post_init__()

    def for_model(self, model: PixelModel, usual: Sequence[str] | None = None) -> Self:
        """Return the plan for a model, which has been found to understand it.

        Args:
            model: what generates.
            usual: prompts where none is given (default: all classes of the model).

        Raises:
            JincError: it cannot be guided, needs a prompt, or does not understand one.
        """
        with named(*OPTIONS, "level"):  # that of enlargements
            self.levels(model.schedule)
            plan = self.of(self.prompts or (model.class_names if usual is None else usual))
            plan.check_model(model)
        return plan

    def open(self, source: Path) -> PixelModel:
        """Read a model, and move it to where it is to work.

        Raises:
            JincError: there is none, it is damaged, there is no such device, or no memory for the
                batch.
        """
        keep_freed_memory()
        with named("embeddings", "variant", "device"):
            model = open_model(
                source, embeddings=self.embeddings, variant=self.variant, device=self.device
            )
        together, free = self.batch or 0, psutil.virtual_memory().available
        needed = STATES * 4 * together * model.channels * math.prod(model.image_size)
        if needed > free:
            raise JincError(
                f"--batch: {together:,} images take at least {needed / 1e9:,.1f} GB, and "
                f"{free / 1e9:,.1f} GB are free; take fewer"
            )
        return model
