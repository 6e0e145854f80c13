"""All samplers by their names: what each one is, and what it does where nothing is said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from jinc.diffusion.complexity import complexity_normalised
from jinc.diffusion.samplers.adaptive import Weight, adaptive
from jinc.diffusion.samplers.flow import heun
from jinc.diffusion.samplers.methods import Method, ddim, ddpm, ddpm_published, posterior
from jinc.diffusion.samplers.multistep import dpm_solver, unipc
from jinc.diffusion.samplers.sample import Walk, sample
from jinc.diffusion.samplers.solvers import solve
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.timesteps import Spacing, spaced, timesteps
from jinc.errors import JincError, unknown

USUAL_TOLERANCE = 0.01
"""Of adaptive, if nothing is said."""

WEIGHTS: Mapping[str, Weight] = {"complexity": complexity_normalised}
"""Where errors may count more in adaptive: where an image is busy."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A way from noise to images, and its defaults.

    Args:
        walk: makes it, from the options that it takes.
        takes: the names of these options.
        method: makes its `Method`, from the same options; None where it is no sequence of single
            moves.
        steps: how many levels are visited by default; None for all.
        spacing: how they are spaced by default: of solvers, what comes nearest to the end of the
            flow in 10 and 20 calls (`studies/solvers.py`); of others, evenly as in their papers.
        levels: the only ones that it visits, by T; None for a sampler that takes any.
        draws: whether it draws fresh noise, whatever its options.
        calls: of the denoiser, a level; of the last one there is one.
        as_is: whether predictions are used as the network makes them, neither clipped nor
            calibrated, if nothing is said.
    """

    walk: Callable[..., Walk]
    takes: tuple[str, ...] = ()
    method: Callable[..., Method] | None = None
    steps: int | None = 20
    spacing: Spacing = "flow"
    levels: Callable[[int], list[int]] | None = None
    draws: bool = False
    calls: int = 1
    as_is: bool = False

    def limits(self, clip: bool | None) -> bool:
        """Whether predictions are clipped, clip being what was asked for."""
        return not self.as_is if clip is None else clip

    def calibrates(self, calibrate: bool | None) -> bool | None:
        """Whether predictions are calibrated; None where the model decides."""
        return False if self.as_is and calibrate is None else calibrate


def _moves(
    method: Callable[..., Method],
    *takes: str,
    steps: int | None = 50,
    spacing: Spacing = "even",
    draws: bool = False,
) -> Sampler:
    """Make the sampler that goes by a method."""
    return Sampler(
        walk=lambda **options: partial(sample, method=method(**options)),
        takes=takes,
        method=method,
        steps=steps,
        spacing=spacing,
        draws=draws,
    )


def _adaptive(tolerance: float = USUAL_TOLERANCE, tolerance_by: str | None = None) -> Walk:
    """Make adaptive, with the weight of a name."""
    if tolerance_by is None:
        return partial(adaptive, tolerance=tolerance)
    if tolerance_by not in WEIGHTS:
        raise unknown(f"tolerance-by: {tolerance_by!r} is none", tolerance_by, WEIGHTS)
    return partial(adaptive, tolerance=tolerance, weight=WEIGHTS[tolerance_by])


SAMPLERS: Mapping[str, Sampler] = {
    "ddim": _moves(ddim, "eta"),
    "ddpm": _moves(ddpm, steps=None, draws=True),
    "posterior": _moves(posterior, draws=True),
    "published": replace(
        _moves(ddpm_published, draws=True), levels=ddpm_published().levels, as_is=True
    ),
    "adaptive": Sampler(
        walk=_adaptive, takes=("tolerance", "tolerance_by"), steps=None, spacing="even"
    ),
    "euler": _moves(ddim, steps=20, spacing="flow"),
    "heun": Sampler(walk=lambda: heun, calls=2),
    "dpm++": Sampler(walk=lambda: dpm_solver),
    "unipc": Sampler(walk=lambda: unipc),
    "deis": Sampler(walk=lambda: partial(solve, method="deis"), spacing="quadratic"),
}
"""All samplers. `euler`, Euler's method in flow time, makes the moves of `ddim` at other levels."""

