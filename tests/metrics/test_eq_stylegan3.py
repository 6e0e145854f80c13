"""StyleGAN3's operators: its formulas pixel by pixel, and scenes that turn exactly."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve
from torch import Tensor

from jinc.diffusion import Shift, mismatch
from jinc.metrics.decibels import decibels
from jinc.metrics.equivariance.eq import (
    shifted_psnr_stylegan3,
    turned_psnr,
    turned_psnr_stylegan3,
)
from jinc.signal.stylegan3 import UP, pseudo_turn, shift_lanczos, turn, turn_kernel

ANGLE = 0.7


def window(place: np.ndarray) -> np.ndarray:
    return np.where(np.abs(place) < 3, np.sinc(place / 3), 0)


def kernel_by_sums(angle: float, up: int, reach: int = 64) -> np.ndarray:
    """(sinc ∗ turned sinc) · (window ∗ turned window), summed over samples 1/up apart."""
    place = np.arange(-reach * up, reach * up + 1) / up
    x, y = place[None, :], -place[:, None]
    x_turned, y_turned = (
        math.cos(angle) * x + math.sin(angle) * y,
        math.cos(angle) * y - math.sin(angle) * x,
    )
    sinc, lanczos = (
        fftconvolve(of(x) * of(y), of(x_turned) * of(y_turned), mode="same")
        for of in (np.sinc, window)
    )
    middle, part = reach * up, 6 * up - 1
    taps = (sinc * lanczos)[middle - part : middle + part + 1, middle - part : middle + part + 1]
    for row in range(up):
        for column in range(up):
            taps[row::up, column::up] /= taps[row::up, column::up].sum()
    return taps


@pytest.mark.parametrize("up", [1, UP])
@pytest.mark.parametrize("angle", [ANGLE, -2.1, math.pi / 4])
def test_the_kernel_is_that_of_the_paper(up, angle) -> None:
    found = turn_kernel(angle, up)
    np.testing.assert_allclose(found, kernel_by_sums(angle, up), rtol=0, atol=1e-5)


def test_turns_pixel_by_pixel() -> None:
    image = np.random.default_rng(0).normal(size=(20, 20))
    taps, pseudo = kernel_by_sums(-ANGLE, 4), kernel_by_sums(ANGLE, 1)

    def fine(row: int, column: int) -> float:
        """The image at a quarter of a pixel: rows and columns times four."""
        rows, columns = row - 4 * np.arange(20), column - 4 * np.arange(20)
        inside = np.ix_(np.abs(rows) < 24, np.abs(columns) < 24)
        near = taps[np.ix_(23 + rows[np.abs(rows) < 24], 23 + columns[np.abs(columns) < 24])]
        return float((near * image[inside]).sum())

    def turned(row: int, column: int) -> float:
        x, y = column - 9.5, 9.5 - row
        at_x = 4 * (math.cos(ANGLE) * x + math.sin(ANGLE) * y + 9.5)
        at_y = 4 * (9.5 - math.cos(ANGLE) * y + math.sin(ANGLE) * x)
        left, top = math.floor(at_x), math.floor(at_y)
        right, down = at_x - left, at_y - top
        return (1 - down) * ((1 - right) * fine(top, left) + right * fine(top, left + 1)) + down * (
            (1 - right) * fine(top + 1, left) + right * fine(top + 1, left + 1)
        )

    x, angle = torch.from_numpy(image)[None, None], torch.tensor([ANGLE])
    found, known = turn(x, angle)
    also, known_too = pseudo_turn(x, angle)
    for row, column in ((9, 10), (7, 11), (12, 8)):
        assert known[0, 0, row, column]
        assert float(found[0, 0, row, column]) == pytest.approx(turned(row, column), abs=1e-5)
        near = image[row - 5 : row + 6, column - 5 : column + 6]
        expected = float((pseudo * near).sum())
        assert float(also[0, 0, row, column]) == pytest.approx(expected, abs=1e-5)
    assert known.sum() == pytest.approx(8**2, abs=8)  # six pixels from the edge, turned
    assert known_too.sum() == 10**2


def test_shifts_pixel_by_pixel() -> None:
    image = np.random.default_rng(0).normal(size=(12, 12))
    down, right = 1.3, -0.6
    found, known = shift_lanczos(
        torch.from_numpy(image)[None, None], torch.tensor([down]), torch.tensor([right])
    )
    for row, column in ((6, 6), (4, 5)):
        weights = [
            np.sinc(p - np.arange(12)) * window(p - np.arange(12))
            for p in (row - down, column - right)
        ]
        expected = weights[0] @ image @ weights[1] / weights[0].sum() / weights[1].sum()
        assert known[0, 0, row, column]
        assert float(found[0, 0, row, column]) == pytest.approx(expected, abs=1e-5)
    # Rows 4 … 10 and columns 2 … 8 draw on six pixels of the image on either axis.
    assert known[0, 0].any(1).nonzero().flatten().tolist() == [*range(4, 11)]
    assert known[0, 0].any(0).nonzero().flatten().tolist() == [*range(2, 9)]


PLACE = torch.arange(32, dtype=torch.float64) - 15.5
X, Y = PLACE[None, :].expand(32, 32), -PLACE[:, None].expand(32, 32)
RANDOM = torch.Generator().manual_seed(0)
MOVES = torch.rand(12, 3, generator=RANDOM, dtype=torch.float64) - 0.5
ANGLES, SHIFTS = 2 * math.pi * MOVES[:, 0], MOVES[:, 1:] / 4


def scene(seed: int, highest: float) -> Callable[[Tensor, Tensor], Tensor]:
    """300 plane waves up to a frequency, in [−1, 1] about, at any places x and y."""
    random = torch.Generator().manual_seed(seed)
    radius, way, phase = torch.rand(3, 300, generator=random, dtype=torch.float64)
    radius, way, phase = highest * radius.sqrt(), 2 * math.pi * way, 2 * math.pi * phase
    right, up, amplitude = radius * way.cos(), radius * way.sin(), 1 / (radius + 1 / 32)

    def at(x: Tensor, y: Tensor) -> Tensor:
        turns = 2 * math.pi * (x[..., None] * right + y[..., None] * up)
        return (amplitude * (turns + phase).cos()).sum(-1)

    largest = at(X, Y).abs().max()
    return lambda x, y: at(x, y) / largest


def drawn(highest: float) -> tuple[Tensor, Tensor, Tensor]:
    """Scenes as they are, turned by ANGLES, and shifted by SHIFTS, without interpolation."""
    still, turned, shifted = [], [], []
    for seed, (angle, by) in enumerate(zip(ANGLES.tolist(), (32 * SHIFTS).tolist(), strict=True)):
        at, cos, sin = scene(seed, highest), math.cos(angle), math.sin(angle)
        still.append(at(X, Y))
        turned.append(at(cos * X + sin * Y, cos * Y - sin * X))
        shifted.append(at(X - by[1], Y + by[0]))
    return tuple(torch.stack(each)[:, None] for each in (still, turned, shifted))


def test_scenes_that_move_exactly() -> None:
    """StyleGAN3's figures end where its filters do; Fourier's can tell much more of fine detail."""
    still, turned, shifted = drawn(highest=0.5)
    assert 25 < turned_psnr_stylegan3(still, turned, ANGLES) < 32
    assert 42 < turned_psnr(still, turned, ANGLES) < 50
    by_fourier = Shift(SHIFTS)
    difference = mismatch(shifted, by_fourier(still), by_fourier.mask(32, 32))
    assert 32 < shifted_psnr_stylegan3(still, shifted, SHIFTS) < 40
    assert 40 < decibels(float(difference.mean())) < 47
    for measure in (turned_psnr_stylegan3, turned_psnr):  # the wrong way round
        assert measure(still, turned, -ANGLES) < 20
    smooth, turned, shifted = drawn(highest=0.3)
    assert turned_psnr_stylegan3(smooth, turned, ANGLES) > 40
    assert shifted_psnr_stylegan3(smooth, shifted, SHIFTS) > 50


def test_shifts_by_whole_pixels_are_exact() -> None:
    still = torch.rand(3, 2, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    amounts = torch.tensor([[1.0, -2.0], [0.0, 2.0], [-1.0, 0.0]]) / 16
    moved = torch.stack(
        [
            x.roll(tuple((16 * way).long().tolist()), (1, 2))
            for x, way in zip(still, amounts, strict=True)
        ]
    )
    assert shifted_psnr_stylegan3(still, moved, amounts) > 120
    assert shifted_psnr_stylegan3(still, moved, amounts + 0.01) < 30
