"""Solvers of other hands: a scheduler of diffusers walks from noise to images with our denoisers.

DDPM, its strides and DDIM are `samplers.sample`'s own. Beside them, higher orders are worth having.
Four correlated Gaussian pixels with their exact denoiser, root mean square distance from the end of
the flow after 10, 20, 40 and 80 questions to the denoiser:

    linear  ddim .164 .082 .041 .021   deis       .017 .013 .006 .002   dpm++ .250 .103 .033 .009
                                       heun-sigma .375 .056 .012 .003   unipc .272 .101 .029 .007
    cosine  ddim .121 .059 .029 .015   deis       .039 .014 .005 .001   dpm++ .109 .037 .010 .002
                                       heun-sigma 747  83   9.3  1.1    unipc .127 .037 .009 .002

Heun's steps are in σ, which at the noisy end of the cosine schedule is in the tens of thousands.
"""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from jinc.diffusion.samplers.sample import After, Step
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.shapes import check_images
from jinc.diffusion.timesteps import check_falling, path
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Noise


@dataclass(frozen=True)
class Solver:
    """What is to be known about a scheduler of diffusers.

    Args:
        scheduler: its class there.
        scaled: whether its states are `x_t/√ᾱ_t = x0 + σ eps` and not x_t.
        options: what it is made with, unless told otherwise.
    """

    scheduler: str
    scaled: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


SOLVERS: Mapping[str, Solver] = {
    "ddpm": Solver("DDPMScheduler", options={"variance_type": "fixed_large"}),
    "deis": Solver("DEISMultistepScheduler"),
    "dpm++": Solver("DPMSolverMultistepScheduler"),
    "euler": Solver("EulerDiscreteScheduler", scaled=True),
    "heun-sigma": Solver("HeunDiscreteScheduler", scaled=True),
    "unipc": Solver("UniPCMultistepScheduler"),
}
"""The solvers by name. The order is 1 for euler, which is `ddim()` by another way, and 2 for the
others but ddpm, which is there to be compared with `methods.ddpm`. heun-sigma, which asks twice a
step, is Heun's method in σ; in τ it is `flow.heun`."""


OURS = ("beta_", "clip_", "dynamic_", "rescale_", "sample_", "threshold", "timestep_", "use_")
"""How options begin that would give a scheduler levels or predictions other than ours; `clip` and
`dynamic_threshold` are what two of them do."""


def solve(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    method: str = "dpm++",
    steps: int | Sequence[int] = 20,
    noise: Noise | None = None,
    after: After | None = None,
    options: Mapping[str, Any] | None = None,
) -> Iterator[Step]:
    """Denoise x_T with a scheduler of diffusers, without gradients, and yield every state.

    The same levels, denoisers, noise and states as in `samplers.sample`. Levels are whole numbers,
    so that schedulers are never asked for spacings of their own, whose t would have to be rounded.
    The last move, to clean, is the prediction itself, as it is in every one of these solvers. They
    compute in float32 at best.

    Args:
        denoiser: `(x_t, t) -> x0_hat`, t being int64 `[B]` on x_t's device, 0 … T−1.
        schedule: gives T and `alpha_bar_t`, which the scheduler gets as they are.
        x_T: the start at the first level, as a rule white noise, `[B, C, H, W]`.
        method: a name in `SOLVERS`.
        steps: a count of levels, evenly from T−1 to 0; or the falling levels themselves.
        noise: white noise on demand, such as `SeededNoise`; asked only by solvers that draw.
        after: `(x, t') -> x`, called after every move with the level t' just reached; `unipc`
            then does without its corrector, which would undo the change.
        options: of the scheduler's constructor, such as `{"solver_order": 3}`, or
            `{"algorithm_type": "sde-dpmsolver++"}` for fresh noise.

    Returns:
        an iterator of one `Step` for each move.

    Raises:
        JincError: at once, for images, steps, a name or an option that make no sense, and where
            diffusers is not installed.

    Source: DPM-Solver++ (arXiv 2211.01095), UniPC (2302.04867), DEIS (2204.13902); Euler and Heun
        as in EDM (2206.00364).
    """
    check_images(x_T, "x_T")
    if method not in SOLVERS:
        raise JincError(f"no solver is called '{method}': there are {', '.join(SOLVERS)}")
    levels = path(len(schedule), steps)
    check_falling(levels)
    settings = {**SOLVERS[method].options, **(options or {})}
    if method == "unipc" and after is not None:
        settings["disable_corrector"] = list(range(len(levels)))
    scheduler = _scheduler(SOLVERS[method].scheduler, schedule, levels[:-1], settings)
    fresh = torch.randn_like if noise is None else noise
    return _walk(denoiser, schedule, x_T, scheduler, SOLVERS[method].scaled, fresh, after)


