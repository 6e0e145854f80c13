"""Inversion: the noise that DDIM would have made an image from."""

import numpy as np
import pytest
import torch

from jinc.diffusion import Schedule, ddim, gaussian, generate, invert, timesteps
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=4000, beta_start=2.5e-5, beta_end=0.005)
RNG = np.random.default_rng(0)
MEAN, ROOT = RNG.normal(size=4), RNG.normal(size=(4, 4))
COVARIANCE = ROOT @ ROOT.T / 4 + 0.1 * np.eye(4)
ORACLE = gaussian(SCHEDULE, torch.tensor(MEAN).view(1, 2, 2), torch.tensor(COVARIANCE))
X0 = torch.tensor(RNG.multivariate_normal(MEAN, COVARIANCE, size=20)).view(-1, 1, 2, 2)


@pytest.mark.parametrize("steps", [7, [3000, 1200, 1199, 40], [2500, 800, 0, -1]])
def test_on_a_gaussian_it_is_the_exact_recursion(steps) -> None:
    """In x̄ = x/√ᾱ and σ = √((1−ᾱ)/ᾱ), each move adds (σ' − σ) times the noise found."""
    falling = timesteps(4000, steps) if isinstance(steps, int) else [t for t in steps if t >= 0]
    alpha_bars = SCHEDULE.alpha_bars.numpy()
    scaled, sigma = X0.flatten(1).numpy(), 0.0
    for t, t_next in zip([-1, *falling[::-1]], falling[::-1], strict=False):
        a, a_next = alpha_bars[max(t, 0)], alpha_bars[t_next]
        x = scaled if t == -1 else np.sqrt(a) * scaled
        gain = np.sqrt(a) * COVARIANCE @ np.linalg.inv(a * COVARIANCE + (1 - a) * np.eye(4))
        x0_hat = MEAN + (x - np.sqrt(a) * MEAN) @ gain.T
        eps = (x - np.sqrt(a) * x0_hat) / np.sqrt(1 - a)
        sigma_next = np.sqrt((1 - a_next) / a_next)
        scaled, sigma = scaled + (sigma_next - sigma) * eps, sigma_next
    x_T = invert(ORACLE, SCHEDULE, X0, steps).flatten(1).numpy()
    np.testing.assert_allclose(x_T, np.sqrt(a_next) * scaled, rtol=0, atol=1e-10)


def test_ddim_leads_back_with_an_error_of_first_order() -> None:
    errors = []
    for steps in (25, 50, 100, 200):
        x_T = invert(ORACLE, SCHEDULE, X0, steps)
        back = generate(ORACLE, SCHEDULE, x_T, method=ddim(0.0), steps=steps)
        errors.append(float((back - X0).square().mean().sqrt()))
    slopes = -np.diff(np.log2(errors))
    assert np.abs(slopes - 1).max() < 0.15
    assert errors[-1] < 0.02


def test_the_noise_is_as_white_as_noise() -> None:
    x0 = torch.tensor(RNG.multivariate_normal(MEAN, COVARIANCE, size=5000)).view(-1, 1, 2, 2)
    x_T = invert(ORACLE, SCHEDULE, x0, 100).flatten(1)
    np.testing.assert_allclose(np.cov(x_T.T.numpy()), np.eye(4), rtol=0, atol=0.1)


def test_no_gradient_is_recorded() -> None:
    weight = torch.ones(1, requires_grad=True)
    assert not invert(lambda x_t, t: weight * x_t, SCHEDULE, X0, 3).requires_grad


@pytest.mark.parametrize(
    ("steps", "reason"), [([10, 500], "do not fall"), ([4000, 0], "steps"), (0, "steps")]
)
def test_levels_that_make_no_sense_are_refused(steps, reason) -> None:
    with pytest.raises(JincError, match=reason):
        invert(ORACLE, SCHEDULE, X0, steps)


@pytest.mark.parametrize("x0", [torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.zeros(3, 4, 4)])
def test_photographs_that_are_no_float_images_are_refused(x0) -> None:
    with pytest.raises(JincError, match=r"x0 must be float \[B, C, H, W\], got torch"):
        invert(ORACLE, SCHEDULE, x0, 3)
