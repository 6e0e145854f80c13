"""On Gaussian data every solver is an affine recursion a direction, computed here a second time.

Along an eigenvector of the covariance, of variance v and mean mu, the exact denoiser is the number
`g x + (1 − √ᾱ g) mu`, `g = √ᾱ v/(ᾱ v + 1 − ᾱ)`. The recursions are the papers' own updates, in
float64; where diffusers has coefficients in closed form, the integral that they stand for is taken.
They share no code with solvers, and are compared with every state, to 1e-6. Measured: 8e-7 of
those that diffusers takes through float32 (dpm++, dpm++-2m-sde, euler), and of the others, and our
own, 1e-13.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pytest
import torch
from numpy.polynomial.legendre import leggauss

from jinc.diffusion import (
    SCHEDULERS,
    Schedule,
    adaptive,
    dpm_solver,
    gaussian,
    heun,
    sample,
    solve,
    unipc,
)

T, SHAPE, D = 60, (1, 2, 3), 6
BETAS = np.linspace(0.002, 0.2, T)
ALPHA_BARS = np.append(np.cumprod(1 - BETAS), 1.0)  # index −1 is clean
SCHEDULE = Schedule.linear(T=T, beta_start=0.002, beta_end=0.2)

RNG = np.random.default_rng(0)
MEAN, X_T = RNG.normal(size=D), RNG.normal(size=(3, D))
ROOT = RNG.normal(size=(D, D))
COVARIANCE = ROOT @ ROOT.T / D + 0.01 * np.eye(D)
VARIANCES, DIRECTIONS = np.linalg.eigh(COVARIANCE)

EVEN = [56, 49, 42, 35, 28, 21, 14, 7, 0]
STEPS = {"one": [57], "two": [45, 20], "even": EVEN, "all": [*range(T - 1, -1, -1)]}
UNEVEN = STEPS | {"uneven": [57, 56, 40, 11, 10, 3]}
TO_SIX = {"rtol": 0, "atol": 1e-6}

States: TypeAlias = Iterator[np.ndarray]


def alpha(t):
    return np.sqrt(ALPHA_BARS[t])


def sigma(t):
    return np.sqrt(1 - ALPHA_BARS[t])


def ask(x, t):
    """The exact prediction of clean numbers, direction by direction."""
    gain = alpha(t) * VARIANCES / (ALPHA_BARS[t] * VARIANCES + 1 - ALPHA_BARS[t])
    return gain * x + (1 - alpha(t) * gain) * (MEAN @ DIRECTIONS)


def eps(x, t):
    return (x - alpha(t) * ask(x, t)) / sigma(t)


def h(t, t_next):
    """How much λ = log α/σ grows."""
    return np.log(alpha(t_next) / sigma(t_next)) - np.log(alpha(t) / sigma(t))


def transfer(x, noise, t, t_next):
    """DDIM's move with any noise: eq. 12 of 2010.02502; PNDM's φ."""
    return alpha(t_next) * (x - sigma(t) * noise) / alpha(t) + sigma(t_next) * noise


def exponential(x, answer, t, t_next):
    """DPM-Solver++'s move with any answer: `σ'/σ x − α' (e^−h − 1) x0`, eq. 9 of 2211.01095."""
    return sigma(t_next) / sigma(t) * x - alpha(t_next) * np.expm1(-h(t, t_next)) * answer


def along_ddim(x, levels, drawn) -> States:
    for t, t_next in pairwise(levels):
        x = transfer(x, eps(x, t), t, t_next)
        yield x


def along_2m(x, levels, drawn) -> States:
    """DPM-Solver++(2M): algorithm 2 of 2211.01095."""
    before = None
    for t, t_next in pairwise(levels):
        answer = leading = ask(x, t)
        if before is not None:
            t_before, answer_before = before
            r = h(t_before, t) / h(t, t_next)
            leading = (1 + 1 / (2 * r)) * answer - 1 / (2 * r) * answer_before
        before = t, answer
        x = exponential(x, leading, t, t_next)
        yield x


def along_2m_sde(x, levels, drawn) -> States:
    """SDE-DPM-Solver++(2M): section 6 of 2211.01095."""
    before = None
    for t, t_next in pairwise(levels):
        answer = leading = ask(x, t)
        if before is not None:
            t_before, answer_before = before
            r = h(t_before, t) / h(t, t_next)
            leading = answer + (answer - answer_before) / (2 * r)
        before = t, answer
        kept, new = np.exp(-h(t, t_next)), -np.expm1(-2 * h(t, t_next))
        x = sigma(t_next) / sigma(t) * kept * x + alpha(t_next) * new * leading
        x = x + sigma(t_next) * np.sqrt(new) * next(drawn)
        yield x


def along_2s(x, levels, drawn) -> States:
    """DPM-Solver++(2S): algorithm 1 of 2211.01095; the last of an even number goes alone."""
    moves = [*pairwise(levels)]
    while moves:
        (s, between) = moves.pop(0)
        u = exponential(x, ask(x, s), s, between)
        yield u
        if len(moves) < 2 and len(levels) % 2 == 0:  # the list with its end has an even number
            x = u
            continue
        if not moves:
            return
        _, t = moves.pop(0)
        r = h(s, between) / h(s, t)
        leading = (1 - 1 / (2 * r)) * ask(x, s) + 1 / (2 * r) * ask(u, between)
        x = exponential(x, leading, s, t)
        yield x