WALKS = tuple(SAMPLERS)
"""All names."""


def sampler_by_name(name: str) -> Sampler:
    """Return a sampler.

    Args:
        name: one of `WALKS`.

    Raises:
        JincError: another name, with the nearest known one.
    """
    if name not in SAMPLERS:
        raise unknown(f"sampler: {name!r} is none", name, WALKS)
    return SAMPLERS[name]


def method_by_name(name: str, eta: float = 0.0) -> Method:
    """Return the method of a sampler that goes in single moves.

    Args:
        name: such as `ddim`, `ddpm` or `posterior`.
        eta: of ddim.

    Raises:
        JincError: another name, or an eta for another than ddim.
    """
    method = sampler_by_name(name).method
    if method is None:
        single = [each for each, sampler in SAMPLERS.items() if sampler.method is not None]
        raise JincError(f"sampler: {name} is none of {', '.join(single)}")
    return method(**_taken(name, eta=eta or None))


def walk_by_name(
    name: str,
    eta: float = 0.0,
    tolerance: float | None = None,
    tolerance_by: str | None = None,
) -> Walk:
    """Return a way from noise to images.

    Args:
        name: one of `WALKS`.
        eta: of ddim.
        tolerance: of adaptive; None for the usual .01.
        tolerance_by: of adaptive: a name in `WEIGHTS`, for errors to count more there; None for
            all alike.

    Raises:
        JincError: another name, with the nearest known one; an eta for another than ddim, or a
            tolerance or its weight for another than adaptive.

    >>> walk_by_name("ddim", eta=1.0).keywords
    {'method': ddim(eta=1.0)}
    """
    sampler = sampler_by_name(name)
    given = _taken(name, eta=eta or None, tolerance=tolerance, tolerance_by=tolerance_by)
    return sampler.walk(**given)


def count_of(name: str, T: int, steps: int | None = None) -> int:
    """Return how many levels a sampler visits.

    Args:
        name: one of `WALKS`.
        T: number of steps of the schedule.
        steps: how many levels, 1 … T; None for its default, as far as there are so many.

    Raises:
        JincError: a number of steps that the schedule does not have, or any of a sampler whose
            levels are fixed.
    """
    sampler = sampler_by_name(name)
    if sampler.levels is not None:
        if steps is not None:
            raise _own_levels("steps", name)
        return len(sampler.levels(T))
    if steps is None:
        return T if sampler.steps is None else min(sampler.steps, T)
    return len(timesteps(T, steps))


def levels_of(
    name: str,
    schedule: Schedule,
    steps: int | None = None,
    spacing: Spacing | None = None,
    sigma_min: float | None = None,
) -> list[int]:
    """Return the levels that a sampler visits.

    Args:
        name: one of `WALKS`.
        schedule: gives T and `alpha_bar_t`.
        steps: how many levels, 1 … T; None for its default, as far as there are so many.
        spacing: how they are spaced; None for its default.
        sigma_min: as of `spaced`.

    Raises:
        JincError: as of `count_of` and `spaced`, or a spacing of a sampler whose levels are fixed.
    """
    sampler, T = sampler_by_name(name), len(schedule)
    count = count_of(name, T, steps)
    if sampler.levels is None:
        return spaced(schedule, count, spacing or sampler.spacing, sigma_min)
    if spacing is not None:
        raise _own_levels("spacing", name)
    if sigma_min is not None:
        raise _own_levels("sigma-min", name)
    return sampler.levels(T)


def _own_levels(option: str, name: str) -> JincError:
    return JincError(f"{option}: the {name} sampler visits levels of its own; leave it out")


def _taken(name: str, **options: float | str | None) -> dict[str, float | str]:
    """The options that are given, if the sampler takes them."""
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in SAMPLERS[name].takes:
            owner = next(each for each, sampler in SAMPLERS.items() if option in sampler.takes)
            raise JincError(f"{option.replace('_', '-')}: belongs to {owner}, not to {name}")
    return given
