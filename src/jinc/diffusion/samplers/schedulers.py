"""Schedulers of diffusers that know our schedule and visit our levels.

Only schedulers of a list are taken, for each has to be tried: which prediction it takes, in which
units its states are, and which levels it can visit. Those that ask a denoiser between levels, that
keep levels of their own, or that draw noise which nobody can give them, are refused with the
reason.
"""

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Protocol

import torch

from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError
from jinc.signal.precision import widest


@dataclass(frozen=True)
class Solver:
    """The properties of a scheduler of diffusers.

    Args:
        scheduler: its class there.
        scaled: whether its states are `x_t/√ᾱ_t = x0 + σ eps` and not x_t.
        prediction: what it takes: the clean images (`sample`), or the noise.
        strided: whether it goes down in equal strides, and in no others.
        paired: whether it takes two levels at a time from the upper one, so that the state between
            them cannot be changed.
        options: defaults of its constructor.
    """

    scheduler: str
    scaled: bool = False
    prediction: Literal["sample", "epsilon"] = "sample"
    strided: bool = False
    paired: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


SOLVERS: Mapping[str, Solver] = {
    "ddim": Solver("DDIMScheduler", strided=True),
    "deis": Solver("DEISMultistepScheduler"),
    "dpm++": Solver("DPMSolverMultistepScheduler"),
    "dpm++-2m-sde": Solver(
        "DPMSolverMultistepScheduler", options={"algorithm_type": "sde-dpmsolver++"}
    ),
    "dpm++-single": Solver(
        "DPMSolverSinglestepScheduler", paired=True, options={"lower_order_final": True}
    ),
    "euler": Solver("EulerDiscreteScheduler", scaled=True),
    "heun-sigma": Solver("HeunDiscreteScheduler", scaled=True),
    "lms": Solver("LMSDiscreteScheduler", scaled=True),
    "pndm": Solver(
        "PNDMScheduler", prediction="epsilon", strided=True, options={"skip_prk_steps": True}
    ),
    "unipc": Solver("UniPCMultistepScheduler"),
}
"""The solvers by name. ddim is there to be compared with `methods`, dpm++ and unipc with
`multistep`; euler is `ddim()` by another way; dpm++-2m-sde draws fresh noise. Of the others, which
draw none, dpm++-single, deis, dpm++, heun-sigma and unipc are of order 2, lms and pndm of order 4,
after a start of less. heun-sigma, which asks twice a step, is Heun's method in σ; in τ it is
`flow.heun`."""

_BETWEEN = "asks between levels, where t is no whole number"
_DRAWS = "draws noise that cannot be replayed; take"
_OTHERS: Mapping[str, tuple[str, str]] = {
    "kdpm2": ("KDPM2DiscreteScheduler", _BETWEEN),
    "kdpm2-ancestral": ("KDPM2AncestralDiscreteScheduler", _BETWEEN),
    "dpm++-sde": ("DPMSolverSDEScheduler", f"{_BETWEEN}; dpm++-2m-sde does not"),
    "ddpm": ("DDPMScheduler", f"{_DRAWS} sample(method=ddpm())"),
    "euler-ancestral": (
        "EulerAncestralDiscreteScheduler",
        f"{_DRAWS} sample(method=ddim(1.0)), which is the same",
    ),
    "edm-euler": ("EDMEulerScheduler", "keeps levels of its own, and takes none of a schedule"),
}
"""Those among diffusers' usual ones that cannot be had, and why."""

OURS = (
    *("beta_", "clip_", "dynamic_", "final_sigmas_", "interpolation_", "rescale_", "sample_"),
    *("threshold", "timestep_", "use_"),
)
"""How options begin that would give a scheduler levels or predictions other than ours; `clip` and
`dynamic_threshold` are what two of them do."""

_SPACED = {"linspace", "leading", "trailing", "linear", "discrete", "zero", None}
"""Words for the levels where nobody names them; we always name them, and end clean."""


class Scheduler(Protocol):
    """A scheduler of diffusers, made and configured by its owner."""

    @property
    def config(self) -> Any:
        """What it was made with, a mapping."""
        ...


def solver_of(method: str | Scheduler) -> tuple[Solver, Mapping[str, Any]]:
    """Return what is to be known about a solver, and the options that it brings with it.

    Args:
        method: a name in `SOLVERS`, or a scheduler, which stays as it is.

    Raises:
        JincError: no solver, one that cannot go by our levels, or a scheduler whose options say
            what the schedule, `steps` or an effect says.
    """
    if isinstance(method, str):
        if method in _OTHERS:
            raise JincError(f"{method}: {' '.join(_OTHERS[method])}")
        if method not in SOLVERS:
            raise JincError(f"no solver is called '{method}': there are {', '.join(SOLVERS)}")
        return SOLVERS[method], SOLVERS[method].options
    name = type(method).__name__
    for other, reason in _OTHERS.values():
        if name == other:
            raise JincError(f"{name}: {reason}")
    for solver in SOLVERS.values():
        if name == solver.scheduler:
            return solver, _own_options(name, method.config)
    tried = dict.fromkeys(solver.scheduler for solver in SOLVERS.values())
    raise JincError(f"{name}: is none of those that were tried, {', '.join(tried)}")


