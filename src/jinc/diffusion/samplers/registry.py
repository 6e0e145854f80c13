"""All samplers by name, and the levels that each visits."""

from collections.abc import Mapping
from dataclasses import replace

from jinc.diffusion.samplers.adaptive import ADAPTIVE
from jinc.diffusion.samplers.flow import HEUN
from jinc.diffusion.samplers.methods import Method, ddim, ddpm, ddpm_published, posterior
from jinc.diffusion.samplers.multistep import DPM_SOLVER, UNIPC
from jinc.diffusion.samplers.sample import Sampler, SamplerFn, moves
from jinc.diffusion.samplers.solvers import DEIS
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.timesteps import Spacing, spaced, timesteps
from jinc.errors import JincError, unknown

SAMPLERS: Mapping[str, Sampler] = {
    "ddim": moves(ddim, "eta"),
    "ddpm": moves(ddpm, steps=None, draws=True),
    "posterior": moves(posterior, draws=True),
    "published": replace(
        moves(ddpm_published, draws=True), levels=ddpm_published().levels, as_is=True
    ),
    "adaptive": ADAPTIVE,
    "euler": moves(ddim, steps=20, spacing="flow"),
    "heun": HEUN,
    "dpm++": DPM_SOLVER,
    "unipc": UNIPC,
    "deis": DEIS,
}
"""A new sampler is a file that declares its entry, and a line here.

`euler`, Euler's method in flow time, makes the moves of `ddim` at other levels."""


def sampler_by_name(name: str) -> Sampler:
    """Return a sampler.

    Args:
        name: one of `SAMPLERS`.

    Raises:
        JincError: another name, with the nearest known one.
    """
    if name not in SAMPLERS:
        raise unknown(f"sampler: {name!r} is none", name, SAMPLERS)
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


def sampler_fn(
    name: str,
    eta: float = 0.0,
    tolerance: float | None = None,
    tolerance_by: str | None = None,
) -> SamplerFn:
    """Return a sampler, made from its options.

    Args:
        name: one of `SAMPLERS`.
        eta: of ddim.
        tolerance: of adaptive; None for the usual .01.
        tolerance_by: of adaptive: a name in `WEIGHTS`, for errors to count more there; None for
            all alike.

    Raises:
        JincError: another name, with the nearest known one; an eta for another than ddim, or a
            tolerance or its weight for another than adaptive.

    >>> sampler_fn("ddim", eta=1.0).keywords
    {'method': ddim(eta=1.0)}
    """
    sampler = sampler_by_name(name)
    return sampler.make(
        **_taken(name, eta=eta or None, tolerance=tolerance, tolerance_by=tolerance_by)
    )


def count_of(name: str, T: int, steps: int | None = None) -> int:
    """Return how many levels a sampler visits.

    Args:
        name: one of `SAMPLERS`.
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
        name: one of `SAMPLERS`.
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
