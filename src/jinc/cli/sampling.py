"""What all commands that generate images make of their options."""

import math
from typing import Literal, TypeAlias

from jinc.diffusion import Method, ddim, ddpm, posterior, timesteps
from jinc.errors import JincError
from jinc.models import Model

MethodName: TypeAlias = Literal["ddim", "ddpm", "posterior"]


def sampling_method(name: MethodName, eta: float) -> Method:
    """Return the sampling method of that name.

    Raises:
        JincError: an eta for another than DDIM, or one out of range.
    """
    if eta and name != "ddim":
        raise JincError(f"--eta: belongs to ddim, not to {name}")
    methods: dict[str, Method] = {"ddim": ddim(eta), "ddpm": ddpm(), "posterior": posterior()}
    return methods[name]


def sampling_levels(model: Model, name: MethodName, steps: int | None) -> list[int]:
    """Return the levels to visit: 50 for ddim and posterior, all for ddpm, if not given.

    Raises:
        JincError: a number of steps that the schedule does not have.
    """
    usual = model.timesteps if name == "ddpm" else min(50, model.timesteps)
    return timesteps(model.timesteps, usual if steps is None else steps)


def check_number_and_seed(number: int, seed: int) -> None:
    """Check how many images are asked for, and of which seed.

    Raises:
        JincError: none, or a negative seed.
    """
    if number < 1:
        raise JincError(f"--number: {number} is not at least 1")
    if seed < 0:
        raise JincError(f"--seed: {seed} is negative")


def check_guidance(model: Model, guidance: float) -> None:
    """Check that a model can be guided, where that is asked for.

    Raises:
        JincError: it has no classes, or cannot do without them; or a guidance of no number.
    """
    if not math.isfinite(guidance):
        raise JincError(f"--guidance: {guidance} is not a finite number")
    if guidance != 1 and not model.class_names:
        raise JincError("--guidance: this model was trained without classes")
    if guidance != 1 and not model.guidable:
        raise JincError("--guidance: this model was trained without --label-dropout")
