"""Schedulers of diffusers as samplers of our denoisers: a second opinion on our own, and DEIS.

Which levels they visit matters more than which they are (`studies/solvers.py`). At even ones, for
four correlated Gaussian pixels with their exact denoiser, the root mean square distance from the
end of the flow after 10, 20, 40 and 80 calls:

    linear  ddim .164 .082 .041 .021   deis       .017 .013 .006 .002   dpm++ .250 .103 .033 .009
                                       heun-sigma .375 .056 .012 .003   unipc .272 .101 .029 .007
    cosine  ddim .121 .059 .029 .015   deis       .039 .014 .005 .001   dpm++ .109 .037 .010 .002
                                       heun-sigma 747  83   9.3  1.1    unipc .127 .037 .009 .002

The steps of diffusers' Heun are in σ, which at the noisy end of the cosine schedule is in the tens
of thousands; in τ it is `flow.heun`.
"""

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import torch

from jinc.diffusion.process import eps_of
from jinc.diffusion.samplers.sampler import (
    After,
    Sampler,
    SamplerFn,
    Step,
    falling_levels,
    predict_at,
)
from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError
from jinc.signal.tables import widest
from jinc.types import Denoiser, Images, Noise


@dataclass(frozen=True)
class SchedulerKind:
    """How a class of schedulers works, found out by trying it.

    Args:
        scaled: its states are `x_t/√ᾱ_t = x0 + σ eps` and not x_t.
        predicts_eps: it takes the noise, and not the clean images.
        strided: it visits levels in equal strides only.
        paired: it takes two levels at a time, so that the state between them cannot be changed.
    """

    scaled: bool = False
    predicts_eps: bool = False
    strided: bool = False
    paired: bool = False


SCHEDULERS: Mapping[str, SchedulerKind] = {
    "DDIMScheduler": SchedulerKind(strided=True),
    "DEISMultistepScheduler": SchedulerKind(),
    "DPMSolverMultistepScheduler": SchedulerKind(),
    "DPMSolverSinglestepScheduler": SchedulerKind(paired=True),
    "EulerDiscreteScheduler": SchedulerKind(scaled=True),
    "HeunDiscreteScheduler": SchedulerKind(scaled=True),
    "LMSDiscreteScheduler": SchedulerKind(scaled=True),
    "PNDMScheduler": SchedulerKind(predicts_eps=True, strided=True),
    "UniPCMultistepScheduler": SchedulerKind(),
}
"""By class. Single-step DPM-Solver, DEIS, DPM-Solver++, Heun and UniPC are of order 2, LMS and PNDM
of order 4; the Euler scheduler is `ddim()` by another way."""

_BETWEEN = "evaluates between levels, where t is no whole number"
_DRAWS = "draws noise that cannot be replayed; take"
_REFUSED: Mapping[str, str] = {
    "KDPM2DiscreteScheduler": _BETWEEN,
    "KDPM2AncestralDiscreteScheduler": _BETWEEN,
    "DPMSolverSDEScheduler": f"{_BETWEEN}; sde-dpmsolver++ of DPMSolverMultistepScheduler does not",
    "DDPMScheduler": f"{_DRAWS} sample(method=ddpm())",
    "EulerAncestralDiscreteScheduler": f"{_DRAWS} sample(method=ddim(1.0)), which is the same",
    "EDMEulerScheduler": "has levels of its own, and takes none of a schedule",
}

_OURS = ("_", "num_train", "prediction_", "trained_", "beta_", "clip_", "dynamic_", "sample_")
"""Options that our schedule and effects replace, by their beginnings."""

_SWITCHES = ("rescale_", "threshold", "use_")
_SPACINGS = ("final_sigmas_", "interpolation_", "timestep_")
_DEFAULT_SPACINGS = {"linspace", "leading", "trailing", "linear", "discrete", "zero", None}


