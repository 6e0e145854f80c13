"""Within the band that a grid holds at every angle, turning is turning the plane."""

import math

import pytest
import torch

from jinc.signal import disc, rotate
from jinc.signal.pseudo_rotation import pseudo_rotate, rotate_in_band

INSIDE = disc(64, 0.8)


def wave(frequency: float, direction: float, size: int = 64) -> torch.Tensor:
    """A cosine under a round Gaussian window, by its frequency in cycles per pixel."""
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    up, right = -place[:, None], place[None, :]
    along = math.cos(direction) * right + math.sin(direction) * up
    window = torch.exp(-(right**2 + up**2) / (2 * (size / 9) ** 2))
    return (torch.cos(2 * math.pi * frequency * along) * window)[None, None]


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(
        (a - b)[..., INSIDE].square().mean().sqrt() / b[..., INSIDE].square().mean().sqrt()
    )


@pytest.mark.parametrize("frequency", [0.1, 0.3, 0.38, 0.41])
@pytest.mark.parametrize("angle", [0.3, -0.77, 2.0])
def test_what_is_turned_is_what_was_made_turned(frequency, angle) -> None:
    x, made = wave(frequency, 0.5), wave(frequency, 0.5 + angle)
    assert apart(rotate_in_band(x, angle), pseudo_rotate(made)) < 2e-3
    if frequency > 0.35:  # which interpolation does not do
        assert apart(rotate(x, angle, "lanczos"), made) > 0.05


def test_turns_add_up() -> None:
    """Which they do not for noise that fills the spectrum to its corners."""
    x = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = x * wave(0.0, 0.0)
    angles = (0.4, 0.3, 0.7)
    twice = rotate(rotate_in_band(x, angles[0]), angles[1])
    assert apart(twice, rotate_in_band(x, angles[2])) < 5e-3
    assert apart(rotate(rotate(x, angles[0]), angles[1]), rotate(x, angles[2])) > 0.1


def test_the_loss_does_not_depend_on_the_direction() -> None:
    kept = [float(pseudo_rotate(wave(0.41, d)).square().sum()) for d in (0.0, 0.4, math.pi / 4)]
    assert max(kept) < 1.001 * min(kept)
    assert 0.05 < kept[0] / float(wave(0.41, 0.0).square().sum()) < 0.6
    low, high = wave(0.2, 0.3), wave(0.6, math.pi / 4)
    torch.testing.assert_close(pseudo_rotate(low), low, rtol=0, atol=1e-5)
    assert pseudo_rotate(high).abs().max() < 1e-4
