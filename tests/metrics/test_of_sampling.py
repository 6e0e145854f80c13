"""End to end: an equivariant denoiser makes the same image, moved; one that is not does not."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from jinc.diffusion import (
    Flip,
    QuarterTurns,
    Rotation,
    Schedule,
    SeededNoise,
    Shift,
    ddim,
    ddpm,
    gaussian,
    isotropic,
    rotating,
    shifting,
    timesteps,
)
from jinc.metrics import Sampling, eq_r, eq_t, eq_t_frac, moved_during_sampling, moved_start
from jinc.metrics.equivariance.measures import moved
from jinc.signal.spectrum import radial_frequency

SCHEDULE = Schedule.linear(T=50)
SIZE = 16
LIKE = torch.empty(6, 1, SIZE, SIZE, dtype=torch.float64)
REPLAY = partial(SeededNoise, 0, range(6))
SMOOTH = isotropic(
    SCHEDULE,
    torch.zeros(1, dtype=torch.float64),
    torch.exp(-((radial_frequency(SIZE, SIZE) / 0.12) ** 2))[None] * 3,
)
EXACT_MOVES = [kind.draw(np.random.default_rng(1), 6) for kind in (Shift, QuarterTurns, Flip)]


def ramped(x_t, t):
    """Pulls towards an image that has a place and an upright."""
    return 0.5 * SMOOTH(x_t, t) + 0.5 * torch.linspace(-1, 1, SIZE, dtype=x_t.dtype)[None, :]


@pytest.mark.parametrize("method", [ddim(), ddim(1.0), ddpm()])
def test_what_starts_moved_ends_moved(method) -> None:
    exact = moved_start(Sampling(SMOOTH, SCHEDULE, LIKE, method, 10), REPLAY, EXACT_MOVES)
    assert min(exact) > 180
    found = moved_start(Sampling(ramped, SCHEDULE, LIKE, method, 10), REPLAY, EXACT_MOVES)
    assert max(found) < 25


def test_every_draw_is_moved() -> None:
    flip = Flip(torch.zeros(6))
    plain, mirrored = REPLAY(), moved(REPLAY(), flip)
    for _ in range(3):
        assert torch.equal(mirrored(LIKE), plain(LIKE).flip(-1))


def test_the_figure_is_that_of_the_difference() -> None:
    """A denoiser that answers one image makes that image: its difference is known."""
    image = torch.linspace(-1, 1, SIZE, dtype=torch.float64)[None, None, :].expand(1, SIZE, SIZE)
    rigid = gaussian(SCHEDULE, image, torch.zeros(SIZE**2, SIZE**2, dtype=torch.float64))
    found = moved_start(Sampling(rigid, SCHEDULE, LIKE, steps=5), REPLAY, [Flip(torch.zeros(6))])
    square = float((image - image.flip(-1)).square().mean())
    assert found[0] == pytest.approx(10 * math.log10(4 / square), abs=1e-6)


@pytest.mark.parametrize("method", [ddim(), ddpm()])
def test_moved_on_the_way(method) -> None:
    levels = timesteps(50, 10)
    shifts = [shifting(0.0, 0.0, levels), shifting(1.5, -0.7, levels)]
    sampling = Sampling(SMOOTH, SCHEDULE, LIKE, method, levels)
    (same, still), (_, there) = moved_during_sampling(sampling, REPLAY, shifts)
    assert still == 200
    torch.testing.assert_close(same, sampling.run(REPLAY()))
    assert there > 60  # but for the line at ½ cycle a pixel
    held = Sampling(ramped, SCHEDULE, LIKE, method, levels)
    assert [db for _, db in moved_during_sampling(held, REPLAY, shifts)][1] < 35


def test_a_spline_on_the_way_loses_what_unitary_turns_keep() -> None:
    levels = timesteps(50, 25)
    rough = isotropic(SCHEDULE, torch.zeros(1, dtype=torch.float64), torch.ones(1, SIZE, SIZE))
    sampling = Sampling(rough, SCHEDULE, LIKE, steps=levels)
    turns = [rotating(math.pi / 2, levels, method) for method in ("unitary", "spline")]
    unitary, spline = (images.var() for images, _ in moved_during_sampling(sampling, REPLAY, turns))
    still = sampling.run(REPLAY()).var()
    assert unitary / still == pytest.approx(1, abs=0.05)
    assert spline / still < 0.8


def test_eq_of_an_equivariant_sampler_is_its_floor() -> None:
    sampling = Sampling(SMOOTH, SCHEDULE, LIKE, steps=10)
    random = np.random.default_rng(0)
    assert eq_t(sampling, REPLAY, random) > 180
    assert eq_t_frac(sampling, REPLAY, random) > 180
    assert eq_r(sampling, REPLAY, random) > 40
    held = Sampling(ramped, SCHEDULE, LIKE, steps=10)
    assert max(f(held, REPLAY, random) for f in (eq_t, eq_t_frac, eq_r)) < 25


def test_eq_r_does_not_count_what_a_grid_cannot_turn() -> None:
    """Rough images cannot be turned well, which the plain figure would hold against them."""
    band = torch.exp(-((radial_frequency(SIZE, SIZE) / 0.4) ** 4))[None]
    rough = isotropic(SCHEDULE, torch.zeros(1, dtype=torch.float64), band)
    sampling = Sampling(rough, SCHEDULE, LIKE, steps=10)
    turn = Rotation.draw(np.random.default_rng(0), 6)
    plain = moved_start(sampling, REPLAY, [turn])[0]
    assert eq_r(sampling, REPLAY, np.random.default_rng(0)) > plain + 3


def test_whole_shifts_are_whole() -> None:
    """A denoiser that knows even columns from odd follows shifts by two pixels, not by one."""
    stripes = (torch.arange(SIZE) % 2).double()[None, :]
    striped = lambda x_t, t: SMOOTH(x_t, t) * stripes  # noqa: E731
    sampling = Sampling(striped, SCHEDULE, LIKE, steps=5)
    by = [Shift(torch.full((6, 2), p / SIZE, dtype=torch.float64)) for p in (1, 2)]
    one, two = moved_start(sampling, REPLAY, by)
    assert one < 60
    assert two > 180
