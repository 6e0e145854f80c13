"""The radial power spectrum: Parseval, white noise is flat, a wave falls in its ring."""

import math

import pytest
import torch

from jinc.errors import JincError
from jinc.signal import radial_power_spectrum, top_band_power

SIZES = [(8, 8), (7, 9), (6, 5), (1, 4), (1, 1)]


def images(*size: int) -> torch.Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def plane_wave(size: int, across: int, down: int) -> torch.Tensor:
    place = torch.arange(size, dtype=torch.float64)
    return torch.cos(2 * math.pi * (across * place[None, :] + down * place[:, None]) / size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bins", [1, None])
def test_power_adds_up_to_the_squares_of_the_pixels(size, bins) -> None:
    x = images(*size)
    spectrum = radial_power_spectrum(x, bins)
    total = (spectrum.power * spectrum.waves).sum(-1)
    torch.testing.assert_close(total, x.square().sum((-2, -1)))
    assert spectrum.waves.sum() == size[0] * size[1]


def test_rings_of_the_default_width_are_never_empty() -> None:
    for size in range(1, 40):
        for width in (size, size + 1, 3 * size):
            radial_power_spectrum(torch.ones(size, width))


def test_white_noise_is_flat() -> None:
    """Exactly so in the mean over all single dots, whose covariance is that of white noise."""
    dots = torch.eye(12 * 10, dtype=torch.float64).reshape(-1, 12, 10)
    mean = radial_power_spectrum(dots).power.sum(0)
    torch.testing.assert_close(mean, torch.ones_like(mean), rtol=0, atol=1e-12)
    torch.testing.assert_close(top_band_power(dots).sum(), torch.tensor(1.0, dtype=torch.float64))


@pytest.mark.parametrize(("across", "down"), [(0, 0), (3, 0), (0, 8), (5, 4), (8, 8), (-7, 2)])
def test_a_plane_wave_falls_in_its_ring(across, down) -> None:
    wave = plane_wave(16, across, down)
    frequency, power, waves = radial_power_spectrum(wave, bins=9)
    length = math.hypot(across, down) / 16
    width = math.sqrt(0.5) / 9
    ring = int((frequency - length).abs().argmin())
    assert abs(frequency[ring] - length) <= width / 2 + 1e-12
    torch.testing.assert_close(power[ring] * waves[ring], wave.square().sum())
    assert power.sum() == pytest.approx(power[ring].item(), rel=1e-12)


def test_the_top_band_begins_where_it_says() -> None:
    inside, outside = plane_wave(16, 6, 0), plane_wave(16, 5, 1)  # 0.375 and 0.319 cycles a pixel
    assert top_band_power(outside) < 1e-25
    assert top_band_power(inside) > 0.5
    assert top_band_power(outside, lowest=0.3) > 0.5


def test_gradients_are_the_derivatives() -> None:
    x = images(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: radial_power_spectrum(x).power, x)
    assert torch.autograd.gradcheck(top_band_power, x)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(JincError, match="bins: 0"):
        radial_power_spectrum(images(4, 4), 0)
    with pytest.raises(JincError, match="too many for 4×4"):
        radial_power_spectrum(images(4, 4), 40)
    with pytest.raises(JincError, match="lowest"):
        top_band_power(images(4, 4), 0.8)
