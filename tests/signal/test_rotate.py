"""Turning: orthogonality, whiteness, exact quarter turns, agreement with scipy."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from jinc.errors import JincError
from jinc.signal import disc, rotate

ANGLES = [0.1, -0.1, math.pi / 4, -math.pi / 4, 2.0, -2.0, 3.9, -7.0, 1.6]


def noise(*size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(2), dtype=dtype)


def matrix(angle: float, size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """The rotation as a matrix: row i is what becomes of pixel i."""
    basis = torch.eye(size**2, dtype=dtype).reshape(-1, 1, size, size)
    return rotate(basis, angle).reshape(size**2, size**2)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("angle", ANGLES)
def test_unitary_is_orthogonal_and_its_transpose_turns_back(angle, size, dtype, atol) -> None:
    u = matrix(angle, size, dtype)
    torch.testing.assert_close(u @ u.T, torch.eye(size**2, dtype=dtype), rtol=0, atol=atol)
    torch.testing.assert_close(matrix(-angle, size, dtype), u.T, rtol=0, atol=atol)


@pytest.mark.parametrize("method", ["unitary", "spline", "bilinear", "lanczos"])
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


@pytest.mark.parametrize("method", ["unitary", "spline", "bilinear", "lanczos"])
def test_a_smooth_blob_goes_where_geometry_says(method) -> None:
    place = torch.arange(32, dtype=torch.float64) - 15.5

    def blob(x: float, y_up: float) -> torch.Tensor:
        squares = (place[:, None] + y_up) ** 2 + (place[None, :] - x) ** 2
        return torch.exp(-squares / 8)[None, None]

    turned = rotate(blob(5, 0), 0.7, method)
    expected = blob(5 * math.cos(0.7), 5 * math.sin(0.7))
    error = ((turned - expected).abs() * disc(32, 0.75)).max()  # corners of the torus meet beyond
    assert error < {"unitary": 1e-5, "bilinear": 0.06, "lanczos": 0.01}.get(method, 2e-3)


def test_each_image_has_its_own_angle() -> None:
    x = noise(4, 2, 8, 8)
    angles = torch.tensor([0.2, -1.9, 3.0, 0.0], dtype=torch.float64)
    for method in ("unitary", "spline"):
        alone = torch.cat([rotate(x[i : i + 1], angles[i].item(), method) for i in range(4)])
        torch.testing.assert_close(rotate(x, angles, method), alone)


def test_a_thousand_small_turns_keep_white_noise() -> None:
    x = noise(16, 1, 32, 32, dtype=torch.float32)
    kept = {}
    for method in ("unitary", "spline", "bilinear"):
        y = x
        for _ in range(1000 if method == "unitary" else 100):
            y = rotate(y, math.radians(0.09), method)
        kept[method] = (y.var() / x.var()).item()
    assert kept["unitary"] == pytest.approx(1, abs=1e-3)
    assert kept["spline"] < 0.9  # after a tenth of the turns
    assert kept["bilinear"] < 0.5


def test_a_quarter_turn_in_a_thousand_steps() -> None:
    """A blob of σ = 2 px at radius 6 ends within 100 dB of the exact quarter turn."""
    place = torch.arange(32, dtype=torch.float64) - 15.5
    blob = torch.exp(-((place[:, None]) ** 2 + (place[None, :] - 6) ** 2) / 8)[None, None]
    y = blob
    for _ in range(1000):
        y = rotate(y, math.pi / 2000)
    error = (y - blob.rot90(1, (-2, -1))).square().mean()
    assert -10 * error.log10().item() >= 100


def test_gradients_are_the_derivatives() -> None:
    x = noise(2, 1, 5, 5).requires_grad_()
    for method in ("unitary", "spline", "bilinear", "lanczos"):
        assert torch.autograd.gradcheck(lambda x, m=method: rotate(x, 0.4, m), x)


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
    with pytest.raises(JincError, match="8×6"):
        rotate(noise(1, 1, 8, 6), 0.1)
