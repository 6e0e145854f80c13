"""What a sampler asks: a model's denoiser for certain images, guided, calibrated and limited."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, get_args

from jinc.diffusion import calibrate, cfg, clip, dynamic_threshold
from jinc.errors import JincError
from jinc.models.pixel_model import PixelModel
from jinc.types import Denoiser

Threshold: TypeAlias = Literal["static", "dynamic"]
"""How predictions are kept in the range of images."""


class Asking(Protocol):
    """Says what a sampler asks for certain images: `Shaping`, or an illusion of several."""

    def denoiser(self, model: PixelModel, numbers: Sequence[int]) -> Denoiser:
        """Return `(x_t, t) -> x0_hat` for a batch.

        Args:
            model: what is asked.
            numbers: of the images within the run, one for each of the batch.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """How what a model predicts is shaped before a sampler goes by it.

    Args:
        prompts: dealt out in turn, image i getting `prompts[i % len(prompts)]`: names or numbers of
            classes, or texts; none for no prompt.
        guidance: γ of classifier-free guidance: 0 forgets the prompt, 1 is the network as it is.
        avoid: what guidance leads away from; "" for what the model would make unprompted.
        guidance_rescale: φ of `cfg`, how far contrast is brought back, 0 … 1.
        guidance_interval: the lowest and the highest t that are guided; all if not given.
        limited: whether predictions are kept in the range of images.
        threshold: `static` clips to that range, `dynamic` darkens an image that is too loud; if not
            given, as the model is used to.
        calibrated: whether predictions get the amplitude that a network cannot know; if not given,
            where it cannot.

    Raises:
        JincError: a guidance that is no number, or what goes with it out of range or of no effect;
            another word for the threshold, or one where nothing is limited.
    """

    prompts: Sequence[str] = ()
    guidance: float = 1.0
    avoid: str = ""
    guidance_rescale: float = 0.0
    guidance_interval: tuple[int, int] | None = None
    limited: bool = True
    threshold: Threshold | None = None
    calibrated: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be multiplied by, levels that are none, and what has no effect."""
        if not math.isfinite(self.guidance):
            raise JincError(f"guidance: {self.guidance} is not a finite number")
        if not 0 <= self.guidance_rescale <= 1:
            raise JincError(f"guidance-rescale: {self.guidance_rescale} is not in 0 … 1")
        lowest, highest = self.guidance_interval or (0, 0)
        if not 0 <= lowest <= highest:
            raise JincError(
                f"guidance-interval: {lowest} to {highest} is not 0 or more, and rising"
            )
        if self.guidance == 1:
            for name in ("rescale", "interval"):
                if getattr(self, f"guidance_{name}"):
                    raise JincError(f"guidance-{name}: changes nothing at a guidance of 1")
        if self.threshold not in (None, *get_args(Threshold)):
            raise JincError(f"threshold: {self.threshold!r} is neither static nor dynamic")
        if self.threshold is not None and not self.limited:
            raise JincError(f"threshold: {self.threshold} is a way to clip, and nothing is clipped")

    def check(self, model: PixelModel) -> None:
        """Find out before the work whether a model can be asked this.

        Raises:
            JincError: it cannot be guided, has to be prompted, or does not understand a prompt.
        """
        if self.guidance != 1 and not model.guidable:
            without = "--label-dropout" if model.class_names else "classes"
            raise JincError(f"guidance: this model was trained without {without}")
        if self.guidance != 1 and not any(self.prompts):
            raise JincError("guidance: leads nowhere without a prompt")
        if model.class_names and not model.guidable and not all(self.prompts or [""]):
            raise JincError("prompt: this model has to be told which class; it knows no other way")
        if self.avoid and self.guidance in (0, 1):
            raise JincError(f"avoid: needs a guidance above 1, {self.guidance:g} does not look")
        if self.guidance_interval is not None and self.guidance_interval[0] >= model.timesteps:
            last = model.timesteps - 1
            raise JincError(f"guidance-interval: {self.guidance_interval[0]} is above t = {last}")
        for prompt in dict.fromkeys((*self.prompts, self.avoid)):
            model.prompted([prompt])

    def denoiser(self, model: PixelModel, numbers: Sequence[int]) -> Denoiser:
        """Return the denoiser of certain images of a seed, `(x_t, t) -> x0_hat`.

        Args:
            model: what is asked.
            numbers: of the images, one for each of the batch; they say which gets which prompt.
        """
        prompts = self.prompts or ("",)
        dealt = [prompts[i % len(prompts)] for i in numbers]
        return self.finished(model, self.guided(model, dealt))

    def guided(self, model: PixelModel, prompts: Sequence[str]) -> Denoiser:
        """Return the guided denoiser of a batch, as it is: effects join these.

        Args:
            model: what is asked.
            prompts: one for each image of the batch.
        """
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
        """Calibrate and limit what effects have made of a model's denoisers."""
        if not model.scale_aware if self.calibrated is None else self.calibrated:
            denoiser = calibrate(denoiser, model.schedule)
        if not self.limited:
            return denoiser
        if self.threshold is None:
            return model.limited(denoiser)
        return clip(denoiser) if self.threshold == "static" else dynamic_threshold(denoiser)
