"""Turning: orthogonality, whiteness, exact quarter turns, agreement with scipy."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage

from jinc.errors import JincError
from jinc.signal import crop, disc, error_by_radius, pad_to_disc, rotate, top_band_power
from jinc.signal.rotate import METHODS, UNTORN

ANGLES = [0.1, -0.1, math.pi / 4, -math.pi / 4, 2.0, -2.0, 3.9, -7.0, 1.6]


def noise(*size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(2), dtype=dtype)


def matrix(
    angle: float,
    size: int,
    dtype: torch.dtype = torch.float64,
    method: str = "unitary",
    pad: str = "none",
) -> torch.Tensor:
    """The rotation as a matrix: row i is what becomes of pixel i."""
    basis = torch.eye(size**2, dtype=dtype).reshape(-1, 1, size, size)
    return rotate(basis, angle, method, pad).reshape(size**2, size**2)


def blob(x: float, y_up: float, std_px: float = 2.0) -> torch.Tensor:
    """A Gaussian on 32×32, by its formula."""
    place = torch.arange(32, dtype=torch.float64) - 15.5
    squares = (place[:, None] + y_up) ** 2 + (place[None, :] - x) ** 2
    return torch.exp(-squares / (2 * std_px**2))[None, None]


def decibels(found: torch.Tensor, exact: torch.Tensor) -> float:
    """PSNR for a peak of 1."""
    return -10 * (found - exact).square().mean().log10().item()


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_unitary_is_orthogonal_and_its_transpose_turns_back(size, dtype, atol) -> None:
    for angle in ANGLES:
        u = matrix(angle, size, dtype)
        torch.testing.assert_close(u @ u.T, torch.eye(size**2, dtype=dtype), rtol=0, atol=atol)
        torch.testing.assert_close(matrix(-angle, size, dtype), u.T, rtol=0, atol=atol)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("turns", [-5, -1, 0, 1, 2, 3, 4])
def test_quarter_turns_are_exact(method, turns) -> None:
    x = noise(2, 3, 9, 9)
    turned = rotate(x, turns * math.pi / 2, method)
    torch.testing.assert_close(turned, x.rot90(turns, (-2, -1)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("angle", [0.3, -1.1, 2.5])
@pytest.mark.parametrize("size", [(12, 12), (9, 9)])
def test_spline_is_the_one_of_scipy(angle, size) -> None:
    x = noise(1, 1, *size)
    expected = ndimage.rotate(
        x[0, 0].numpy(), math.degrees(angle), reshape=False, order=3, mode="grid-wrap"
    )
    np.testing.assert_allclose(rotate(x, angle, "spline")[0, 0].numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_a_smooth_blob_goes_where_geometry_says(method) -> None:
    turned = rotate(blob(5, 0), 0.7, method)
    expected = blob(5 * math.cos(0.7), 5 * math.sin(0.7))
    error = ((turned - expected).abs() * disc(32, 0.75)).max()  # corners of the torus meet beyond
    assert error < {"unitary": 1e-5, "bilinear": 0.06, "lanczos": 0.01}.get(method, 2e-3)


def test_each_image_has_its_own_angle() -> None:
    x = noise(6, 2, 8, 8)
    angles = torch.tensor([0.2, -1.9, 3.0, 0.0, -math.pi / 2, 8.0], dtype=torch.float64)
    for method in METHODS:
        alone = torch.cat([rotate(x[i : i + 1], angles[i].item(), method) for i in range(6)])
        torch.testing.assert_close(rotate(x, angles, method), alone)
    torch.testing.assert_close(rotate(x, torch.tensor([0.2])), rotate(x, 0.2), rtol=0, atol=1e-7)


def after_thousand_turns(method: str, size: int, dtype: torch.dtype) -> torch.Tensor:
    """The covariance of white noise after 1,000 turns of 0.09°, exactly: M Mᵀ."""
    turn = matrix(math.radians(0.09), size, dtype, method)
    turns = torch.linalg.matrix_power(turn.T, 1000)
    return turns @ turns.T


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-11), (torch.float32, 2e-3)])
@pytest.mark.parametrize("size", [11, 16])
def test_a_thousand_small_turns_leave_the_covariance_of_noise_flat(size, dtype, atol) -> None:
    covariance = after_thousand_turns("unitary", size, dtype)
    torch.testing.assert_close(covariance, torch.eye(size**2, dtype=dtype), rtol=0, atol=atol)


def test_a_thousand_small_turns_keep_the_power_of_noise() -> None:
    x = noise(16, 1, 32, 32, dtype=torch.float32)
    y = x
    for _ in range(1000):
        y = rotate(y, math.radians(0.09))
    assert y.square().mean() / x.square().mean() == pytest.approx(1, abs=1e-3)
    assert top_band_power(y).mean() == pytest.approx(1, abs=0.03)  # what 16 images can tell


def test_a_spline_takes_half_of_the_noise_and_two_thirds_of_its_top() -> None:
    covariance = after_thousand_turns("spline", 32, torch.float32)
    assert covariance.diagonal().mean() == pytest.approx(0.52, abs=0.02)
    roots = torch.linalg.cholesky(covariance + 1e-3 * torch.eye(1024)).T
    assert top_band_power(roots.reshape(-1, 32, 32)).sum() == pytest.approx(1 / 3, abs=0.02)


def test_a_quarter_turn_in_a_thousand_steps() -> None:
    """A blob of σ = 2 px at radius 6; and a seven, a pixel wide, too fine for the grid to turn."""
    place = [(x, 7.0) for x in range(-5, 6)] + [(5 - k / 2, 7.0 - k) for k in range(1, 15)]
    seven = sum(blob(x, y, 0.6) for x, y in place)
    blobs, sevens = {}, {}
    for method in ("unitary", "spline"):
        y = torch.cat([blob(6, 0), seven])
        for _ in range(1000):
            y = rotate(y, math.pi / 2000, method)
        blobs[method] = decibels(y[:1], blob(0, 6))
        sevens[method] = decibels(y[1:], seven.rot90(1, (-2, -1)))
    assert blobs["unitary"] > 100
    assert 58 < blobs["spline"] < 62
    assert sevens["unitary"] > 33
    assert sevens["spline"] < sevens["unitary"] - 8


def test_gradients_are_the_derivatives() -> None:
    x = noise(1, 1, 5, 5).requires_grad_()
    for method in METHODS:
        for pad in ("none", "reflect"):
            call = partial(rotate, angle=0.4, method=method, pad=pad)
            assert torch.autograd.gradcheck(call, x)


def test_gradients_reach_the_angle() -> None:
    angles = torch.tensor([0.4, -2.0], dtype=torch.float64, requires_grad=True)
    for size in (5, 6):
        assert torch.autograd.gradcheck(partial(rotate, noise(2, 1, size, size)), angles)


@pytest.mark.parametrize("size", [1, 9, 16])
def test_a_padded_canvas_holds_the_image_and_keeps_the_law(size) -> None:
    x = noise(2, 1, size, size)
    canvas = pad_to_disc(x)
    assert torch.equal(crop(canvas, size, size), x)
    assert math.hypot(size, size) <= UNTORN * canvas.shape[-1]
    turned = rotate(canvas, 0.7)
    torch.testing.assert_close(turned.square().sum(), x.square().sum())
    torch.testing.assert_close(crop(rotate(turned, -0.7), size, size), x)
    torch.testing.assert_close(rotate(x, 0.7, pad="zeros"), crop(turned, size, size))


def test_padding_with_zeros_keeps_the_transpose_and_never_adds_power() -> None:
    padded = matrix(1.2, 7, pad="zeros")
    torch.testing.assert_close(matrix(-1.2, 7, pad="zeros"), padded.T, rtol=0, atol=1e-12)
    strengths = torch.linalg.svdvals(padded)
    assert strengths.max() < 1 + 1e-12
    assert strengths.min() < 0.5  # what is turned out of the image is lost


@pytest.mark.parametrize("pad", ["none", "zeros", "reflect", "circular"])
@pytest.mark.parametrize("method", METHODS)
def test_quarter_turns_are_exact_with_any_padding(method, pad) -> None:
    x = noise(1, 1, 8, 8)
    turned = rotate(x, math.pi / 2, method, pad)
    torch.testing.assert_close(turned, x.rot90(1, (-2, -1)), rtol=0, atol=1e-12)


def test_a_constant_stays_where_its_mirror_image_lies_beyond() -> None:
    ones = torch.ones(1, 1, 9, 9, dtype=torch.float64)
    for method in METHODS:
        for pad in ("reflect", "circular"):
            torch.testing.assert_close(rotate(ones, 0.5, method, pad), ones)


def test_error_by_radius_knows_where_the_torus_tears() -> None:
    """A blob is exact while it is within the untorn disc, and padding makes that disc larger."""
    radii = (0.0, 0.5, 0.75, 0.85, 1.0)
    torus = error_by_radius(64, 0.1, radii=radii)
    assert (torus[:-1] >= torus[1:] - 20).all()  # nothing but rounding where it is exact
    assert torus[1] > 150
    assert torus[2] > 105
    assert torus[3] < 75
    assert torus[4] < 40
    assert error_by_radius(64, 0.7, pad="zeros", radii=(0.7,)) > 5 + error_by_radius(
        64, 0.7, radii=(0.7,)
    )
    assert 30 < error_by_radius(64, 0.7, "bilinear", radii=(0.0,)) < 60


def test_error_by_radius_of_many_steps_is_that_of_all_of_them() -> None:
    once = error_by_radius(24, 0.4, "spline", radii=(0.3,))
    assert error_by_radius(24, 0.4, "spline", radii=(0.3,), steps=10) < once


def test_the_host_does_not_wait_for_an_accelerator(no_waiting) -> None:
    x = noise(3, 1, 8, 8)
    angles = torch.tensor([0.3, -2.0, 4.0], dtype=torch.float64)
    there, angles_there = x.cuda(), angles.cuda()
    rotate(there, 0.3)  # plans of transforms are made once
    with no_waiting():
        found = [rotate(there, each) for each in (0.3, angles, angles_there)]
    for turned, each in zip(found, (0.3, angles, angles), strict=True):
        torch.testing.assert_close(turned.cpu(), rotate(x, each), rtol=0, atol=1e-12)


def test_disc_has_the_area_of_a_disc() -> None:
    assert disc(400).sum().item() == pytest.approx(math.pi * 200**2, rel=1e-3)
    assert disc(400, 0.5).sum().item() == pytest.approx(math.pi * 100**2, rel=1e-3)
    assert torch.equal(disc(9), disc(9).rot90())


def test_bad_arguments_are_named() -> None:
    x = noise(1, 1, 8, 8)
    with pytest.raises(JincError, match="did you mean spline"):
        rotate(x, 0.1, "splin")
    with pytest.raises(JincError, match="angle"):
        rotate(x, math.nan)
    with pytest.raises(JincError, match="pad: 'mirror'"):
        rotate(x, 0.1, pad="mirror")
    with pytest.raises(JincError, match=r"angle: \[2\]"):
        rotate(x, torch.zeros(2))
    with pytest.raises(JincError, match="8×6"):
        rotate(noise(1, 1, 8, 6), 0.1)