def along_unipc(x, levels, drawn) -> States:
    """UniPC of order 2 (2302.04867), the corrector by the integral of the parabola it stands for.

    `x' = σ'/σ x + α' ∫ e^(s−h) x0(s) ds` over s = 0 … h, x0(s) going through the known answers.
    """
    known = [(levels[0], ask(x, levels[0]))]
    for t, t_next in pairwise(levels):
        length, (_, answer) = h(t, t_next), known[-1]
        leading = answer
        if len(known) > 1:
            t_before, answer_before = known[-2]
            leading = answer + (answer - answer_before) * length / (2 * h(t_before, t))
        predicted = exponential(x, leading, t, t_next)
        yield predicted
        there = ask(predicted, t_next)
        if len(known) > 1:  # UniC-2
            places, values = [0, -h(t_before, t), length], [answer, answer_before, there]
            moved = np.exp(-length) * integral(values, places, 0, length, times=np.exp)
            x = sigma(t_next) / sigma(t) * x + alpha(t_next) * moved
        else:  # UniC-1, whose weight is ½ by the paper's choice
            x = exponential(x, (answer + there) / 2, t, t_next)
        known.append((t_next, there))


def itself(number):
    return number


def integral(values, places, start, stop, of=itself, times=np.ones_like):
    """`∫ times(s) P(of(s)) ds`, P going through values at places, by 60 points of Gauss."""
    nodes, weights = leggauss(60)
    s = start + (nodes + 1) * (stop - start) / 2
    total = 0.0
    for k, value in enumerate(values):
        others = [(of(s) - p) / (places[k] - p) for p in np.delete(places, k)]
        share = weights @ (times(s) * np.prod([np.ones_like(s), *others], axis=0))
        total = total + share * (stop - start) / 2 * value
    return total


def rho(t):
    """σ/α, in which `x/α` moves by its noise: `d(x/α)/dρ = eps`."""
    return sigma(t) / alpha(t)


def along_deis(x, levels, drawn) -> States:
    """tAB-DEIS of order 2 (2204.13902), its line being one in log ρ as in diffusers."""
    yield from along_adams(x, levels, 2, np.log)


def along_lms(x, levels, drawn) -> States:
    """Adams and Bashforth in ρ, of order 4, unevenly."""
    yield from along_adams(x, levels, 4, itself)


def along_adams(x, levels, order, of) -> States:
    places, noises = [], []
    for t, t_next in pairwise(levels):
        places, noises = [of(rho(t)), *places][:order], [eps(x, t), *noises][:order]
        moved = integral(noises, places, rho(t), rho(t_next), of)
        x = alpha(t_next) * (x / alpha(t) + moved)
        yield x


def along_euler(x, levels, drawn) -> States:
    for t, t_next in pairwise(levels):
        x = alpha(t_next) * (x / alpha(t) + (rho(t_next) - rho(t)) * eps(x, t))
        yield x


def along_heun_sigma(x, levels, drawn) -> States:
    """EDM (2206.00364), algorithm 1."""
    for t, t_next in pairwise(levels):
        length, d = rho(t_next) - rho(t), eps(x, t)
        there = eps(alpha(t_next) * (x / alpha(t) + length * d), t_next)
        x = alpha(t_next) * (x / alpha(t) + length * (d + there) / 2)
        yield x


def along_pndm(x, levels, drawn) -> States:
    """PLMS (2202.09778, eq. 12), after one move of Heun's with the same transfer."""
    noises = []
    for t, t_next in pairwise(levels):
        noises = [eps(x, t), *noises][:4]
        weights = {2: [3, -1], 3: [23, -16, 5], 4: [55, -59, 37, -9]}.get(len(noises))
        if weights is None:
            again = eps(transfer(x, noises[0], t, t_next), t_next)
            x = transfer(x, (noises[0] + again) / 2, t, t_next)
        else:
            mixed = sum(w * e for w, e in zip(weights, noises, strict=True)) / sum(weights)
            x = transfer(x, mixed, t, t_next)
        yield x


RECURSIONS = {
    "ddim": along_ddim,
    "deis": along_deis,
    "dpm++": along_2m,
    "dpm++-2m-sde": along_2m_sde,
    "dpm++-single": along_2s,
    "euler": along_euler,
    "heun-sigma": along_heun_sigma,
    "lms": along_lms,
    "pndm": along_pndm,
    "unipc": along_unipc,
}


def oracle(schedule=SCHEDULE):
    return gaussian(schedule, torch.tensor(MEAN).view(SHAPE), torch.tensor(COVARIANCE))


def images(x):
    return torch.tensor(x).view(-1, *SHAPE)


def in_directions(images):
    return images.flatten(1).numpy() @ DIRECTIONS


