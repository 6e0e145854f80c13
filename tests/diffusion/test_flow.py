"""Straight ways: Euler's method along them is DDIM, Heun's is of second order."""

import inspect

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from jinc.diffusion import (
    Schedule,
    eps_of,
    flow_scale,
    flow_time,
    forward,
    gaussian,
    heun,
    make_schedule,
    mixture,
    sample,
    target,
    timesteps,
)
from jinc.errors import JincError

NAMES = ["linear", "cosine", "scaled_linear", "flow"]
COUNTS = [40, 80]
SHAPE, PIXELS = (1, 2, 2), 4


def images(seed, count=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *SHAPE, generator=generator, dtype=torch.float64)


def correlated(schedule):
    """The exact denoiser of Gaussian images, its mean and its covariance."""
    rng = np.random.default_rng(0)
    root, mean = rng.normal(size=(PIXELS, PIXELS)), rng.normal(size=PIXELS)
    covariance = root @ root.T / PIXELS + 0.1 * np.eye(PIXELS)
    oracle = gaussian(schedule, torch.tensor(mean).view(SHAPE), torch.tensor(covariance))
    return oracle, mean, covariance


def test_the_levels_of_flow_matching_are_even() -> None:
    schedule, T = Schedule.flow(T=100), 100
    time = flow_time(schedule, torch.arange(-1, T)).numpy()
    np.testing.assert_allclose(time, np.arange(T + 1) / (T + 1), rtol=0, atol=1e-14)
    assert float(schedule.alpha_bar(49)) > 0.5 > float(schedule.alpha_bar(50))


@pytest.mark.parametrize("name", NAMES)
def test_our_images_are_on_the_straight_way(name) -> None:
    """x_t is `(1−τ) x0 + τ eps` but for its size, and flow is the slope of that."""
    schedule, x0, eps = make_schedule(name, 50), images(0), images(1)
    t = torch.tensor([0, 20, 49])
    time, scale = (f(schedule, t).view(-1, 1, 1, 1) for f in (flow_time, flow_scale))
    z = forward(schedule, x0, t, eps) / scale
    torch.testing.assert_close(z, (1 - time) * x0 + time * eps, rtol=0, atol=1e-14)
    slope = target(schedule, "flow", x0, t, eps)
    torch.testing.assert_close(x0 + time * slope, z, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_euler_on_the_straight_way_is_ddim(name) -> None:
    schedule = make_schedule(name, 200)
    oracle, *_ = correlated(schedule)
    x_T = images(2)
    levels = [*timesteps(200, 12), -1]
    z = x_T / float(flow_scale(schedule, levels[0]))
    for step, t in zip(sample(oracle, schedule, x_T, steps=levels), levels, strict=False):
        x_t = z * float(flow_scale(schedule, t))
        x0_hat = oracle(x_t, torch.full((3,), t))
        u = eps_of(schedule, "x0", x_t, t, x0_hat) - x0_hat
        z = z + float(flow_time(schedule, step.t) - flow_time(schedule, t)) * u
        there = z * float(flow_scale(schedule, step.t))
        torch.testing.assert_close(there, step.x_t, rtol=0, atol=1e-10)


def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T


def errors(walk, exact):
    """Root mean square distance from the exact states at level 0, for each count of steps."""
    found = []
    for count in COUNTS:
        (end,) = (step.x_t for step in walk(count) if step.t == 0)
        found.append(np.sqrt(((end.flatten(1).numpy() - exact) ** 2).mean()))
    return np.array(found)


def both_orders(oracle, schedule, x_T, exact, tolerance) -> None:
    """DDIM's error halves, Heun's is quartered as steps double."""
    for sampler, order in ((sample, 1), (heun, 2)):
        error = errors(lambda n, s=sampler: s(oracle, schedule, x_T, steps=n), exact)
        slopes = -np.diff(np.log2(error))
        assert np.abs(slopes - order).max() < tolerance, (order, slopes)


FINE = {"flow": Schedule.flow(T=16000), "cosine": Schedule.cosine(T=16000)}


@pytest.mark.parametrize("name", FINE)
def test_orders_on_a_gaussian(name) -> None:
    """The flow reaches `√ᾱ mu + (ᾱ Σ + (1−ᾱ) I)^½ w` at every level, with one w."""
    schedule = FINE[name]
    oracle, mean, covariance = correlated(schedule)

    def spread(t):
        a = float(schedule.alpha_bar(t))
        return np.sqrt(a) * mean, a * covariance + (1 - a) * np.eye(PIXELS)

    x_T = images(3, 50)
    (centre, before), (centre_0, after) = spread(len(schedule) - 1), spread(0)
    exact = centre_0 + (x_T.flatten(1).numpy() - centre) @ power(before, -0.5) @ power(after, 0.5)
    both_orders(oracle, schedule, x_T, exact, 0.1)


@pytest.mark.parametrize("name", FINE)
def test_orders_on_a_mixture(name) -> None:
    """The flow keeps order on a line, so it carries each quantile of x_T to that of the data."""
    schedule = FINE[name]
    weights, means, widths = np.array([0.3, 0.7]), np.array([-0.6, 0.5]), np.array([0.3, 0.2])

    def cdf(x, a):
        return weights @ norm.cdf((x - np.sqrt(a) * means) / np.sqrt(a * widths**2 + 1 - a))

    first, last = (float(schedule.alpha_bar(t)) for t in (len(schedule) - 1, 0))
    x_T = np.linspace(-2.2, 2.2, 15)
    ends = [brentq(lambda y, x=x: cdf(y, last) - cdf(x, first), -5, 5, xtol=1e-13) for x in x_T]
    pairs = zip(torch.tensor(means), torch.tensor(widths), strict=True)
    parts = [gaussian(schedule, m.view(1, 1, 1), w.square().view(1, 1)) for m, w in pairs]
    oracle = mixture(torch.tensor(weights), parts)
    both_orders(oracle, schedule, torch.tensor(x_T).view(-1, 1, 1, 1), np.array(ends)[:, None], 0.2)


def test_questions_and_steps() -> None:
    schedule, asked = Schedule.flow(T=60), []

    def denoiser(x_t, t):
        asked.append(int(t[0]))
        assert t.dtype == torch.int64
        assert t.shape == (3,)
        return x_t / 2

    walk = heun(denoiser, schedule, images(0), steps=[50, 20, 3])
    assert inspect.isgenerator(walk)
    assert not asked
    assert [step.t for step in walk] == [20, 3, -1]
    assert asked == [50, 20, 20, 3, 3]


def test_after_changes_the_state() -> None:
    """A state put on a known line at every level stays there to the end."""
    schedule, x0, eps, seen = Schedule.flow(T=60), images(0), images(1), []

    def denoiser(x_t, t):
        seen.append((x_t, int(t[0])))
        return torch.zeros_like(x_t)

    def after(x, t):
        return forward(schedule, x0, t, eps)

    *_, last = heun(denoiser, schedule, images(2), steps=6, after=after)
    torch.testing.assert_close(last.x_t, x0)
    torch.testing.assert_close(seen[-1][0], forward(schedule, x0, 0, eps))


def test_mistakes_raise_at_the_call() -> None:
    def tell(pattern, x_T=None, **options):
        with pytest.raises(JincError, match=pattern):
            heun(lambda x, t: x, Schedule.flow(), images(0) if x_T is None else x_T, **options)

    tell("fall", steps=[5, 9, 1])
    tell("x_T must be float", x_T=torch.zeros(2, 2))
    tell("steps", steps=0)
