"""How images are generated from every network of a study."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from jinc.diffusion import Schedule, Spacing, count_of, levels_of, sampler_by_name, walk_by_name
from jinc.diffusion.noise import SEEDS
from jinc.diffusion.samplers.adaptive import USUAL_TOLERANCE
from jinc.errors import JincError


@dataclass(frozen=True)
class SamplingPlan:
    """How images are generated from each network.

    Args:
        number: how many.
        sampler: one of `diffusion.WALKS`.
        steps: how many levels are visited; None for what is usual.
        spacing: how they are spaced, as `diffusion.spaced` has it; None for what is usual.
        eta: of ddim.
        tolerance: of adaptive; None for what is usual.
        guidance: γ, for networks that can do without their classes.
        clip: whether predictions are kept in range; None for what is usual.
        calibrate: whether they get the amplitude that a network cannot know; None where it cannot.
        seed: of the noise, the same for all networks.

    Raises:
        JincError: a value is of the wrong type or out of its range.
    """

    number: int = 1000
    sampler: str = "ddim"
    steps: int | None = None
    spacing: Spacing | None = None
    eta: float = 0.0
    tolerance: float | None = None
    guidance: float = 1.0
    clip: bool | None = None
    calibrate: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every value, so that a study does not fail hours later."""
        for name, (kinds, holds, range_) in _SAMPLING.items():
            value = getattr(self, name)
            if type(value) not in kinds or not holds(value):
                raise JincError(f"{name}: {value!r} is not {range_}")
        walk_by_name(self.sampler, self.eta, self.tolerance)

    @property
    def limits(self) -> bool:
        """Whether predictions are kept in range."""
        return sampler_by_name(self.sampler).limits(self.clip)

    @property
    def calibrates(self) -> bool | None:
        """Whether their amplitude is corrected; None where the model decides."""
        return sampler_by_name(self.sampler).calibrates(self.calibrate)

    def count(self, T: int) -> int:
        """Return how many levels of T are visited.

        Raises:
            JincError: more than there are.
        """
        return count_of(self.sampler, T, self.steps)

    def levels(self, schedule: Schedule) -> list[int]:
        """Return the levels that are visited.

        Raises:
            JincError: more than there are.
        """
        return levels_of(self.sampler, schedule, self.steps, self.spacing)

    def settings(self) -> dict[str, Any]:
        """Return all of it in plain values, with the usual ones where nothing is said.

        An even spacing is left out: what was made before there was a choice stays what it is.
        """
        said = asdict(self) | {"clip": self.limits}
        if self.tolerance is None:
            said["tolerance"] = USUAL_TOLERANCE
        said["spacing"] = self.spacing or sampler_by_name(self.sampler).spacing
        if said["spacing"] == "even":
            del said["spacing"]
        return said


def _at_least(least: float) -> Callable[[Any], bool]:
    """Tell whether a number is finite and not below another."""
    return lambda value: value is None or least <= value < math.inf


_SAMPLING: Mapping[str, tuple[tuple[type, ...], Callable[[Any], bool], str]] = {
    "number": ((int,), _at_least(2), "at least 2"),
    "sampler": ((str,), bool, "a name"),
    "steps": ((int, type(None)), _at_least(1), "at least 1"),
    "spacing": (
        (str, type(None)),
        lambda value: value is None or value in get_args(Spacing),
        "a spacing",
    ),
    "eta": ((int, float), _at_least(0), "a finite number of at least 0"),
    "tolerance": ((int, float, type(None)), _at_least(0), "a finite number of at least 0"),
    "guidance": ((int, float), _at_least(-math.inf), "a finite number"),
    "clip": ((bool, type(None)), lambda _: True, "true or false"),
    "calibrate": ((bool, type(None)), lambda _: True, "true or false"),
    "seed": ((int,), lambda value: 0 <= value < SEEDS, f"from 0 to {SEEDS - 1}"),
}
"""Which values make sense."""


def sampling_facts(plan: SamplingPlan) -> dict[str, Any]:
    """Return what makes images what they are, but for how many there are."""
    return {name: value for name, value in plan.settings().items() if name != "number"}