class Scheduler(Protocol):
    """A scheduler of diffusers."""

    @property
    def config(self) -> Any:
        """The arguments of its constructor, a mapping."""


def solve(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    scheduler: Scheduler,
    steps: int | Sequence[int] = 20,
    noise: Noise | None = None,
    after: After | None = None,
) -> Iterator[Step]:
    """Denoise x_T with a scheduler of diffusers; other arguments, result, errors: see `SamplerFn`.

    Levels are whole numbers, so that schedulers never use spacings of their own, whose t would have
    to be rounded. The last step, to clean, is the prediction itself, also for DEIS and PNDM, which
    by themselves go to level 0 and leave its noise in the image. Some compute in float32 at best.

    Args:
        denoiser: see `SamplerFn`.
        schedule: see `SamplerFn`; the scheduler gets its `alpha_bar_t` exactly.
        x_T: see `SamplerFn`.
        scheduler: of a class in `SCHEDULERS`, such as `LMSDiscreteScheduler()`. It is not changed:
            another is made with its options, our schedule and levels, and without clipping.
        steps: see `SamplerFn`.
        noise: see `SamplerFn`; used only by schedulers that draw noise.
        after: see `SamplerFn`; UniPC then does without its corrector, which would undo the change.

    Raises:
        JincError: at once, for a scheduler that cannot visit these levels, or options that
            contradict the schedule, `steps` or an effect.

    Source: DPM-Solver++ (arXiv 2211.01095), UniPC (2302.04867), DEIS (2204.13902); Euler and Heun
        as in EDM (2206.00364).
    """
    levels = falling_levels(schedule, x_T, steps)
    schedule = schedule.with_signal()  # solvers divide by √ᾱ
    name = type(scheduler).__name__
    kind, options = _kind_of(scheduler), _own_options(scheduler)
    if after is not None and kind.paired:
        raise JincError(f"after: {name} takes two levels at a time; take dpm++")
    if after is not None and name == "UniPCMultistepScheduler":
        options["disable_corrector"] = list(range(len(levels)))
    made = _made(type(scheduler), kind, schedule, levels[:-1], options, x_T.device)
    fresh = torch.randn_like if noise is None else noise
    return _walk(denoiser, schedule, x_T, made, kind, fresh, after)


def _deis() -> SamplerFn:
    def deis(
        denoiser: Denoiser,
        schedule: Schedule,
        x_T: Images,
        *,
        steps: int | Sequence[int] = 20,
        noise: Noise | None = None,
        after: After | None = None,
    ) -> Iterator[Step]:
        try:
            from diffusers import DEISMultistepScheduler
        except ImportError:
            raise JincError('sampler: deis needs pip install "jinc[diffusers]"') from None
        solver = DEISMultistepScheduler()
        return solve(
            denoiser, schedule, x_T, scheduler=solver, steps=steps, noise=noise, after=after
        )

    return deis


DEIS = Sampler(name="deis", make=_deis, spacing="quadratic")


def _kind_of(scheduler: Scheduler) -> SchedulerKind:
    name = type(scheduler).__name__
    if name in _REFUSED:
        raise JincError(f"{name}: {_REFUSED[name]}")
    if name not in SCHEDULERS:
        raise JincError(f"{name}: is not supported; supported are {', '.join(SCHEDULERS)}")
    return SCHEDULERS[name]


def _own_options(scheduler: Scheduler) -> dict[str, Any]:
    """The options of a scheduler that do not belong to the schedule, the levels or an effect."""
    name = type(scheduler).__name__
    for option, value in scheduler.config.items():
        switched = option.startswith(_SWITCHES) and value
        if switched or (option.startswith(_SPACINGS) and value not in _DEFAULT_SPACINGS):
            raise JincError(f"{name}: {option} contradicts the schedule, steps, or an effect")
    if scheduler.config.get("skip_prk_steps") is False:
        raise JincError(f"{name}: {_BETWEEN}; give it skip_prk_steps=True")
    ours = (*_OURS, *_SWITCHES, *_SPACINGS)
    return {o: value for o, value in scheduler.config.items() if not o.startswith(ours)}


