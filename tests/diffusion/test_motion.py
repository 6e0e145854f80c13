"""Moving while generating: the whole way is made, and an equivariant denoiser does not notice."""

import math

import pytest
import torch

from jinc.diffusion import Schedule, SeededNoise, ddim, generate, timesteps
from jinc.diffusion.motion import gentle, rotating, shifting, steady
from jinc.errors import JincError
from jinc.signal import rotate, shift

SCHEDULE = Schedule.linear(T=100)
LEVELS = timesteps(100, 20)


def white(x_t, t):
    """The ideal denoiser of white images: it commutes with every orthogonal map."""
    return SCHEDULE.alpha_bar(t).sqrt().view(-1, 1, 1, 1) * x_t


def noise(size: int = 9) -> torch.Tensor:
    like = torch.zeros(2, 1, size, size, dtype=torch.float64)
    return SeededNoise(3, range(2))(like)


@pytest.mark.parametrize("pace", [steady, gentle])
@pytest.mark.parametrize("angle", [0.7, -2.5, math.pi / 2])
def test_an_equivariant_denoiser_makes_the_turned_image(angle, pace) -> None:
    """End to end under DDIM: the turns can as well be made all at the end, in the same portions."""
    still = generate(white, SCHEDULE, noise(), method=ddim(), steps=LEVELS)
    turning = rotating(angle, LEVELS, pace=pace)
    turned = generate(white, SCHEDULE, noise(), method=ddim(), steps=LEVELS, after=turning)
    expected = still
    for t in [*LEVELS[1:], -1]:
        expected = turning(expected, t)
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("pace", [steady, gentle])
def test_the_whole_way_is_made(pace) -> None:
    place = torch.arange(33, dtype=torch.float64) - 16
    blob = torch.exp(-(place[:, None] ** 2 + (place[None, :] - 6) ** 2) / 8)[None, None]
    turned = blob
    for t in [*LEVELS[1:], -1]:
        turned = rotating(math.pi / 2, LEVELS, pace=pace)(turned, t)
    torch.testing.assert_close(turned, rotate(blob, math.pi / 2), rtol=0, atol=1e-5)


def test_shifts_add_up() -> None:
    """Odd sizes have no Nyquist line: twenty parts of a shift are the shift."""
    still = generate(white, SCHEDULE, noise(), steps=LEVELS)
    moved = generate(white, SCHEDULE, noise(), steps=LEVELS, after=shifting(2.5, -1, LEVELS))
    torch.testing.assert_close(moved, shift(still, 2.5, -1), rtol=0, atol=1e-10)


def test_paces_go_from_start_to_end() -> None:
    for pace in (steady, gentle):
        assert (pace(0), pace(1)) == pytest.approx((0, 1))
        steps = [pace(k / 50) for k in range(51)]
        assert steps == sorted(steps)


@pytest.mark.parametrize("levels", [[], [5, 5], [5, 7, 3]])
def test_levels_must_fall(levels) -> None:
    with pytest.raises(JincError, match="levels"):
        rotating(1.0, levels)
