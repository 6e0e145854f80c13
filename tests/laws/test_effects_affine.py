"""On Gaussian data linear effects are affine recursions too, computed here a second time.

As in `test_samplers_affine`, all of it is written out in NumPy: every denoiser finds a noise
`E x + e`, the effect mixes such noises by matrices, and DDIM moves on. What the effects do is mix
clean images: that both agree is the point.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch

from jinc.diffusion import (
    Schedule,
    alternating,
    anagram,
    cfg,
    colour_hybrid,
    ddim,
    gaussian,
    hflip,
    hybrid,
    mean,
    project,
    quarter_turns,
    sample,
    sdedit_start_at,
    sum_preserving,
    triple_hybrid,
)

T, SHAPE, D = 60, (2, 3, 3), 18
BETAS = np.linspace(0.002, 0.3, T)
ALPHA_BARS = np.append(np.cumprod(1 - BETAS), 1.0)  # index −1 is clean
SCHEDULE = Schedule.linear(T=T, beta_start=0.002, beta_end=0.3)
LEVELS = [57, 56, 40, 25, 11, 10, 3]
EYE = np.eye(D)
RNG = np.random.default_rng(0)


def data():
    root = RNG.normal(size=(D, D))
    return RNG.normal(size=D), root @ root.T / D + 0.01 * EYE


DATA = [data() for _ in range(3)]
ORACLES = [gaussian(SCHEDULE, torch.tensor(m).view(SHAPE), torch.tensor(c)) for m, c in DATA]
PHOTO, WHERE = RNG.normal(size=D), RNG.uniform(size=9)


def noise_found(k, t):
    """E, e of the k-th data's exact denoiser: ε = E x + e."""
    (mu, covariance), a = DATA[k], ALPHA_BARS[t]
    inverse = np.linalg.inv(a * covariance + (1 - a) * EYE)
    return np.sqrt(1 - a) * inverse, -np.sqrt(1 - a) * np.sqrt(a) * inverse @ mu


def seen_through(U, found):
    """What is found through an orthogonal matrix."""
    E, e = found
    return U.T @ E @ U, U.T @ e


def weighed(*pairs):
    """The sum of noises, each multiplied by a number or a matrix."""
    pairs = [(W * EYE if np.isscalar(W) else W, found) for W, found in pairs]
    return sum(W @ E for W, (E, _) in pairs), sum(W @ e for W, (_, e) in pairs)


def of_pixels(function):
    """The matrix of a map of images, written for one pixel image after another."""
    return np.stack([function(column.reshape(SHAPE)).ravel() for column in EYE], axis=1)


