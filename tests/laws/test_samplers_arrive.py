"""Samplers arrive at the data: the right mean and covariance, or a member of a finite set.

Each move on Gaussian data is affine. Its map is read off the code by probing, and mean and
covariance are carried through exactly, without drawing a sample.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch

from jinc.diffusion import (
    Schedule,
    ddim,
    ddpm,
    gaussian,
    generate,
    points,
    posterior,
    timesteps,
)

SCHEDULE = Schedule.linear(T=1000)
MEAN = np.array([0.4, -0.7])
COVARIANCE = np.array([[0.3, 0.2], [0.2, 0.25]])
ORACLE = gaussian(SCHEDULE, torch.tensor(MEAN).view(1, 1, 2), torch.tensor(COVARIANCE))


def probe(method, oracle, t, t_next):
    """F, g, c of a move `x' = F x + g + c z` of images of two pixels."""
    x = torch.tensor([[0, 0], [1, 0], [0, 1]], dtype=torch.float64).view(3, 1, 1, 2)
    x0_hat = oracle(x, torch.full((3,), t))
    quiet = method(SCHEDULE, x, x0_hat, t, t_next, torch.zeros_like)
    loud = method(SCHEDULE, x, x0_hat, t, t_next, torch.ones_like)
    g, *columns = quiet.view(3, 2).numpy()
    return np.array(columns).T - g[:, None], g, float((loud - quiet).max())


def laws(method, levels, oracle=ORACLE):
    """Level, mean and covariance after each move, from N(0, I)."""
    mean, covariance = np.zeros(2), np.eye(2)
    for t, t_next in pairwise([*levels, -1]):
        F, g, c = probe(method, oracle, t, t_next)
        mean, covariance = F @ mean + g, F @ covariance @ F.T + c**2 * np.eye(2)
        yield t_next, mean, covariance


def end(method, count):
    *_, (_, mean, covariance) = laws(method, timesteps(1000, count))
    return mean, covariance


@pytest.mark.parametrize(
    ("method", "miss"),  # measured: .0013, .0040, .0016, .0040
    [(ddpm(), 0.0015), (posterior(stride=1), 0.005), (ddim(), 0.002), (ddim(1.0), 0.005)],
)
def test_all_steps_follow_the_marginals_down_to_the_data(method, miss):
    start = float(SCHEDULE.alpha_bar(999)) ** 0.5  # N(0, I) lacks this much of the mean
    for t, mean, covariance in laws(method, method.levels(1000)):
        a = float(SCHEDULE.alpha_bar(t))
        np.testing.assert_allclose(mean, np.sqrt(a) * MEAN, rtol=0, atol=start)
        marginal = a * COVARIANCE + (1 - a) * np.eye(2)
        np.testing.assert_allclose(covariance, marginal, rtol=0, atol=miss)


@pytest.mark.parametrize("method", [ddpm(), posterior()])
def test_fresh_noise_forgets_that_the_start_had_no_mean(method):
    mean, _ = end(method, 50)
    np.testing.assert_allclose(mean, MEAN, rtol=0, atol=1e-5)


@pytest.mark.parametrize("count", [50, 200])
def test_the_two_variances_enclose_the_truth(count):
    _, small = end(posterior(), count)
    _, large = end(ddpm("beta"), count)
    assert np.linalg.eigvalsh(COVARIANCE - small).min() > 0
    assert np.linalg.eigvalsh(large - COVARIANCE).min() > 0


@pytest.mark.parametrize("method", [ddpm(), posterior(), ddim(), ddim(0.5)])
def test_the_missing_covariance_halves_as_steps_double(method):
    missing = [np.linalg.norm(end(method, count)[1] - COVARIANCE) for count in (100, 200, 400)]
    assert np.abs(-np.diff(np.log2(missing)) - 1).max() < 0.15


def test_white_data_stay_white_under_beta():
    white = gaussian(SCHEDULE, torch.zeros(1, 1, 2).double(), torch.eye(2).double())
    *down, (_, _, last) = laws(ddpm("beta"), ddpm().levels(1000), white)
    for _, mean, covariance in down:
        np.testing.assert_allclose(mean, 0, atol=1e-14)
        np.testing.assert_allclose(covariance, np.eye(2), rtol=0, atol=1e-12)
    # The last move adds no noise: what it returns is the mean.
    np.testing.assert_allclose(last, float(SCHEDULE.alpha_bar(0)) * np.eye(2), atol=1e-12)


@pytest.mark.parametrize("method", [posterior(), ddim(0.0), ddim(0.5), ddim(1.0)])
@pytest.mark.parametrize("count", [7, 50])
def test_a_known_image_keeps_the_forward_marginals_at_any_stride(method, count):
    """With one image in the data, x_t ~ N(√ᾱ x0, (1−ᾱ) I) is kept but for the start's own miss."""
    known = points(SCHEDULE, torch.tensor(MEAN).view(1, 1, 1, 2))
    miss = float(SCHEDULE.alpha_bar(999)) ** 0.5  # N(0, I) instead of the last marginal
    for t, mean, covariance in laws(method, timesteps(1000, count), known):
        a = float(SCHEDULE.alpha_bar(t))
        np.testing.assert_allclose(mean, np.sqrt(a) * MEAN, rtol=0, atol=miss)
        np.testing.assert_allclose(covariance, (1 - a) * np.eye(2), rtol=0, atol=miss**2)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("steps", [50, 200])
def test_ddim_ends_on_a_member_of_a_finite_set(scale, steps):
    members = torch.tensor(np.random.default_rng(0).uniform(-1, 1, (5, 1, 2, 2)))
    x_T = scale * torch.tensor(np.random.default_rng(1).normal(size=(200, 1, 2, 2)))
    ends = generate(points(SCHEDULE, members), SCHEDULE, x_T, steps=steps)
    distance = (ends[:, None] - members).flatten(2).norm(dim=-1).amin(1)
    assert float(distance.max()) < 1e-6


def test_ddim_ends_on_the_member_on_its_side():
    sides = torch.tensor([-0.5, 0.5], dtype=torch.float64).view(2, 1, 1, 1)
    x_T = torch.tensor([-2, -1, -0.3, 0.3, 1, 2], dtype=torch.float64).view(-1, 1, 1, 1)
    ends = generate(points(SCHEDULE, sides), SCHEDULE, x_T, steps=50)
    assert torch.allclose(ends, x_T.sign() / 2, rtol=0, atol=1e-9)
