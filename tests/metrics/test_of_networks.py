"""Per-level figures: closed forms where the denoiser is one, the floor where it is equivariant."""

import math

import numpy as np
import pytest
import torch

from jinc.diffusion import Flip, QuarterTurns, Rotation, Schedule, Shift, forward, isotropic
from jinc.errors import JincError
from jinc.metrics import network_equivariance

SCHEDULE = Schedule.linear()
LEVELS = [50, 300, 900]


def images(seed, count=8, size=16):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, size, size, generator=random, dtype=torch.float64)


X0, EPS = images(0) * 0.5, images(1)
MOVES = {
    kind.__name__: kind.draw(np.random.default_rng(0), 8)
    for kind in (Shift, Rotation, QuarterTurns, Flip)
}


@pytest.mark.parametrize("name", MOVES)
def test_an_exactly_equivariant_denoiser_is_at_the_floor(name) -> None:
    exact = isotropic.fit(SCHEDULE, X0)
    for found in network_equivariance(exact, SCHEDULE, X0, EPS, MOVES[name], LEVELS):
        assert (found.eps_db, found.x0_db) == (found.eps_floor_db, found.x0_floor_db)
        if name != "Rotation":
            assert found.x0_db > 150


@pytest.mark.parametrize("name", MOVES)
def test_one_that_adds_a_ramp_is_off_by_the_ramp_moved(name) -> None:
    ramp = torch.linspace(-1, 1, 16, dtype=torch.float64)[None, :].expand(16, 16)
    move = MOVES[name]
    white = lambda x_t, t: SCHEDULE.alpha_bar(t).sqrt().view(-1, 1, 1, 1) * x_t  # noqa: E731
    pulled = lambda x_t, t: white(x_t, t) + ramp  # noqa: E731
    ramps = ramp.expand(8, 1, 16, 16)
    inside = move.mask(16, 16)
    square = (ramps - move(ramps)).square()[:, 0]
    mean = float((square if inside is None else square[:, inside]).mean())
    for found in network_equivariance(pulled, SCHEDULE, X0, EPS, move, LEVELS):
        assert found.x0_db == pytest.approx(10 * math.log10(4 / mean), abs=1e-6)
        # ε̂ is off by √ᾱ/√(1−ᾱ) of that, and its own range is the peak.
        t = torch.full((8,), found.t)
        alpha_bar = SCHEDULE.alpha_bar(found.t)
        x_t = forward(SCHEDULE, X0, t, EPS)
        eps = (x_t - alpha_bar**0.5 * pulled(x_t, t)) / (1 - alpha_bar) ** 0.5
        peak = float(move(eps).max() - move(eps).min())
        off = mean * alpha_bar / (1 - alpha_bar)
        assert found.eps_db == pytest.approx(10 * math.log10(peak**2 / off), abs=1e-6)


def test_only_the_untorn_disc_counts() -> None:
    spoiled = torch.zeros(16, 16, dtype=torch.float64)
    spoiled[0, 0] = 1000.0
    corner = lambda x_t, t: torch.zeros_like(x_t) + spoiled  # noqa: E731
    quarter = network_equivariance(corner, SCHEDULE, X0, EPS, MOVES["QuarterTurns"], [300])
    assert quarter[0].x0_db < 0
    apart = Shift(torch.zeros(8, 2))  # that stands still, and masks the corners
    assert network_equivariance(corner, SCHEDULE, X0, EPS, apart, [300])[0].x0_db == 200


def test_levels_that_are_none_are_named() -> None:
    exact = isotropic.fit(SCHEDULE, X0)
    with pytest.raises(JincError, match="levels: 1000 is not in 0 … 999"):
        network_equivariance(exact, SCHEDULE, X0, EPS, MOVES["Flip"], [1000])
