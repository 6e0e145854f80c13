"""Ways from noise to images by their names."""

from collections.abc import Callable, Mapping
from functools import partial

from jinc.diffusion.complexity import complexity_normalised
from jinc.diffusion.samplers.adaptive import Weight, adaptive
from jinc.diffusion.samplers.flow import heun
from jinc.diffusion.samplers.methods import Method, ddim, ddpm, posterior
from jinc.diffusion.samplers.sample import Walk, sample
from jinc.diffusion.samplers.solvers import solve
from jinc.diffusion.timesteps import timesteps
from jinc.errors import JincError, unknown

SOLVED = ("deis", "dpm++", "euler", "unipc")
"""Those that diffusers walks."""

WALKS = ("ddim", "ddpm", "posterior", "heun", "adaptive", *SOLVED)
"""All names."""

USUAL_TOLERANCE = 0.01
"""Of adaptive, if nothing is said."""

WEIGHTS: Mapping[str, Weight] = {"complexity": complexity_normalised}
"""Where errors may count more in adaptive: where an image is busy."""


def method_by_name(name: str, eta: float = 0.0) -> Method:
    """Return one of the methods that go in single moves.

    Args:
        name: `ddim`, `ddpm` or `posterior`.
        eta: of ddim.

    Raises:
        JincError: another name, or an eta for another than ddim.
    """
    methods: dict[str, Callable[[], Method]] = {
        "ddim": partial(ddim, eta),
        "ddpm": ddpm,
        "posterior": posterior,
    }
    if name not in methods:
        raise JincError(f"sampler: {name} is none of {', '.join(methods)}")
    if eta and name != "ddim":
        raise JincError(f"eta: belongs to ddim, not to {name}")
    return methods[name]()


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
    if name not in WALKS:
        raise unknown(f"sampler: {name!r} is none", name, WALKS)
    if tolerance is not None and name != "adaptive":
        raise JincError(f"tolerance: belongs to adaptive, not to {name}")
    if tolerance_by is not None and name != "adaptive":
        raise JincError(f"tolerance-by: belongs to adaptive, not to {name}")
    if name in ("ddim", "ddpm", "posterior"):
        return partial(sample, method=method_by_name(name, eta))
    if eta:
        raise JincError(f"eta: belongs to ddim, not to {name}")
    if name == "adaptive":
        usual = partial(adaptive, tolerance=USUAL_TOLERANCE if tolerance is None else tolerance)
        if tolerance_by is None:
            return usual
        if tolerance_by not in WEIGHTS:
            raise unknown(f"tolerance-by: {tolerance_by!r} is none", tolerance_by, WEIGHTS)
        return partial(usual, weight=WEIGHTS[tolerance_by])
    return heun if name == "heun" else partial(solve, method=name)


def levels_of(name: str, T: int, steps: int | None = None) -> list[int]:
    """Return the levels that a way visits, evenly.

    Args:
        name: one of `WALKS`.
        T: number of steps of the schedule.
        steps: how many levels, 1 … T; None for what is usual: all of ddpm, and of adaptive, which
            chooses among them; 20 of solvers, 50 of others, as far as there are so many.

    Raises:
        JincError: a number of steps that the schedule does not have.
    """
    usual = {"ddpm": T, "adaptive": T} | dict.fromkeys(("heun", *SOLVED), 20)
    return timesteps(T, min(usual.get(name, 50), T) if steps is None else steps)
