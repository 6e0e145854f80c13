"""The isotropic denoiser is exact for its data, and follows every move that keeps the grid."""

import math

import numpy as np
import pytest
import torch

from jinc.diffusion import Schedule, gaussian, isotropic, random_move
from jinc.signal import rotate
from jinc.signal.spectrum import radial_frequency

SCHEDULE = Schedule.linear()
T_EACH = torch.tensor([0, 30, 300, 999])


def draw(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def power(channels: int, size: int) -> torch.Tensor:
    """A spectrum that falls with the frequency, another for each channel."""
    steep = torch.arange(1, channels + 1, dtype=torch.float64).view(-1, 1, 1)
    return 1 / (0.01 + radial_frequency(size, size)) ** steep / 10


def test_it_is_the_gaussian_oracle_of_its_covariance() -> None:
    size, channels = 5, 2
    mean, spectrum = draw(0, channels), power(channels, size)
    waves = torch.fft.fft2(torch.eye(size**2, dtype=torch.float64).view(-1, size, size))
    blocks = [torch.fft.ifft2(waves * s).real.flatten(1) for s in spectrum]
    slow = gaussian(SCHEDULE, mean[:, None, None].expand(-1, size, size), torch.block_diag(*blocks))
    x_t = draw(1, 4, channels, size, size)
    found = isotropic(SCHEDULE, mean, spectrum)(x_t, T_EACH)
    torch.testing.assert_close(found, slow(x_t, T_EACH), rtol=1e-9, atol=1e-11)


def test_it_finds_mean_and_spectrum_of_images() -> None:
    size, spectrum = 32, power(2, 32)
    white = draw(0, 2000, 2, size, size)
    images = 0.3 + torch.fft.ifft2(torch.fft.fft2(white) * spectrum.sqrt()).real
    found = isotropic.fit(SCHEDULE, images)
    assert found.mean.tolist() == pytest.approx([0.3, 0.3], abs=0.1)
    middle = radial_frequency(size, size) > 0.1
    torch.testing.assert_close(found.power[:, middle], spectrum[:, middle], rtol=0.15, atol=0)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("kind", ["shift", "quarter_turns", "flip"])
def test_it_follows_moves_of_the_torus(kind, size) -> None:
    denoise = isotropic(SCHEDULE, draw(0, 2), power(2, size))
    x_t, move = draw(1, 4, 2, size, size), random_move(kind, np.random.default_rng(0), 4)
    follows = denoise(move(x_t), T_EACH) - move(denoise(x_t, T_EACH))
    assert follows.abs().max() < 1e-12


def test_turns_by_other_angles_have_a_floor() -> None:
    """Smooth images follow, noise at the corners of the spectrum does not quite."""
    denoise = isotropic(SCHEDULE, torch.zeros(1, dtype=torch.float64), power(1, 32))
    x_t, t = draw(1, 1, 1, 32, 32), torch.tensor([300])
    expected = rotate(denoise(x_t, t), math.radians(30))
    off = (denoise(rotate(x_t, math.radians(30)), t) - expected).square().mean()
    assert 1e-6 < off / expected.square().mean() < 0.1
