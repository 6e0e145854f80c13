"""Shifts of periodic images: orthogonal, rolls at whole pixels, exact on waves."""

import math

import pytest
import torch

from jinc.errors import JincError
from jinc.signal import roll, rotate, shift
from jinc.signal.shift import phases, shift_rows_by

SIZES = [(8, 8), (7, 9), (6, 5), (1, 2)]


def images(*size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("size", SIZES)
def test_whole_pixels_are_rolls(size) -> None:
    x = images(*size)
    for down, right in ((0, 0), (1, -2), (-5, 3), (11, 40)):
        rolled = x.roll((down, right), (-2, -1))
        torch.testing.assert_close(shift(x, down, right), rolled, rtol=0, atol=1e-13)
        assert torch.equal(roll(x, down, right), rolled)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pixels", [0.5, -0.3, 2.77, 1.5, -12.5])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_shifts_are_orthogonal_and_go_back(size, pixels, dtype, atol) -> None:
    x, y = images(*size, dtype=dtype), images(*size, dtype=dtype).flip(0)
    moved = shift(x, pixels, -2 * pixels)
    torch.testing.assert_close(shift(moved, -pixels, 2 * pixels), x, rtol=0, atol=atol)
    there = (moved * y).sum()
    back = (x * shift(y, -pixels, 2 * pixels)).sum()
    torch.testing.assert_close(there, back, rtol=0, atol=100 * atol)


def test_each_image_rolls_by_its_own() -> None:
    x = images(5, 8)
    down, right = torch.tensor([3, -9]), torch.tensor([0, 17])
    alone = [x[i : i + 1].roll((int(down[i]), int(right[i])), (-2, -1)) for i in range(2)]
    assert torch.equal(roll(x, down, right), torch.cat(alone))
    assert torch.equal(roll(x, torch.tensor(2), 0), x.roll(2, -2))
    assert torch.equal(roll(x.to(torch.uint8), down, right), roll(x, down, right).to(torch.uint8))


@pytest.mark.parametrize("pixels", [0.5, 1.0, torch.tensor([1.0, 2.0])])
def test_a_roll_is_by_whole_pixels(pixels) -> None:
    for move in ((pixels, 0), (0, pixels)):
        with pytest.raises(JincError, match="not a whole number"):
            roll(images(4, 4), *move)


def test_float32_is_as_good_as_its_numbers() -> None:
    """The table is made in float64: a shift of many pixels is no worse than one of few."""
    x = images(16, 16)
    far = shift(x.float(), 1000.3, -2000.7).double()
    torch.testing.assert_close(far, shift(x, 1000.3, -2000.7), rtol=0, atol=2e-6)


def test_waves_move_as_waves() -> None:
    place = torch.arange(10, dtype=torch.float64)

    def wave(moved: float) -> torch.Tensor:
        return torch.cos(2 * math.pi * 3 * (place - moved) / 10).expand(1, 1, 4, 10)

    torch.testing.assert_close(shift(wave(0), 1.3, 0.37), wave(0.37), rtol=0, atol=1e-14)


def test_each_image_and_each_row_has_its_own() -> None:
    x = images(4, 8)
    each = torch.tensor([0.25, -1.5], dtype=torch.float64)
    alone = torch.cat([shift(x[i : i + 1], 0.0, each[i].item()) for i in range(2)])
    torch.testing.assert_close(shift(x, 0.0, each), alone)
    rows = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    sheared = shift_rows_by(x, phases(rows, 8, x))
    torch.testing.assert_close(sheared[..., 2, :], x[..., 2, :].roll(2, -1))


@pytest.mark.parametrize("size", [8, 9])
def test_amounts_may_be_where_the_images_are(size) -> None:
    """Of "meta" nothing is known but where it is: what is elsewhere cannot be put together."""
    x, each = images(3, size).to("meta"), torch.ones(2, dtype=torch.float64, device="meta")
    for start in (0.5, each):
        assert shift(x, each, each, (start, start)).device == x.device
    assert shift(x, each, 0.3).device == x.device
    square = images(size, size).to("meta")
    assert rotate(square, each).shape == square.shape


def test_gradients_are_the_derivatives() -> None:
    x = images(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: shift(x, 0.3, -1.2), x)
    pixels = torch.tensor([0.3, -1.2], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: shift(images(3, 4), p, -p), pixels)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("way", [1.0, 0.5, -2.5, 3.3])
@pytest.mark.parametrize("portions", [3, 10, 50])
def test_portions_add_up(size, way, portions) -> None:
    """The Nyquist lines of an even size too, whose sign is that of the whole way."""
    x = torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(0)).double()
    moved = x
    for k in range(portions):
        before, after = way * k / portions, way * (k + 1) / portions
        moved = shift(moved, after - before, before - after, (before, -before))
    torch.testing.assert_close(moved, shift(x, way, -way), rtol=0, atol=1e-12)
    back = moved
    for k in reversed(range(portions)):
        before, after = way * k / portions, way * (k + 1) / portions
        back = shift(back, before - after, after - before, (after, -after))
    torch.testing.assert_close(back, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((torch.zeros(1, 8, 8), 0, 0), r"images: \[1, 8, 8\] of torch.float32; wanted are"),
        ((torch.zeros(1, 1, 8, 8).half(), 0, 0), "torch.float16; wanted are"),
        ((torch.zeros(0, 1, 8, 8), 0, 0), r"images: \[0, 1, 8, 8\]"),
        ((torch.zeros(2, 1, 8, 8), math.nan, 0), "down: is not a finite number"),
        ((torch.zeros(2, 1, 8, 8), 0, math.inf), "right: is not a finite number"),
        ((torch.zeros(2, 1, 8, 8), torch.zeros(3), 0), r"down: \[3\] is neither"),
    ],
)
def test_what_cannot_be_shifted(arguments, reason) -> None:
    with pytest.raises(JincError, match=reason):
        shift(*arguments)
