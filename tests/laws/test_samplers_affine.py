"""On Gaussian data every sampler is an affine recursion, which is computed here a second time.

The recursion is written out in NumPy from the papers' formulas and shares no code with the
samplers: `x' = F x + g + c z` for each move. It is compared with every state, noise by noise, and
with the exact covariance of the end.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch

from jinc.diffusion import Schedule, ddim, ddpm, gaussian, posterior, sample, timesteps

T, SHAPE, D = 60, (1, 2, 3), 6
BETAS = np.linspace(0.002, 0.3, T)
ALPHA_BARS = np.append(np.cumprod(1 - BETAS), 1.0)  # index −1 is clean
SCHEDULE = Schedule.linear(T=T, beta_start=0.002, beta_end=0.3)

RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=D)
ROOT = RNG.normal(size=(D, D))
COVARIANCE = ROOT @ ROOT.T / D + 0.01 * np.eye(D)

METHODS = {
    "ddpm-beta": ddpm("beta"),
    "ddpm-posterior": ddpm("posterior"),
    "stride-1": posterior(stride=1),
    "stride-7": posterior(stride=7),
    "ddim-0": ddim(0.0),
    "ddim-half": ddim(0.5),
    "ddim-1": ddim(1.0),
}
STEPS = {
    "own": None,
    "1": 1,
    "2": 2,
    "7": 7,
    "50": 50,
    "T": T,
    "irregular": [57, 56, 40, 11, 10, 3],
    "jumps": [59, 30, 45, 20, 40, 5, 9, 0],
    "through-clean": [50, 20, -1, 30, 10],
    "from-clean": [-1, 30, 10, 0],
}


def levels_of(name, steps):
    if steps is None:
        steps = range(T - 1, -1, -7 if name == "stride-7" else -1)
    elif isinstance(steps, int):
        steps = timesteps(T, steps)
    return [*steps, -1]


def noise_and_weights(name, a, b):
    """The weights of x0_hat, x_t and z in a move down, from ᾱ_t = a to ᾱ_t' = b."""
    if name.startswith("ddim"):
        eta = {"0": 0.0, "half": 0.5, "1": 1.0}[name.removeprefix("ddim-")]
        sigma = eta * np.sqrt((1 - b) / (1 - a)) * np.sqrt(1 - a / b)
        of_eps = np.sqrt(1 - b - sigma**2)
        return np.sqrt(b) - of_eps * np.sqrt(a / (1 - a)), of_eps / np.sqrt(1 - a), sigma
    beta = 1 - a / b
    variance = beta if name == "ddpm-beta" else beta * (1 - b) / (1 - a)
    of_x0 = np.sqrt(b) * beta / (1 - a)
    return of_x0, np.sqrt(a / b) * (1 - b) / (1 - a), np.sqrt(variance) if b < 1 else 0.0


def affine_move(name, t, t_next):
    """F, g, c with `x' = F x + g + c z`."""
    a, b, eye = ALPHA_BARS[t], ALPHA_BARS[t_next], np.eye(D)
    if t_next > t:
        return np.sqrt(b / a) * eye, np.zeros(D), np.sqrt(1 - b / a)
    gain = np.sqrt(a) * COVARIANCE @ np.linalg.inv(a * COVARIANCE + (1 - a) * eye)
    of_x0, of_x, of_z = noise_and_weights(name, a, b)
    return of_x0 * gain + of_x * eye, of_x0 * (eye - np.sqrt(a) * gain) @ MEAN, of_z


def recursion(name, steps):
    return [affine_move(name, t, t_next) for t, t_next in pairwise(levels_of(name, steps))]


def run(name, steps, x_T, noise):
    oracle = gaussian(SCHEDULE, torch.tensor(MEAN).view(SHAPE), torch.tensor(COVARIANCE))
    start = torch.tensor(x_T).view(-1, *SHAPE)
    method = METHODS[name]
    return list(sample(oracle, SCHEDULE, start, method=method, steps=steps, noise=noise))


cases = pytest.mark.parametrize(
    ("name", "steps"),
    [pytest.param(m, s, id=f"{m}-{label}") for m in METHODS for label, s in STEPS.items()],
)


@cases
def test_every_state_is_that_of_the_recursion(name, steps):
    drawn = []

    def noise(like):
        drawn.append(torch.tensor(RNG.normal(size=like.shape)))
        return drawn[-1]

    x = RNG.normal(size=(3, D))
    states = run(name, steps, x, noise)
    moves = recursion(name, steps)
    assert [step.t for step in states] == levels_of(name, steps)[1:]
    assert len(drawn) == sum(c > 0 for _, _, c in moves)
    fresh = iter(drawn)
    for step, (F, g, c) in zip(states, moves, strict=True):
        z = next(fresh).flatten(1).numpy() if c > 0 else 0.0
        x = x @ F.T + g + c * z
        np.testing.assert_allclose(step.x_t.flatten(1).numpy(), x, rtol=0, atol=1e-11)


@cases
def test_the_law_of_the_end_is_that_of_the_recursion(name, steps):
    moves = recursion(name, steps)
    mean, covariance = np.zeros(D), np.eye(D)
    for F, g, c in moves:
        mean, covariance = F @ mean + g, F @ covariance @ F.T + c**2 * np.eye(D)

    # One image for each pixel of each source of randomness (x_T and every z): together they are
    # the columns of the linear map from all of it to the end; the first image is the offset.
    sources = 1 + sum(c > 0 for _, _, c in moves)
    basis = torch.eye(sources * D, dtype=torch.float64)
    columns = iter(torch.cat([torch.zeros(1, sources * D).double(), basis]).split(D, dim=1))
    x_T = next(columns).numpy()
    end = run(name, steps, x_T, lambda like: next(columns).view_as(like))[-1].x_t.flatten(1).numpy()
    root = (end[1:] - end[0]).T
    np.testing.assert_allclose(end[0], mean, rtol=0, atol=1e-11)
    np.testing.assert_allclose(root @ root.T, covariance, rtol=0, atol=1e-11)