def _scheduler(name: str, schedule: Schedule, levels: list[int], options: Mapping[str, Any]) -> Any:
    """Make a scheduler that knows our schedule and visits our levels."""
    try:
        import diffusers
    except ImportError:
        raise JincError('solvers: needs pip install "jinc[diffusers]"') from None
    known = {
        "num_train_timesteps": len(schedule),
        "prediction_type": "sample",
        "trained_betas": schedule.betas.numpy(),
    }
    for option in options:
        if option in known or option.startswith(OURS):
            raise JincError(f"options: {option} is said by the schedule, steps, or an effect")
    try:
        with _quietly():
            return _made(getattr(diffusers, name)(**known, **options), schedule, levels)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise JincError(f"options: {name} cannot be made with them ({error})") from None


def _made(scheduler: Any, schedule: Schedule, levels: list[int]) -> Any:
    """Tell a scheduler our schedule to the last digit, and our levels."""
    if "clip_sample" in scheduler.config:
        scheduler.register_to_config(clip_sample=False)
    # The products of betas in float32 are off by 1e-6; these are exact.
    scheduler.alphas_cumprod = schedule.alpha_bars.clone()
    if "timesteps" in inspect.signature(scheduler.set_timesteps).parameters:
        scheduler.set_timesteps(timesteps=levels)
    else:
        scheduler.set_timesteps(len(levels))
        _visit(scheduler, schedule, levels)
    return scheduler


def _visit(scheduler: Any, schedule: Schedule, levels: list[int]) -> None:
    """Give levels to a scheduler that offers no way to: its last σ is never reached."""
    alpha_bars = schedule.alpha_bars[levels]
    sigmas = ((1 - alpha_bars) / alpha_bars).sqrt().to(scheduler.sigmas.dtype)
    scheduler.sigmas = torch.cat([sigmas, scheduler.sigmas[-1:]])
    scheduler.timesteps = torch.tensor(levels, dtype=scheduler.timesteps.dtype)


@torch.no_grad()
def _walk(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    scheduler: Any,
    scaled: bool,
    noise: Noise,
    after: After | None,
) -> Iterator[Step]:
    """Ask the denoiser wherever the scheduler wants to know, and yield where a move is complete."""

    def scale(t: int) -> float:
        return float(schedule.alpha_bar(t)) ** -0.5 if scaled else 1.0

    times = list(scheduler.timesteps)
    levels = [round(float(time)) for time in times]
    state = x_T * scale(levels[0])
    for time, t, t_next in zip(times, levels, [*levels[1:], -1], strict=True):
        x_t = scheduler.scale_model_input(state, time)
        x0_hat = denoiser(x_t, torch.full((len(x_t),), t, device=x_t.device))
        if t_next == -1:
            state = x0_hat
        else:
            with _quietly(), _drawing(noise, x0_hat):
                state = scheduler.step(x0_hat, time, state, return_dict=False)[0].to(x_T.dtype)
        if not getattr(scheduler, "state_in_first_order", True):
            continue  # half-way through a step of Heun's
        x = state / scale(t_next)
        if after is not None:
            x = after(x, t_next)
            state = x * scale(t_next)
        yield Step(t_next, x, x0_hat)


@contextmanager
def _quietly() -> Iterator[None]:
    """Pass over that schedulers make arrays of tensors in a way that NumPy 2 warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


class _drawing(TorchFunctionMode):
    """Let what is drawn within come from `noise`, not from torch's global generator.

    Schedulers draw by `torch.randn`, and few can be handed noise. This holds for one thread, and
    only while a scheduler makes its step.
    """

    def __init__(self, noise: Noise, like: Images) -> None:
        """Remember who draws, and for which images."""
        super().__init__()
        self._noise, self._like = noise, like

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Answer `torch.randn` for images of this shape; leave all else as it is."""
        if func is torch.randn:
            return self._noise(self._like)
        return func(*args, **(kwargs or {}))
