"""All samplers by name."""

from collections.abc import Mapping

from jinc.diffusion.samplers.adaptive import ADAPTIVE
from jinc.diffusion.samplers.diffusers_solvers import DEIS
from jinc.diffusion.samplers.flow import HEUN
from jinc.diffusion.samplers.methods import Method
from jinc.diffusion.samplers.multistep import DPM_SOLVER, UNIPC
from jinc.diffusion.samplers.sample import DDIM, DDPM, EULER, POSTERIOR, PUBLISHED
from jinc.diffusion.samplers.sampler import Sampler, SamplerFn
from jinc.errors import JincError, unknown

SAMPLERS: Mapping[str, Sampler] = {
    sampler.name: sampler
    for sampler in (
        *(DDIM, DDPM, POSTERIOR, PUBLISHED, ADAPTIVE),
        *(EULER, HEUN, DPM_SOLVER, UNIPC, DEIS),
    )
}
"""A new sampler is a file that ends in its entry, and a name here."""


def sampler_by_name(name: str) -> Sampler:
    """Return the entry of a sampler.

    Raises:
        JincError: it is not in `SAMPLERS`; the message names the nearest.
    """
    if name not in SAMPLERS:
        raise unknown(f"sampler: {name!r} is unknown", name, SAMPLERS)
    return SAMPLERS[name]


def method_by_name(name: str, eta: float = 0.0) -> Method:
    """Return the method of a sampler that goes in single moves, such as `ddim` or `ddpm`.

    Args:
        name: of the sampler.
        eta: of ddim.

    Raises:
        JincError: another name, or an eta for another than ddim.
    """
    sampler = sampler_by_name(name)
    if sampler.method is None:
        single = [each for each, other in SAMPLERS.items() if other.method is not None]
        raise JincError(f"sampler: {name} is not one of {', '.join(single)}")
    return sampler.method(**given_options(sampler, eta=eta or None))


def sampler_fn(
    sampler: str | Sampler,
    eta: float = 0.0,
    tolerance: float | None = None,
    tolerance_by: str | None = None,
) -> SamplerFn:
    """Make the function of a sampler.

    Args:
        sampler: a name in `SAMPLERS`, or an entry.
        eta: of ddim.
        tolerance: error tolerance of adaptive (default 0.01).
        tolerance_by: of adaptive: what weights the error, a name in `WEIGHTS` (default: nothing).

    Raises:
        JincError: an unknown name, or an option of another sampler.

    >>> sampler_fn("ddim", eta=1.0).keywords
    {'method': ddim(eta=1.0)}
    """
    sampler = sampler_by_name(sampler) if isinstance(sampler, str) else sampler
    options = {"eta": eta or None, "tolerance": tolerance, "tolerance_by": tolerance_by}
    return sampler.make(**given_options(sampler, **options))


def given_options(sampler: Sampler, **options: float | str | None) -> dict[str, float | str]:
    """Return the options that are not None; refuse those of other samplers."""
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in sampler.options:
            owner = next(each.name for each in SAMPLERS.values() if option in each.options)
            raise JincError(
                f"{option.replace('_', '-')}: belongs to {owner}, not to {sampler.name}"
            )
    return given
