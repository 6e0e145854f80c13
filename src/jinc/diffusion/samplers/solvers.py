"""Schedulers of diffusers walk from noise to images with our denoisers.

Here are solvers beyond our own (`sample`, `flow`, `multistep`, `adaptive`), and a second opinion on
these. Which levels they visit matters more than which they are: `studies/solvers.py`. With even
ones, of four correlated Gaussian pixels with their exact denoiser, the root mean square distance
from the end of the flow after 10, 20, 40 and 80 calls:

    linear  ddim .164 .082 .041 .021   deis       .017 .013 .006 .002   dpm++ .250 .103 .033 .009
                                       heun-sigma .375 .056 .012 .003   unipc .272 .101 .029 .007
    cosine  ddim .121 .059 .029 .015   deis       .039 .014 .005 .001   dpm++ .109 .037 .010 .002
                                       heun-sigma 747  83   9.3  1.1    unipc .127 .037 .009 .002

Heun's steps are in σ, which at the noisy end of the cosine schedule is in the tens of thousands.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from jinc.diffusion.process import eps_of
from jinc.diffusion.samplers.sampler import After, Sampler, Step, falling_levels, predict_at
from jinc.diffusion.samplers.schedulers import (
    Scheduler,
    Solver,
    make_scheduler,
    quietly,
    solver_of,
)
from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Noise


def solve(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    method: str | Scheduler = "dpm++",
    steps: int | Sequence[int] = 20,
    noise: Noise | None = None,
    after: After | None = None,
    options: Mapping[str, Any] | None = None,
) -> Iterator[Step]:
    """Denoise x_T with a scheduler of diffusers; other arguments and errors: see `SamplerFn`.

    Levels are whole numbers, so that schedulers never use spacings of their own, whose t would have
    to be rounded; `spaced` has them all. The last move, to clean, is the prediction itself, also of
    `deis` and `pndm`, which by themselves go to level 0 by their own order and leave its noise in
    the image: nearer where the last level is far above 0. Some compute in float32 at best.

    Args:
        denoiser: see `SamplerFn`.
        schedule: see `SamplerFn`; the scheduler gets `alpha_bar_t` as they are.
        x_T: see `SamplerFn`.
        method: a name in `SOLVERS`, or a scheduler of one of their classes as its owner made it,
            such as `LMSDiscreteScheduler()`. It stays as it is: one like it is made that knows our
            schedule and levels, and does not clip.
        steps: see `SamplerFn`.
        noise: see `SamplerFn`; drawn only by solvers that need it.
        after: see `SamplerFn`; `unipc` then skips its corrector, which would undo the change.
        options: of the constructor, where method is a name, such as `{"solver_order": 3}`.

    Raises:
        JincError: at once, for a solver or an option that make no sense or that do not go with one
            another, and where diffusers is not installed.

    Source: DPM-Solver++ (arXiv 2211.01095), UniPC (2302.04867), DEIS (2204.13902); Euler and Heun
        as in EDM (2206.00364).
    """
    levels = falling_levels(schedule, x_T, steps)
    schedule = schedule.with_signal()  # solvers divide by √ᾱ
    solver, settings = solver_of(method)
    if options:
        if not isinstance(method, str):
            raise JincError(f"options: {solver.scheduler} has its own already")
        settings = {**settings, **options}
    if after is not None:
        settings = {**settings, **_lasting(solver, levels)}
    scheduler = make_scheduler(solver, schedule, levels[:-1], settings, x_T.device)
    fresh = torch.randn_like if noise is None else noise
    return _walk(denoiser, schedule, x_T, scheduler, solver, fresh, after)


DEIS = Sampler(name="deis", make=lambda: partial(solve, method="deis"), spacing="quadratic")


def _lasting(solver: Solver, levels: list[int]) -> dict[str, Any]:
    """Options with which a state that was changed is not taken back."""
    if solver.paired:
        raise JincError(f"after: {solver.scheduler} takes two levels at a time; take dpm++")
    corrected = solver.scheduler == "UniPCMultistepScheduler"
    return {"disable_corrector": list(range(len(levels)))} if corrected else {}


@torch.no_grad()
def _walk(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    scheduler: Any,
    solver: Solver,
    noise: Noise,
    after: After | None,
) -> Iterator[Step]:
    """Ask the denoiser wherever the scheduler wants to know, and yield where a move is complete."""

    def scale(t: int) -> float:
        return float(schedule.alpha_bar(t)) ** -0.5 if solver.scaled else 1.0

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
            output = (
                x0_hat if solver.prediction == "sample" else eps_of(schedule, "x0", x_t, t, x0_hat)
            )
            drawn = {"variance_noise": noise(x0_hat)} if draws else {}
            with quietly():
                moved = scheduler.step(output, time, state, return_dict=False, **drawn)
            state = moved[0].to(x_T.dtype)
        if t_next == t_then:
            continue  # a level that is asked about again is not yet where the move ends
        x = state / scale(t_next)
        if after is not None:
            x = after(x, t_next)
            state = x * scale(t_next)
        yield Step(t_next, x, x0_hat)
