"""DDIM without noise is a first-order solver of the probability flow, whose end is known."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from jinc.diffusion import Schedule, gaussian, generate, mixture

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


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["linear", "cosine"])
def test_first_order_on_a_mixture(schedule):
    """The flow keeps order on a line, so it carries each quantile of x_T to that of the data."""
    weights, means, widths = np.array([0.3, 0.7]), np.array([-0.6, 0.5]), np.array([0.2, 0.1])

    def cdf(x, a):
        return weights @ norm.cdf((x - np.sqrt(a) * means) / np.sqrt(a * widths**2 + 1 - a))

    a, x_T = float(schedule.alpha_bar(len(schedule) - 1)), np.linspace(-2.2, 2.2, 31)
    exact = [[brentq(lambda y, x=x: cdf(y, 1.0) - cdf(x, a), -5, 5, xtol=1e-13)] for x in x_T]

    pairs = zip(torch.tensor(means), torch.tensor(widths), strict=True)
    parts = [gaussian(schedule, m.view(1, 1, 1), w.square().view(1, 1)) for m, w in pairs]
    oracle = mixture(torch.tensor(weights), parts)
    error = errors(oracle, schedule, torch.tensor(x_T).view(-1, 1, 1, 1), np.array(exact))
    slopes = -np.diff(np.log2(error))  # measured: 0.92 to 0.97
    assert np.abs(slopes - 1).max() < 0.15
