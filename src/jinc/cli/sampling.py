"""What all commands that generate images make of their options."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from jinc.cli.memory import keep_freed_memory
from jinc.cli.naming import named
from jinc.diffusion import Method, Walk, levels_of, method_by_name, walk_by_name
from jinc.diffusion.noise import check_seed
from jinc.errors import JincError
from jinc.models import PixelModel, Shaping, Threshold, open_model

SamplerName: TypeAlias = Literal[
    "ddim", "ddpm", "posterior", "heun", "adaptive", "deis", "dpm++", "euler", "unipc"
]

SEVERAL = Parameter(consume_multiple=True, negative=())


@dataclass(frozen=True, kw_only=True)
class SamplingOptions:
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
        sampler: DDIM; DDPM, the published sampler; the strided posterior; Heun's method, which
            asks twice a step; adaptive, whose steps are as long as an error allows, each image's
            own; or a solver of diffusers.
        steps: how many steps: all for ddpm, 20 for heun and solvers, 50 for others, if not given;
            of adaptive, the most that there may be.
        eta: of DDIM: 0 draws no fresh noise, 1 as much as DDPM.
        tolerance: of adaptive: the error that is allowed, .01 if not given, half of it taking about
            1.4 times as many steps; .02 is about as good as twenty of DDIM.
        tolerance_by: of adaptive: complexity, for errors to count where an image is busy; all alike
            if not given.
        seed: other seeds give other images.
        batch: images that are worked on together, 16 if not given, or as few as are edited; with
            another number images come out the same up to rounding.
        clip: keep predictions in the range of images.
        threshold: how: static cuts, dynamic darkens an image that is too loud; if not given, as the
            model is used to.
        calibrate: correct the amplitude of the predicted noise; if not given, for networks that
            cannot know it. The published sampler is `--sampler ddpm --no-clip --no-calibrate`.
        embeddings: of models that take texts, what stands in for their text encoder: a file of
            prompts in numbers, as `write_prompts` makes them.
        variant: of the files of a pipeline, such as fp16.
        device: cpu, cuda, mps, or auto for the best there is.
    """

    number: Annotated[int, Parameter(alias="-n")] = 16
    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    guidance: float = 1.0
    avoid: str = ""
    guidance_rescale: float = 0.0
    guidance_interval: Annotated[tuple[int, int] | None, Parameter(negative=())] = None
    sampler: SamplerName = "ddim"
    steps: int | None = None
    eta: float = 0.0
    tolerance: float | None = None
    tolerance_by: Literal["complexity"] | None = None
    seed: int = 0
    batch: int | None = None
    clip: bool = True
    threshold: Threshold | None = None
    calibrate: bool | None = None
    embeddings: Path | None = None
    variant: str | None = None
    device: str = "auto"

    def check(self) -> None:
        """Check what can be checked without the model.

        Raises:
            JincError: no images, a seed out of range, or options that do not go with the sampler.
        """
        if self.number < 1:
            raise JincError(f"--number: {self.number} is not at least 1")
        check_seed("--seed", self.seed)
        if self.batch is not None and self.batch < 1:
            raise JincError(f"--batch: {self.batch} is not at least 1")
        if self.tolerance is not None and not 0 <= self.tolerance < math.inf:
            raise JincError(f"--tolerance: {self.tolerance} is not a finite number of at least 0")
        try:
            self.walk()
        except JincError as error:
            raise JincError(f"--{error}") from None

    def levels(self, T: int) -> list[int]:
        """Return the levels to visit.

        Args:
            T: number of steps of the schedule.

        Raises:
            JincError: a number of steps that it does not have.
        """
        try:
            return levels_of(self.sampler, T, self.steps)
        except JincError as error:
            raise JincError(f"--{error}") from None

    def walk(self) -> Walk:
        """Return the way from noise to images."""
        return walk_by_name(self.sampler, self.eta, self.tolerance, self.tolerance_by)

    def method(self) -> Method:
        """Return it where it goes in single moves, as the published ones do.

        Raises:
            JincError: it does not.
        """
        try:
            return method_by_name(self.sampler, self.eta)
        except JincError as error:
            raise JincError(f"--{error}") from None

    def shaping(self, model: PixelModel, usual: Sequence[str] | None = None) -> Shaping:
        """Return what is asked of a model.

        Args:
            model: who is asked.
            usual: prompts where none is named; all classes of the model, if not given.

        Raises:
            JincError: it cannot be guided, does not understand a prompt, or has to be told more.
        """
        usual = model.class_names if usual is None else usual
        try:
            shaping = Shaping(
                prompts=self.prompts or usual,
                guidance=self.guidance,
                avoid=self.avoid,
                guidance_rescale=self.guidance_rescale,
                guidance_interval=self.guidance_interval,
                limited=self.clip,
                threshold=self.threshold,
                calibrated=self.calibrate,
            )
            shaping.check(model)
        except JincError as error:  # it begins with the name of a field, which is an option's
            raise JincError(f"--{error}") from None
        return shaping

    def open(self, source: Path) -> PixelModel:
        """Read a model, and move it to where it is to work.

        Raises:
            JincError: there is none, it is damaged, or there is no such device.
        """
        keep_freed_memory()
        with named("embeddings", "variant", "device"):
            return open_model(
                source, embeddings=self.embeddings, variant=self.variant, device=self.device
            )