def test_every_scheduler_has_its_recursion(theirs):
    assert {type(theirs(name)).__name__ for name in RECURSIONS} == set(SCHEDULERS)


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        pytest.param(name, levels, id=f"{name}-{label}")
        for name in RECURSIONS
        for label, levels in (STEPS if name in ("ddim", "pndm") else UNEVEN).items()
    ],
)
def test_every_state_is_that_of_the_recursion(theirs, name, levels):
    drawn = []

    def noise(like):
        drawn.append(torch.tensor(RNG.normal(size=like.shape)))
        return drawn[-1]

    options = {"scheduler": theirs(name), "steps": levels, "noise": noise}
    walk = [*solve(oracle(), SCHEDULE, images(X_T), **options)]
    assert [step.t for step in walk] == [*levels[1:], -1]
    fresh = (in_directions(z) for z in drawn)
    states = RECURSIONS[name](X_T @ DIRECTIONS, levels, fresh)
    for step, x in zip(walk[:-1], states, strict=True):
        np.testing.assert_allclose(in_directions(step.x_t), x, **TO_SIX)
    last = in_directions(walk[-2].x_t) if len(walk) > 1 else X_T @ DIRECTIONS
    if name != "unipc":  # which has corrected the state before it asks no more
        np.testing.assert_allclose(in_directions(walk[-1].x_t), ask(last, levels[-1]), **TO_SIX)


@pytest.mark.parametrize("levels", UNEVEN.values(), ids=UNEVEN)
@pytest.mark.parametrize(("walk", "along"), [(dpm_solver, along_2m), (unipc, along_unipc)])
def test_our_multistep_solvers_are_the_recursions(walk, along, levels):
    states = [*walk(oracle(), SCHEDULE, images(X_T), steps=levels)]
    x = X_T @ DIRECTIONS
    for step, then in zip(states, [*along(x, levels, None), None], strict=True):
        x = ask(x, levels[-1]) if then is None else then
        np.testing.assert_allclose(in_directions(step.x_t), x, rtol=0, atol=1e-12)


def flow(t):
    """τ, and how much larger x_t is than the image on the straight way."""
    return sigma(t) / (alpha(t) + sigma(t)), alpha(t) + sigma(t)


def direction(z, t):
    tau, scale = flow(t)
    return (z - ask(scale * z, t)) / tau


def along_flow(x, levels, second) -> States:
    """Euler's method in τ, or Heun's (2206.00364, algorithm 1, there in σ)."""
    for t, t_next in pairwise(levels):
        (tau, scale), (tau_next, scale_next) = flow(t), flow(t_next)
        z, length = x / scale, tau_next - tau
        u = direction(z, t)
        if second:
            u = (u + direction(z + length * u, t_next)) / 2
        x = scale_next * (z + length * u)
        yield x


@pytest.mark.parametrize("second", [False, True], ids=["euler", "heun"])
@pytest.mark.parametrize("levels", UNEVEN.values(), ids=UNEVEN)
def test_straight_ways_are_the_recursion(levels, second):
    """Euler's method there is `ddim()`."""
    walk = [*(heun if second else sample)(oracle(), SCHEDULE, images(X_T), steps=levels)]
    x = X_T @ DIRECTIONS
    for step, then in zip(walk, [*along_flow(x, levels, second), None], strict=True):
        x = ask(x, levels[-1]) if then is None else then
        np.testing.assert_allclose(in_directions(step.x_t), x, rtol=0, atol=1e-12)


def along_accepted(x, levels) -> np.ndarray:
    """The end of one image that goes by levels which were chosen.

    With `x0_hat = a + b τ²` through the last two predictions, `u' = −2b`: a step goes by u and that
    slope, and is made again, at the next level, with the slope found there.
    """
    z, before = x / flow(levels[0])[1], None
    for t, t_next in pairwise(levels):
        tau, scale = flow(t)
        answer, bend = ask(scale * z, t), 0.0
        if before is not None:
            tau_before, z_before, answer_before = before
            bend = -2 * (answer - answer_before) / (tau**2 - tau_before**2)
            length = tau - tau_before
            u = (z_before - answer_before) / tau_before
            z = z_before + length * u + length**2 / 2 * bend
        before = tau, z, answer
        if t_next == -1:
            return answer
        length = flow(t_next)[0] - tau
        z = z + length * (z - answer) / tau + length**2 / 2 * bend
    raise AssertionError


@pytest.mark.parametrize("tolerance", [0.0, 0.003, 0.02])
def test_adaptive_is_the_recursion_along_what_was_accepted(tolerance):
    walk = [*adaptive(oracle(), SCHEDULE, images(X_T), tolerance=tolerance)]
    paths = torch.stack([torch.full((3,), T - 1), *(step.levels for step in walk)], 1).tolist()
    ends = []
    for x, path in zip(X_T @ DIRECTIONS, paths, strict=True):
        chosen = [*dict.fromkeys(path)]
        assert chosen[-1] == -1
        ends.append(along_accepted(x, chosen))
    np.testing.assert_allclose(in_directions(walk[-1].x_t), np.stack(ends), rtol=0, atol=1e-12)