def blur(std, taps=33):
    """Gaussian weights; beyond the edges the image is mirrored."""
    weights = np.exp(-((np.arange(taps) - taps // 2) ** 2) / (2 * std**2))
    line = np.zeros((3, 3))
    for i in range(3):
        for k, weight in enumerate(weights / weights.sum()):
            place = (i + k - taps // 2) % 6
            line[i, min(place, 5 - place)] += weight
    return of_pixels(lambda x: np.einsum("ij,cjk,lk->cil", line, x, line))


MIRROR = of_pixels(lambda x: x[:, :, ::-1])
TURN = of_pixels(lambda x: np.rot90(x, axes=(1, 2)))
GREY = of_pixels(lambda x: np.broadcast_to(x.mean(0), SHAPE))
KNOWN = np.diag(np.tile(WHERE, 2))


def turned(t):
    """The noises of three parts of an anagram."""
    views = [MIRROR, TURN, EYE]
    return [seen_through(U, noise_found(k, t)) for k, U in enumerate(views)]


def held(t):
    """The noise that would have brought the held image to x_t."""
    a = ALPHA_BARS[t]
    of_photo = EYE / np.sqrt(1 - a), -np.sqrt(a / (1 - a)) * PHOTO
    return weighed((KNOWN, of_photo), (EYE - KNOWN, noise_found(0, t)))


def guided(t, gamma):
    return weighed((1 - gamma, noise_found(1, t)), (gamma, noise_found(0, t)))


def bands(t, *maps):
    return weighed(*((M, noise_found(k, t)) for k, M in enumerate(maps)))


PARTS = list(zip([hflip(), quarter_turns(1), quarter_turns(0)], ORACLES, strict=True))
WIDE, NARROW, LOW = blur(3.0), blur(1.0), blur(2.0)
EFFECTS = {
    "cfg": (cfg(ORACLES[0], ORACLES[1], 3.0), lambda t: guided(t, 3.0)),
    "cfg-0": (cfg(ORACLES[0], ORACLES[1], 0.0), lambda t: noise_found(1, t)),
    "cfg-1": (cfg(ORACLES[0], ORACLES[1], 1.0), lambda t: noise_found(0, t)),
    "cfg-interval": (
        cfg(ORACLES[0], ORACLES[1], 3.0, interval=(11, 40)),
        lambda t: guided(t, 3.0 if 11 <= t <= 40 else 1.0),
    ),
    "anagram-mean": (
        anagram(PARTS, mean()),
        lambda t: weighed(*((1 / 3, found) for found in turned(t))),
    ),
    "anagram-alternating": (
        anagram(PARTS, alternating(LEVELS)),
        lambda t: turned(t)[LEVELS.index(t) % 3],
    ),
    "hybrid": (hybrid(*ORACLES[:2]), lambda t: bands(t, LOW, EYE - LOW)),
    "colour": (colour_hybrid(*ORACLES[:2]), lambda t: bands(t, GREY, EYE - GREY)),
    "triple": (triple_hybrid(*ORACLES), lambda t: bands(t, WIDE, NARROW - WIDE, EYE - NARROW)),
    "project": (
        project(ORACLES[0], torch.tensor(PHOTO).view(1, *SHAPE), torch.tensor(WHERE).view(3, 3)),
        held,
    ),
}


def moved(x, eps, t, t_next, z):
    """DDIM with η = ½, from the noise that was found."""
    a, b = ALPHA_BARS[t], ALPHA_BARS[t_next]
    sigma = 0.5 * np.sqrt((1 - b) / (1 - a)) * np.sqrt(1 - a / b)
    x0_hat = (x - np.sqrt(1 - a) * eps) / np.sqrt(a)
    return np.sqrt(b) * x0_hat + np.sqrt(1 - b - sigma**2) * eps + sigma * z


def compare(effect, find, x, levels):
    """Every state of the sampler, and of the recursion whose noise is `find(x, t)`."""
    fresh = RNG.normal(size=(len(levels), *x.shape))
    drawn = iter(torch.tensor(fresh).view(-1, len(x), *SHAPE))
    start, options = torch.tensor(x).view(-1, *SHAPE), {"method": ddim(0.5), "steps": levels}
    states = sample(effect, SCHEDULE, start, noise=lambda like: next(drawn), **options)
    for step, (t, t_next), z in zip(states, pairwise([*levels, -1]), fresh, strict=True):
        x = moved(x, find(x, t), t, t_next, z)
        np.testing.assert_allclose(step.x_t.flatten(1).numpy(), x, rtol=0, atol=1e-9)


def affine(noise):
    """Find the noise `E x + e`."""

    def find(x, t):
        E, e = noise(t)
        return x @ E.T + e

    return find


@pytest.mark.parametrize("name", EFFECTS)
def test_every_state_is_that_of_the_recursion(name):
    effect, noise = EFFECTS[name]
    compare(effect, affine(noise), RNG.normal(size=(3, D)), LEVELS)


@pytest.mark.parametrize("name", ["cfg", "anagram-mean", "hybrid"])
def test_a_start_from_a_photograph_goes_on_as_the_recursion(name):
    effect, noise = EFFECTS[name]
    z, a = RNG.normal(size=(3, D)), ALPHA_BARS[40]
    photo = torch.tensor(np.tile(PHOTO, (3, 1))).view(-1, *SHAPE)
    eps = torch.tensor(z).view(-1, *SHAPE)
    x_t, levels = sdedit_start_at(SCHEDULE, photo, 40, lambda like: eps, steps=6)
    x = np.sqrt(a) * PHOTO + np.sqrt(1 - a) * z
    np.testing.assert_allclose(x_t.flatten(1).numpy(), x, rtol=0, atol=1e-12)
    compare(effect, affine(noise), x, levels)


def test_the_louder_mean_is_that_of_the_recursion():
    """Affine but for one factor an image: the mean noise takes the parts' mean of ‖ε_i‖²."""

    def find(x, t):
        eps = np.stack([x @ E.T + e for E, e in turned(t)])
        power = (eps**2).sum(-1).mean(0)
        factor = np.sqrt(power / (eps.mean(0) ** 2).sum(-1))
        return np.minimum(factor, np.sqrt(3))[:, None] * eps.mean(0)

    effect = anagram(PARTS, sum_preserving(SCHEDULE))
    compare(effect, find, RNG.normal(size=(3, D)), LEVELS)


def test_rescaled_guidance_is_that_of_the_recursion():
    """Affine but for one factor an image, of the clean image."""

    def find(x, t):
        root, noisy = np.sqrt(ALPHA_BARS[t]), np.sqrt(1 - ALPHA_BARS[t])
        noises = [affine(EFFECTS[name][1])(x, t) for name in ("cfg", "cfg-1")]
        free, aim = ((x - noisy * eps) / root for eps in noises)
        ratio = aim.std(1, keepdims=True) / free.std(1, keepdims=True)
        return (x - root * free * (0.7 * ratio + 0.3)) / noisy

    effect = cfg(ORACLES[0], ORACLES[1], 3.0, rescale=0.7)
    compare(effect, find, RNG.normal(size=(3, D)), LEVELS)