def _made(
    cls: Any,
    kind: SchedulerKind,
    schedule: Schedule,
    levels: list[int],
    options: Mapping[str, Any],
    device: torch.device,
) -> Any:
    """Make a scheduler with our levels, and our schedule to the last digit.

    By itself it computes products of betas and σ that are off by 1e-6.
    """
    with _without_numpy_warnings():
        made = cls(
            num_train_timesteps=len(schedule),
            prediction_type="epsilon" if kind.predicts_eps else "sample",
            trained_betas=schedule.betas.numpy(),
            **options,
        )
        if "clip_sample" in made.config:
            made.register_to_config(clip_sample=False)
        made.alphas_cumprod = schedule.alpha_bars.clone()
        if "timesteps" in inspect.signature(made.set_timesteps).parameters:
            made.set_timesteps(timesteps=levels)
        else:
            made.set_timesteps(len(levels))
            made.timesteps = torch.tensor(levels, dtype=made.timesteps.dtype)
    if kind.strided:
        _stride(made, levels)
    if hasattr(made, "sigmas"):
        alpha_bars = schedule.alpha_bars[made.timesteps.long()]
        sigmas = ((1 - alpha_bars) / alpha_bars).sqrt()
        made.sigmas = torch.cat([sigmas, made.sigmas[-1:]]).to(widest(device))
    return made


def _stride(scheduler: Any, levels: list[int]) -> None:
    """Give levels to a scheduler whose stride is always T//count."""
    strides = {t - t_next for t, t_next in pairwise(levels)} or {1}
    if len(strides) > 1:
        name, usual = type(scheduler).__name__, f"range({levels[0]}, -1, -{levels[0] - levels[1]})"
        raise JincError(f"steps: {name} goes in equal strides, as in {usual}")
    scheduler.register_to_config(num_train_timesteps=strides.pop())
    scheduler.num_inference_steps = 1
    # PNDM evaluates its second level twice, and begins again with the result.
    twice = levels[1:2] if hasattr(scheduler, "plms_timesteps") else []
    scheduler.timesteps = torch.tensor([*levels[:1], *twice, *levels[1:]])


@contextmanager
def _without_numpy_warnings() -> Iterator[None]:
    """Ignore that schedulers make arrays of tensors in a way that NumPy 2 deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@torch.no_grad()
def _walk(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    scheduler: Any,
    kind: SchedulerKind,
    noise: Noise,
    after: After | None,
) -> Iterator[Step]:
    """Evaluate the denoiser at each time of the scheduler; yield where a step is complete."""

    def scale(t: int) -> float:
        return float(schedule.alpha_bar(t)) ** -0.5 if kind.scaled else 1.0

    draws = str(scheduler.config.get("algorithm_type")).startswith("sde")
    times = list(scheduler.timesteps)
    levels = [round(float(time)) for time in times]
    state = x_T * scale(levels[0])
    below = [*levels[1:], -1, -2]
    for time, t, t_next, t_then in zip(times, levels, below[:-1], below[1:], strict=True):
        x_t = scheduler.scale_model_input(state, time)
        x0_hat = predict_at(denoiser, x_t, t)
        if t_next == -1:
            state = x0_hat
        else:
            output = eps_of(schedule, "x0", x_t, t, x0_hat) if kind.predicts_eps else x0_hat
            drawn = {"variance_noise": noise(x0_hat)} if draws else {}
            with _without_numpy_warnings():
                moved = scheduler.step(output, time, state, return_dict=False, **drawn)
            state = moved[0].to(x_T.dtype)
        if t_next == t_then:
            continue  # a level that is evaluated twice is not yet where the step ends
        x = state / scale(t_next)
        if after is not None:
            x = after(x, t_next)
            state = x * scale(t_next)
        yield Step(t_next, x, x0_hat)
