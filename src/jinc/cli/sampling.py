"""Options of all commands that generate images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

import psutil
from cyclopts import Group, Parameter

from jinc.cli.naming import named
from jinc.diffusion import SAMPLERS, Schedule
from jinc.errors import JincError
from jinc.models import (
    Embedder,
    PixelModel,
    Precision,
    SamplingPlan,
    UpscalingModel,
    compile_network,
    keep_freed_memory,
    open_model,
    open_upscaler,
    set_precision,
)

if TYPE_CHECKING:
    SamplerName: TypeAlias = str
else:
    SamplerName = Literal[tuple(SAMPLERS)]
"""One of all samplers: the command line lists them."""

STATES = 4
"""Batches that sampling holds in memory at least: x_t, x0_hat, fresh noise and the next x_t."""

OPTIONS = ("prompt", *(field.name.replace("_", "-") for field in fields(SamplingPlan)))

SEVERAL = Parameter(consume_multiple=True, negative=())

SAMPLING = Group("Sampling", sort_key=1)
"""Options of every command that generates images, listed after the command's own."""

OWN = Parameter(group="Parameters")
"""Marks options of a command among those of sampling."""


@dataclass(frozen=True, kw_only=True)
class SamplingOptions(SamplingPlan):
    """Which images, and how they are generated.

    Args:
        number: how many images.
        prompts: what to generate, assigned to images in turn: classes by name or number, or texts
            (default: all classes).
        guidance: scale γ of classifier-free guidance: 0 ignores the prompt, 1 is the conditional
            model, larger values follow the prompt more strongly; needs a model trained with
            --label-dropout.
        avoid: negative prompt, used in place of the unconditional prediction.
        guidance_rescale: guidance rescale φ (0 to 1; 0.7 is usual).
        guidance_interval: lowest and highest t with guidance, from 0 to T − 1 (default: all).
        sampler: ddim; ddpm; posterior (strided DDPM); published (DDPM as in arXiv 2411.09174: 999
            of 1000 steps, neither clipped nor calibrated); adaptive (step size control for each
            image); or a fast solver: euler, heun (2 model calls per step), dpm++, unipc, or deis
            (this one needs diffusers).
        steps: number of steps (default: all for ddpm and published, 20 for fast solvers, 50 for
            others); for adaptive, the maximum (default: no limit but T).
        spacing: noise levels are uniform in t for even (from T − 1 to 0), leading (ends at 0) and
            trailing (starts at T − 1); in √t for quadratic; in σ^(1/7) for karras; in log σ for
            exponential; in √(σ/(1+σ)) for flow; σ is noise over signal (default: flow for fast
            solvers, even for others).
        sigma_min: lowest σ of karras and exponential spacing (default: σ at t = 0); the last step
            goes from there to the clean prediction.
        eta: η of ddim: 0 is deterministic, 1 adds as much noise as DDPM.
        tolerance: error tolerance of adaptive: root mean square error of a step, for images in
            [−1, 1] (default: 0.01). Halving it takes about 1.4× the steps; 0.02 is about as good as
            20 steps of ddim.
        tolerance_by: complexity weights the errors of adaptive by local complexity (default:
            uniform weights).
        seed: random seed, at least 0; image i of a seed is always the same.
        batch: images per batch (default: 16, or the number of results if that is less); other sizes
            change images by rounding only.
        clip: clip predictions to the range of images (default: yes, except for published).
        threshold: how to clip: static cuts values off, dynamic rescales images that exceed the
            range (default: the model's own).
        calibrate: correct the amplitude of the predicted noise (default: for networks that
            normalise their input and cannot see it, except with published).
        embeddings: for text-to-image models, a file of prompt embeddings made by
            jinc.models.write_prompts, in place of the text encoder.
        variant: file variant of a pipeline, such as fp16.
        device: cpu, cuda, mps, or auto, the fastest available.
        precision: of the network, by autocast; the noisy images stay fp32.
        compile: compile the network, which takes up to minutes and pays off for many images; on
            CUDA it is replayed as one graph. Changes images by rounding only.
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
    precision: Precision = "fp32"
    compile: Annotated[bool, Parameter(negative=())] = False

    def __post_init__(self) -> None:
        """Name the option in errors that name a field."""
        with named(*OPTIONS):
            super().__post_init__()

    def levels(self, schedule: Schedule) -> list[int]:
        """Return the levels that are visited; errors name the option."""
        with named(*OPTIONS):
            return super().levels(schedule)

    def for_model(self, model: PixelModel, usual: Sequence[str] | None = None) -> Self:
        """Return the plan for a model.

        Args:
            model: what generates.
            usual: prompts where none is given (default: all classes of the model).

        Raises:
            JincError: the model cannot follow the plan.
        """
        with named(*OPTIONS, "level"):  # that of enlargements
            self.levels(model.schedule)
            plan = self.of(self.prompts or (model.class_names if usual is None else usual))
            plan.check_model(model)
        return plan

    def open(self, source: Path) -> PixelModel:
        """Open a model on the device.

        Raises:
            JincError: there is no such model or device, or too little memory for the batch.
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
                f"--batch: {together:,} images need at least {needed / 1e9:,.1f} GB, but "
                f"{free / 1e9:,.1f} GB are free; choose a smaller batch"
            )
        self._set_calls(model)
        return model

    def open_upscaler(self, source: Path, embeddings: Path | Embedder | None) -> UpscalingModel:
        """Open an upscaler on the device.

        Raises:
            JincError: there is no such upscaler or device.
        """
        keep_freed_memory()
        with named("embeddings", "variant", "device"):
            model = open_upscaler(
                source, embeddings=embeddings, variant=self.variant, device=self.device
            )
        self._set_calls(model)
        return model

    def _set_calls(self, model: PixelModel | UpscalingModel) -> None:
        """Call the network of a model as the options say."""
        set_precision(model, self.precision)
        if self.compile:
            compile_network(model)
