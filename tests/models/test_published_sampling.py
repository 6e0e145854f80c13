"""The published sampler and configuration E, as arXiv 2411.09174 and its code have them.

    for t = T−1 … 1:  x ← (x − β_t/√(1−ᾱ_t) ε(x, t))/√α_t + √β_t z,  z = 0 at t = 1
                      x ← x turned by θ/T: a cubic spline with periodic wrap

The noise z is the same for every θ and is not turned. Nothing is clipped, t = 0 is not visited. The
loop below shares no code with the samplers.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias

import numpy as np
import pytest
import torch
from scipy import ndimage

from jinc.diffusion import (
    Schedule,
    SeededNoise,
    ddpm_published,
    published,
    sample,
    staying,
)
from jinc.models import Model, SamplingPlan, by_state, sweep_images, turns

T, SEED, SHAPE = 60, 3, (1, 1, 8, 8)
Eps: TypeAlias = Callable[[np.ndarray, int], np.ndarray]


def steps_as_published(
    eps: Eps, betas: np.ndarray, states: Iterable[np.ndarray], degrees: float = 0.0
) -> Iterator[np.ndarray]:
    """Yield what becomes of each state, beginning with x_T, in its step of the published loop."""
    alphas, alpha_bars = 1 - betas, np.cumprod(1 - betas)
    noise, like = SeededNoise(SEED, [0]), torch.empty(SHAPE, dtype=torch.float64)
    noise(like)  # x_T
    for t, x in zip(range(len(betas) - 1, 0, -1), states, strict=True):
        x = (x - betas[t] / np.sqrt(1 - alpha_bars[t]) * eps(x, t)) / np.sqrt(alphas[t])
        if t > 1:
            x = x + np.sqrt(betas[t]) * noise(like).numpy()
        if degrees:
            x = ndimage.rotate(
                x, degrees / len(betas), axes=(-1, -2), reshape=False, order=3, mode="grid-wrap"
            )
        yield x


def test_the_published_sampler_step_by_step() -> None:
    betas = np.linspace(0.002, 0.2, T)
    alpha_bars = np.cumprod(1 - betas)

    def eps(x: np.ndarray, t: int) -> np.ndarray:
        """No oracle: nonlinear, and other at every level."""
        return np.tanh(1.3 * x + 0.02 * t) + 0.1 * np.roll(x, 1, -1)

    def x0_hat(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        noise = torch.from_numpy(eps(x_t.numpy(), int(t[0])))
        alpha_bar = alpha_bars[int(t[0])]
        return (x_t - math.sqrt(1 - alpha_bar) * noise) / math.sqrt(alpha_bar)

    noise = SeededNoise(SEED, [0])
    x_T, method = noise(torch.empty(SHAPE, dtype=torch.float64)), ddpm_published()
    schedule = Schedule.linear(T, beta_start=0.002, beta_end=0.2)
    ours = [*sample(x0_hat, schedule, x_T, method=method, noise=noise)]
    states = [x_T.numpy(), *(step.x_t.numpy() for step in ours)]
    theirs = steps_as_published(eps, betas, states[:-1])
    for x, then in zip(theirs, states[1:], strict=True):
        np.testing.assert_allclose(then, x, rtol=0, atol=1e-10)
    assert [step.t for step in ours] == [*range(T - 2, 0, -1), -1]
    assert method.levels(1000) == [*range(999, 0, -1)]


@pytest.mark.parametrize("degrees", [0.0, -37.0])
def test_configuration_e_step_by_step(make_model, degrees) -> None:
    """A network in float32, turned by two angles at once, as by `jinc rotate`."""
    made = make_model()
    with torch.no_grad():
        made.network.last.weight.mul_(30)
    model = Model(made.network, SHAPE[-2:], schedule_name="linear", timesteps=T)

    def eps(x: np.ndarray, t: int) -> np.ndarray:
        with torch.no_grad():
            answer = model.network(torch.from_numpy(x).float(), torch.full((1,), t))
        return answer.double().numpy()

    walks = sweep_images(
        model,
        turns([0.3, math.radians(degrees)], "spline", partial(published, T=T)),
        SamplingPlan(number=1, sampler="published", seed=SEED),
        way=partial(by_state, drawn=staying),
    )
    states = [SeededNoise(SEED, [0])(torch.empty(SHAPE)).double().numpy()]
    states += [step.x_t[1:].double().numpy() for _, step in walks]
    theirs = steps_as_published(eps, model.schedule.betas.numpy(), states[:-1], degrees)
    for x, then in zip(theirs, states[1:], strict=True):
        np.testing.assert_allclose(then, x, rtol=0, atol=1e-5 * max(1, np.abs(x).max()))
