"""The FFT resamplers against trigonometric interpolation written out, and its laws."""

import math

import pytest
import torch

from jinc.errors import JincError
from jinc.signal import ideal_downsample, ideal_filtered_activation, ideal_upsample
from jinc.signal.ideal import BANDS

SIZES = [(8, 8), (6, 10), (5, 7), (2, 3), (1, 1)]


def images(*size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, 3, *size, generator=generator, dtype=torch.float64)


def interpolation_matrix(size: int) -> torch.Tensor:
    """Row n holds the periodic cardinal function at n/2 − ¼: (1/N) Σ_k cos(2πk(x − m)/N)."""
    x = (torch.arange(2 * size, dtype=torch.float64) / 2 - 0.25)[:, None]
    m = torch.arange(size, dtype=torch.float64)[None, :]
    k = torch.arange(-(size // 2), size - size // 2, dtype=torch.float64)[:, None, None]
    waves = torch.cos(2 * math.pi * k * (x - m) / size)
    if size % 2 == 0:  # the Nyquist line: cos(πx) cos(πm), the even half of it
        waves[0] = torch.cos(math.pi * x) * torch.cos(math.pi * m)
    return waves.sum(0) / size


@pytest.mark.parametrize("size", SIZES)
def test_up_is_trigonometric_interpolation(size) -> None:
    x = images(*size)
    expected = interpolation_matrix(size[0]) @ x @ interpolation_matrix(size[1]).T
    torch.testing.assert_close(ideal_upsample(x), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("size", SIZES)
def test_down_is_the_transpose_of_up(size, band) -> None:
    x, y = images(*size), images(2 * size[0], 2 * size[1])
    left = (ideal_upsample(x, band=band) * y).sum()
    right = 4 * (x * ideal_downsample(y, band=band)).sum()
    torch.testing.assert_close(left, right)


@pytest.mark.parametrize("size", [(5, 7), (9, 3)])
def test_down_undoes_up_where_there_is_no_nyquist_line(size) -> None:
    x = images(*size)
    torch.testing.assert_close(ideal_downsample(ideal_upsample(x)), x, rtol=0, atol=1e-13)


def test_a_wave_above_the_cutoff_dies_and_one_below_lives() -> None:
    n = torch.arange(16, dtype=torch.float64)
    low, high = (torch.cos(2 * math.pi * k * (n + 0.5) / 16).expand(1, 1, 16, 16) for k in (3, 5))
    m = torch.arange(8, dtype=torch.float64)
    expected = torch.cos(2 * math.pi * 3 * (2 * m + 1) / 16).expand(1, 1, 8, 8)
    torch.testing.assert_close(ideal_downsample(low), expected, rtol=0, atol=1e-14)
    assert ideal_downsample(high).abs().max() < 1e-14


def test_the_disc_drops_the_corners_of_the_spectrum() -> None:
    """Of white noise 1 − π/4 of the power is lost."""
    x = torch.randn(8, 1, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    kept = 4 * ideal_upsample(x, band="disc").square().mean() / (4 * x.square().mean())
    assert kept.item() == pytest.approx(math.pi / 4, abs=0.02)


def test_activation_of_a_linear_sigma_is_that_line() -> None:
    x = images(8, 8)
    y = ideal_filtered_activation(x, lambda u: 0.5 * u, band="disc")
    torch.testing.assert_close(y, 0.5 * x, rtol=0, atol=1e-14)


def test_half_precision_is_taken_and_given_back() -> None:
    x = images(8, 8).bfloat16()
    y = ideal_filtered_activation(x)
    assert y.dtype == torch.bfloat16
    wide = ideal_filtered_activation(x.double())
    torch.testing.assert_close(y.double(), wide, rtol=0, atol=0.05)


def test_gradients_are_the_derivatives() -> None:
    x = images(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ideal_filtered_activation(x, band="disc"), x)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(JincError, match="band"):
        ideal_upsample(images(4, 4), band="ring")
    with pytest.raises(JincError, match="5×4"):
        ideal_downsample(images(5, 4))