def _own_options(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The options of somebody's scheduler, but for those that the schedule says.

    Clipping, which several do by default, is left to the effect.
    """
    for option, value in config.items():
        switched = option.startswith(("rescale_", "threshold", "use_")) and value
        spacing = ("final_sigmas_", "interpolation_", "timestep_")
        spaced = option.startswith(spacing) and value not in _SPACED
        if switched or spaced:
            raise JincError(f"{name}: {option} is said by the schedule, steps, or an effect")
    if config.get("skip_prk_steps") is False:
        raise JincError(f"{name}: {_BETWEEN}; give it skip_prk_steps=True")
    ours = (*OURS, "_", "num_train", "prediction_", "trained_")
    return {option: value for option, value in config.items() if not option.startswith(ours)}


def make_scheduler(
    solver: Solver,
    schedule: Schedule,
    levels: list[int],
    options: Mapping[str, Any],
    device: torch.device,
) -> Any:
    """Make a scheduler that knows our schedule and visits our levels.

    Args:
        solver: which.
        schedule: gives T and `alpha_bar_t`, to the last digit.
        levels: falling, without the final −1.
        options: of its constructor.
        device: where images are; σ is in float64 where that can be.

    Raises:
        JincError: options that make no sense, levels that it cannot visit, and where diffusers is
            not installed.
    """
    try:
        import diffusers
    except ImportError:
        raise JincError('solvers: needs pip install "jinc[diffusers]"') from None
    known = {
        "num_train_timesteps": len(schedule),
        "prediction_type": solver.prediction,
        "trained_betas": schedule.betas.numpy(),
    }
    for option in options:
        if option in known or option.startswith(OURS):
            raise JincError(f"options: {option} is said by the schedule, steps, or an effect")
    name = solver.scheduler
    try:
        with quietly():
            scheduler = getattr(diffusers, name)(**known, **options)
            return _configured(scheduler, solver, schedule, levels, widest(device))
    except JincError:
        raise
    except (TypeError, ValueError, NotImplementedError) as error:
        raise JincError(f"options: {name} cannot be made with them ({error})") from None


def _configured(
    scheduler: Any, solver: Solver, schedule: Schedule, levels: list[int], dtype: torch.dtype
) -> Any:
    """Set a scheduler's levels, and its schedule to the last digit.

    As it makes them itself, the products of betas and σ are off by 1e-6.
    """
    if "clip_sample" in scheduler.config:
        scheduler.register_to_config(clip_sample=False)
    scheduler.alphas_cumprod = schedule.alpha_bars.clone()
    if "timesteps" in inspect.signature(scheduler.set_timesteps).parameters:
        scheduler.set_timesteps(timesteps=levels)
    else:
        scheduler.set_timesteps(len(levels))
        scheduler.timesteps = torch.tensor(levels, dtype=scheduler.timesteps.dtype)
    if solver.strided:
        _stride(scheduler, levels)
    if hasattr(scheduler, "sigmas"):
        alpha_bars = schedule.alpha_bars[scheduler.timesteps.long()]
        sigmas = ((1 - alpha_bars) / alpha_bars).sqrt()
        scheduler.sigmas = torch.cat([sigmas, scheduler.sigmas[-1:]]).to(dtype)
    return scheduler


def _stride(scheduler: Any, levels: list[int]) -> None:
    """Give levels to a scheduler whose stride is always T//count."""
    strides = {t - t_next for t, t_next in pairwise(levels)} or {1}
    if len(strides) > 1:
        name, usual = type(scheduler).__name__, f"range({levels[0]}, -1, -{levels[0] - levels[1]})"
        raise JincError(f"steps: {name} goes in equal strides, as in {usual}")
    scheduler.register_to_config(num_train_timesteps=strides.pop())
    scheduler.num_inference_steps = 1
    # PNDM is asked a second time at its second level, and begins again with what it learns there.
    twice = levels[1:2] if hasattr(scheduler, "plms_timesteps") else []
    scheduler.timesteps = torch.tensor([*levels[:1], *twice, *levels[1:]])


@contextmanager
def quietly() -> Iterator[None]:
    """Pass over that schedulers make arrays of tensors in a way that NumPy 2 warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
