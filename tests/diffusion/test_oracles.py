"""The oracles are right: Tweedie's formula on independent densities, and limits of each other."""

import pytest
import torch
from torch.distributions import Categorical as Weights
from torch.distributions import MixtureSameFamily, MultivariateNormal

from jinc.diffusion import Schedule, gaussian, mixture, points

SCHEDULE = Schedule.linear(T=1000)
SHAPE = (2, 1, 3)
D = 6
T_EACH = torch.tensor([0, 30, 300, 999])


def draw(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance(seed):
    root = draw(seed, D, D)
    return root @ root.T / D + 0.05 * torch.eye(D, dtype=torch.float64)


def tweedie(density, x_t, t):
    """`E[x0 | x_t] = (x_t + (1−ᾱ) ∇ log p(x_t)) / √ᾱ`, one image at a time."""
    answers = []
    for x, level in zip(x_t, t, strict=True):
        a = SCHEDULE.alpha_bar(int(level))
        y = x.flatten().clone().requires_grad_()
        (score,) = torch.autograd.grad(density(a).log_prob(y), y)
        answers.append(((y.detach() + (1 - a) * score) / a.sqrt()).view(SHAPE))
    return torch.stack(answers)


def noised(a, mean, cov):
    eye = torch.eye(D, dtype=torch.float64)
    return MultivariateNormal(a.sqrt() * mean, a * cov + (1 - a) * eye)


def test_gaussian_obeys_tweedie():
    mean, cov, x_t = draw(0, *SHAPE), covariance(1), draw(2, 4, *SHAPE)
    expected = tweedie(lambda a: noised(a, mean.flatten(), cov), x_t, T_EACH)
    assert torch.allclose(gaussian(SCHEDULE, mean, cov)(x_t, T_EACH), expected, atol=1e-9)


def test_gaussian_density_is_that_of_torch():
    mean, cov, x_t = draw(0, *SHAPE), covariance(1), draw(2, 4, *SHAPE)
    values = gaussian(SCHEDULE, mean, cov).log_density(x_t, T_EACH)
    for i, t in enumerate(T_EACH):
        density = noised(SCHEDULE.alpha_bar(int(t)), mean.flatten(), cov)
        assert float(values[i]) == pytest.approx(float(density.log_prob(x_t[i].flatten())))


def test_mixture_obeys_tweedie():
    weights = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    means, covs = draw(0, 3, *SHAPE), torch.stack([covariance(k) for k in range(3)])
    x_t = draw(2, 4, *SHAPE)

    def density(a):
        return MixtureSameFamily(Weights(weights), noised(a, means.flatten(1), covs))

    parts = [gaussian(SCHEDULE, m, c) for m, c in zip(means, covs, strict=True)]
    answers = mixture(weights, parts)(x_t, T_EACH)
    assert torch.allclose(answers, tweedie(density, x_t, T_EACH), atol=1e-9)


def test_points_are_a_mixture_of_vanishing_gaussians():
    images, x_t, nothing = draw(0, 3, *SHAPE), draw(2, 4, *SHAPE), torch.zeros(D, D).double()
    parts = [gaussian(SCHEDULE, image, nothing) for image in images]
    same = torch.full((3,), 1 / 3, dtype=torch.float64)
    expected = mixture(same, parts)(x_t, T_EACH)
    assert torch.allclose(points(SCHEDULE, images)(x_t, T_EACH), expected, atol=1e-12)
