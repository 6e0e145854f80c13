"""Blur and median against scipy's, and what each must keep."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from jinc.errors import JincError
from jinc.signal import frequency_response, gaussian_blur, median, shift

SCIPY = {"reflect": "reflect", "zeros": "constant", "circular": "wrap", "mirror": "mirror"}
SIZES = [(12, 9), (7, 7), (2, 3), (1, 1)]


def noise(*size: int) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize("padding", SCIPY)
@pytest.mark.parametrize("size", SIZES)
def test_blur_is_the_one_of_scipy(size, padding) -> None:
    x = noise(2, 3, *size)
    for taps, std_px in ((3, 0.8), (5, 1.3), (1, 2.0), (9, 0.4)):
        blurred = gaussian_blur(x, taps, std_px, padding)
        expected = ndimage.gaussian_filter(
            x.numpy(), std_px, radius=taps // 2, mode=SCIPY[padding], axes=(-2, -1)
        )
        np.testing.assert_allclose(blurred.numpy(), expected, atol=1e-13)


@pytest.mark.parametrize(("taps", "std_px"), [(5, 2.0), (33, 2.0)])
def test_mirrored_edges_are_those_of_the_course(taps, std_px) -> None:
    """CS180 blurs by torchvision: torch's padding `reflect`, then normalised Gaussian weights."""
    x, reach = noise(2, 3, 64, 64), taps // 2
    place = torch.arange(taps, dtype=torch.float64) - reach
    weights = torch.exp(-place.square() / (2 * std_px**2))
    kernel = torch.outer(weights, weights) / weights.sum() ** 2
    wide = torch.nn.functional.pad(x, [reach] * 4, mode="reflect").flatten(0, 1)[:, None]
    expected = torch.nn.functional.conv2d(wide, kernel[None, None]).view_as(x)
    torch.testing.assert_close(gaussian_blur(x, taps, std_px, "mirror"), expected)


@pytest.mark.parametrize("padding", SCIPY)
@pytest.mark.parametrize("size", SIZES)
def test_median_is_the_one_of_scipy(size, padding) -> None:
    x = noise(2, 3, *size)
    for side in (1, 3, 5, 7):
        expected = ndimage.median_filter(x.numpy(), (1, 1, side, side), mode=SCIPY[padding])
        np.testing.assert_array_equal(median(x, side, padding).numpy(), expected)


@pytest.mark.parametrize("padding", ["reflect", "circular", "mirror"])
def test_constants_stay(padding) -> None:
    flat = torch.full((1, 2, 5, 6), 0.7, dtype=torch.float64)
    for std_px in (1e-6, 0.8, 1e6):
        torch.testing.assert_close(gaussian_blur(flat, 5, std_px, padding), flat)
    assert torch.equal(median(flat, 5, padding), flat)


@pytest.mark.parametrize(("taps", "std_px"), [(3, 0.8), (7, 1.5)])
def test_blur_passes_waves_by_the_response_of_its_taps(taps, std_px) -> None:
    """The answer to one pixel is the kernel; its gain at frequency 0 is one."""
    dot = torch.zeros(1, 1, taps, taps, dtype=torch.float64)
    dot[..., taps // 2, taps // 2] = 1
    kernel = gaussian_blur(dot, taps, std_px)[0, 0]
    place = torch.arange(16, dtype=torch.float64)
    for fx, fy in ((0, 0), (1, 0), (2, 3), (8, 8)):
        wave = torch.cos(2 * math.pi * (fx * place + fy * place[:, None]) / 16)[None, None]
        gain = frequency_response(kernel, torch.tensor(fx / 16), torch.tensor(fy / 16))
        blurred = gaussian_blur(wave, taps, std_px, "circular")
        torch.testing.assert_close(blurred, gain * wave, rtol=0, atol=1e-13)
        assert gain.item() == pytest.approx(1) if fx == fy == 0 else gain < 1


def test_many_taps_are_the_gaussian() -> None:
    """The response of a Gaussian of deviation s is exp(−2 (π s f)²)."""
    dot = torch.zeros(1, 1, 33, 33, dtype=torch.float64)
    dot[..., 16, 16] = 1
    f = torch.linspace(0, 0.5, 20, dtype=torch.float64)
    kernel = gaussian_blur(dot, 33, 2.0)[0, 0]
    gain = frequency_response(kernel, f, torch.zeros_like(f))
    torch.testing.assert_close(gain, torch.exp(-2 * (2 * math.pi * f) ** 2), rtol=0, atol=1e-7)


def test_median_drops_specks_and_spares_edges() -> None:
    x = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    x[..., 4:] = 1
    specks = x.clone()
    specks[0, 0, [1, 4, 7], [1, 6, 2]] = torch.tensor([5.0, -5.0, 9.0], dtype=torch.float64)
    assert torch.equal(median(specks), x)
    assert (gaussian_blur(specks) - x).abs().max() > 1


def test_median_commutes_with_monotone_maps_of_grey() -> None:
    x = noise(1, 2, 8, 8)
    torch.testing.assert_close(median(x.exp()), median(x).exp())


@pytest.mark.parametrize("denoise", [gaussian_blur, median])
def test_moves_and_turns_with_the_image(denoise) -> None:
    x = noise(2, 1, 8, 8)
    moved = denoise(shift(x, 2, -3), 3, padding="circular")
    torch.testing.assert_close(moved, shift(denoise(x, 3, padding="circular"), 2, -3))
    torch.testing.assert_close(denoise(x.rot90(1, (-2, -1))), denoise(x).rot90(1, (-2, -1)))


@pytest.mark.parametrize("denoise", [gaussian_blur, median])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_type_stays(denoise, dtype) -> None:
    x = noise(1, 1, 6, 6).to(dtype).to(memory_format=torch.channels_last)
    assert denoise(x).dtype == dtype
    torch.testing.assert_close(
        denoise(x).double(), denoise(x.double()), rtol=0, atol=30 * torch.finfo(dtype).eps
    )


@pytest.mark.parametrize("denoise", [gaussian_blur, median])
def test_gradients_are_the_derivatives(denoise) -> None:
    x = noise(2, 1, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(denoise, x)


@pytest.mark.parametrize("size", [0, 2, 4, -3])
def test_windows_have_a_middle(size) -> None:
    x = noise(1, 1, 4, 4)
    with pytest.raises(JincError, match=f"taps: {size} is not an odd"):
        gaussian_blur(x, size)
    with pytest.raises(JincError, match=f"size: {size} is not an odd"):
        median(x, size)


@pytest.mark.parametrize("std_px", [0.0, -1.0, math.nan, math.inf])
def test_deviation_is_positive(std_px) -> None:
    with pytest.raises(JincError, match="std_px"):
        gaussian_blur(noise(1, 1, 4, 4), 3, std_px)


def test_unknown_padding_is_named() -> None:
    with pytest.raises(JincError, match="edge"):
        median(noise(1, 1, 4, 4), padding="edge")
