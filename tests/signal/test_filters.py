"""The filters against their closed forms and the laws a low-pass obeys."""

import math

import numpy as np
import pytest
import torch
from scipy import signal, special

from jinc.errors import JincError
from jinc.signal import (
    cutoff_from_radians,
    default_kaiser_beta,
    design_jinc,
    design_kaiser_sinc,
    frequency_response,
)
from jinc.signal.filters import centred_positions, jinc

EVEN_TAPS = (2, 4, 6, 8, 10, 12)


@pytest.mark.parametrize(("beta", "total"), [(0, 1.15408), (1, 0.88793), (2, 0.52023)])
def test_unnormalised_sums_are_those_of_the_published_filters(beta: float, total: float) -> None:
    kernel = design_jinc(3, cutoff_from_radians(math.pi / 2), beta, normalize=False)
    assert kernel.sum().item() == pytest.approx(total, abs=5e-6)


@pytest.mark.parametrize("taps", [3, 6, 11, 12])
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.5])
def test_jinc_agrees_with_scipy(taps: int, beta: float) -> None:
    p = np.arange(taps) - (taps - 1) / 2
    r = np.hypot(p[:, None], p[None, :])
    omega_c = 2 * np.pi * 0.2
    with np.errstate(invalid="ignore"):
        ideal = np.where(
            r > 0, omega_c * special.j1(omega_c * r) / (2 * np.pi * r), omega_c**2 / (4 * np.pi)
        )
    window = np.outer(signal.windows.kaiser(taps, beta), signal.windows.kaiser(taps, beta))
    ours = design_jinc(taps, 0.2, beta, normalize=False).numpy()
    np.testing.assert_allclose(ours, ideal * window, rtol=0, atol=1e-15)


def test_radial_window_agrees_with_its_formula() -> None:
    r = torch.hypot(*torch.meshgrid(centred_positions(6), centred_positions(6), indexing="ij"))
    inside = (1 - (r / 3) ** 2).clamp_min(0).sqrt()
    window = torch.where(r <= 3, torch.special.i0(2 * inside), 0.0) / special.i0(2.0)
    ours = design_jinc(6, 0.25, 2.0, window="radial", normalize=False)
    torch.testing.assert_close(ours, jinc(r, 0.25) * window, rtol=0, atol=1e-15)
    assert ours[0, 0] == 0  # the corner lies beyond R = 3


def test_jinc_is_the_transform_of_a_disc() -> None:
    """A long, unwindowed jinc passes ~1 inside its disc and ~0 outside, in every direction."""
    kernel = design_jinc(401, 0.2, 0.0, normalize=False)
    angle = torch.linspace(0, math.pi / 2, 7, dtype=torch.float64)
    for radius, gain in ((0.1, 1.0), (0.15, 1.0), (0.25, 0.0), (0.35, 0.0)):
        response = frequency_response(kernel, radius * angle.cos(), radius * angle.sin())
        torch.testing.assert_close(response, torch.full_like(response, gain), rtol=0, atol=0.02)


@pytest.mark.parametrize("taps", EVEN_TAPS)
@pytest.mark.parametrize("design", [design_jinc, design_kaiser_sinc])
def test_even_taps_split_evenly_over_the_four_phases(design, taps: int) -> None:
    kernel = design(taps, 0.25)
    sums = torch.stack([kernel[i::2, j::2].sum() for i in (0, 1) for j in (0, 1)])
    torch.testing.assert_close(sums, torch.full((4,), 0.25, dtype=torch.float64))


def test_published_three_taps_do_not_split_evenly() -> None:
    kernel = 4 * design_jinc(3, 0.25, 2.0)
    sums = [kernel[i::2, j::2].sum().item() for i in (0, 1) for j in (0, 1)]
    assert sorted(sums) == pytest.approx([0.58, 0.96, 0.96, 1.51], abs=0.005)


def test_taps_have_the_symmetry_of_the_square() -> None:
    for kernel in (design_jinc(7, 0.3), design_jinc(12, 0.25), design_kaiser_sinc(8, 0.25)):
        for same in (kernel.T, kernel.flip(0), kernel.flip(1)):
            torch.testing.assert_close(same, kernel, rtol=0, atol=1e-16)


def _loudest_beyond(kernel: torch.Tensor, radius: float) -> float:
    """The largest gain in dB anywhere in the plane beyond a radius, on a dense grid."""
    f = torch.linspace(0, 0.5, 251, dtype=torch.float64)
    fy, fx = torch.meshgrid(f, f, indexing="ij")
    gain = frequency_response(kernel, fx, fy).abs()
    return 20 * math.log10(gain[torch.hypot(fx, fy) >= radius].max().item())


def test_twelve_taps_damp_every_direction_by_40_db() -> None:
    kernel = design_jinc(12, 0.25, 3.0)
    assert _loudest_beyond(kernel, 1.5 * 0.25) <= -40
    quarter = frequency_response(kernel, torch.tensor(0.0625), torch.tensor(0.0))
    assert abs(20 * math.log10(quarter.item())) <= 0.5


def test_six_taps_damp_every_direction_by_26_db() -> None:
    assert _loudest_beyond(design_jinc(6, 0.25, 2.0), 1.5 * 0.25) <= -26


def test_response_agrees_with_the_discrete_transform() -> None:
    kernel = design_jinc(5, 0.25, 1.0)
    spectrum = torch.fft.fft2(torch.nn.functional.pad(kernel, (0, 11, 0, 11)))
    f = torch.fft.fftfreq(16, dtype=torch.float64)
    fy, fx = torch.meshgrid(f, f, indexing="ij")
    centred = spectrum * torch.exp(2j * math.pi * 2 * (fx + fy))
    torch.testing.assert_close(frequency_response(kernel, fx, fy), centred.real)
    assert centred.imag.abs().max() < 1e-15


def test_sinc_is_separable_and_square() -> None:
    kernel = design_kaiser_sinc(24, 0.25, 4.0)
    assert torch.linalg.matrix_rank(kernel) == 1
    corner = torch.tensor(0.17, dtype=torch.float64)  # radius 0.24 in the jinc's disc, too
    assert frequency_response(kernel, corner, corner).item() == pytest.approx(1, abs=0.02)


def test_a_window_of_any_beta_is_finite() -> None:
    """A very large β leaves only the taps next to the centre."""
    kernel = design_jinc(6, 0.25, 5000.0)
    assert kernel.isfinite().all()
    assert kernel[2:4, 2:4].sum().item() == pytest.approx(1)


def test_default_beta() -> None:
    assert [default_kaiser_beta(k) for k in (3, 6, 11, 12, 16)] == [2, 2, 2, 3, 3]
    torch.testing.assert_close(design_jinc(12, 0.25), design_jinc(12, 0.25, 3.0))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"taps": 0, "cutoff": 0.25}, "taps"),
        ({"taps": 3, "cutoff": 0.0}, "cutoff"),
        ({"taps": 3, "cutoff": 0.51}, "cutoff"),
        ({"taps": 3, "cutoff": math.nan}, "cutoff"),
        ({"taps": 3, "cutoff": 0.25, "kaiser_beta": -1.0}, "kaiser_beta"),
        ({"taps": 3, "cutoff": 0.25, "window": "hann"}, "window"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, word: str) -> None:
    with pytest.raises(JincError, match=word):
        design_jinc(**arguments)
