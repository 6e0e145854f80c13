"""Samplers without noise solve the probability flow, whose end is known, with their orders."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from jinc.diffusion import Schedule, gaussian, generate, mixture, solve

COUNTS = [20, 40, 80, 160]
SCHEDULES = [Schedule.linear(T=4000, beta_start=2.5e-5, beta_end=0.005), Schedule.cosine(T=4000)]
RNG = np.random.default_rng(0)


def errors(oracle, schedule, x_T, exact):
    """Root mean square distance from the exact end, for each count of steps."""
    ends = [generate(oracle, schedule, x_T, steps=count).flatten(1).numpy() for count in COUNTS]
    return np.array([np.sqrt(((end - exact) ** 2).mean()) for end in ends])


def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["linear", "cosine"])
def test_first_order_on_a_gaussian(schedule):
    """The flow's end is `mu + Σ^½ (ᾱ_T Σ + (1−ᾱ_T) I)^−½ (x_T − √ᾱ_T mu)`."""
    root, mean, x_T = RNG.normal(size=(4, 4)), RNG.normal(size=4), RNG.normal(size=(50, 4))
    covariance = root @ root.T / 4 + 0.1 * np.eye(4)
    a = float(schedule.alpha_bar(len(schedule) - 1))
    whitened = (x_T - np.sqrt(a) * mean) @ power(a * covariance + (1 - a) * np.eye(4), -0.5)
    exact = mean + whitened @ power(covariance, 0.5)

    oracle = gaussian(schedule, torch.tensor(mean).view(1, 2, 2), torch.tensor(covariance))
    error = errors(oracle, schedule, torch.tensor(x_T).view(-1, 1, 2, 2), exact)
    slopes = -np.diff(np.log2(error))  # measured: 0.998 to 1.012
    assert np.abs(slopes - 1).max() < 0.05


def two_heaps(schedule, level, widths=(0.2, 0.1)):
    """The exact denoiser of two heaps on a line, x_T, and where its flow is at a level.

    It keeps order on the line, and so carries each quantile of x_T to that of the data.
    """
    weights, means, widths = np.array([0.3, 0.7]), np.array([-0.6, 0.5]), np.array(widths)

    def cdf(x, a):
        return weights @ norm.cdf((x - np.sqrt(a) * means) / np.sqrt(a * widths**2 + 1 - a))

    a, b = (float(schedule.alpha_bar(t)) for t in (len(schedule) - 1, level))
    x_T = np.linspace(-2.2, 2.2, 31)
    exact = [[brentq(lambda y, x=x: cdf(y, b) - cdf(x, a), -5, 5, xtol=1e-13)] for x in x_T]
    pairs = zip(torch.tensor(means), torch.tensor(widths), strict=True)
    parts = [gaussian(schedule, m.view(1, 1, 1), w.square().view(1, 1)) for m, w in pairs]
    images = torch.tensor(x_T).view(-1, 1, 1, 1)
    return mixture(torch.tensor(weights), parts), images, np.array(exact)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["linear", "cosine"])
def test_first_order_on_a_mixture(schedule):
    oracle, x_T, exact = two_heaps(schedule, -1)
    error = errors(oracle, schedule, x_T, exact)
    slopes = -np.diff(np.log2(error))  # measured: 0.92 to 0.97
    assert np.abs(slopes - 1).max() < 0.15


@pytest.mark.parametrize(
    ("method", "order", "within"),
    [  # measured: 0.99, 1.86, 1.58, 2.00, 1.57, 2.00, 3.66, all of them rising from fewer steps
        ("euler", 1, 0.1),
        ("dpm++", 2, 0.35),
        ("dpm++-single", 2, 0.5),
        ("unipc", 2, 0.25),
        ("deis", 2, 0.5),
        ("heun-sigma", 2, 0.1),
        ("lms", 4, 0.5),
    ],
)
def test_orders_of_solvers_on_a_mixture(theirs, method, order, within):
    """At level 0, for the last move, to clean, is of first order whatever the solver."""
    schedule = SCHEDULES[0]
    oracle, x_T, exact = two_heaps(schedule, 0, widths=(0.4, 0.3))
    errors = []
    for count in (80, 160):
        walk = solve(oracle, schedule, x_T, scheduler=theirs(method), steps=count)
        (end,) = (step.x_t.flatten(1).numpy() for step in walk if step.t == 0)
        errors.append(np.sqrt(((end - exact) ** 2).mean()))
    assert abs(np.log2(errors[0] / errors[1]) - order) < within, errors
