"""Moves drawn at random: orthogonal, one an image, and the same whoever applies a part of them."""

import math

import numpy as np
import pytest
import torch

from jinc.diffusion import Flip, QuarterTurns, Rotation, Shift, random_move
from jinc.errors import JincError
from jinc.signal import rotate, shift

KINDS = ["shift", "rotation", "quarter_turns", "flip"]


def images(count=6, size=8):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 2, size, size, generator=generator, dtype=torch.float64)


def draw(kind, count=6, seed=1):
    return random_move(kind, np.random.default_rng(seed), count)


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_every_move_is_orthogonal(kind, size) -> None:
    move = draw(kind, 1)
    basis = torch.eye(size**2, dtype=torch.float64).view(-1, 1, size, size)
    u = torch.cat([move(pixel[None]) for pixel in basis]).view(size**2, size**2)
    torch.testing.assert_close(u @ u.T, torch.eye(size**2, dtype=torch.float64))
    assert not torch.allclose(u, torch.eye(size**2, dtype=torch.float64), atol=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_images_move_each_by_its_own_amount(kind) -> None:
    move, x = draw(kind), images()
    alone = torch.cat([move.rows(slice(i, i + 1))(x[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(move(x), alone)
    assert len(move.amounts.unique(dim=0)) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_can_be_shared_out(kind) -> None:
    move, x = draw(kind), images()
    for rows in (slice(0, 2), slice(2, 6), slice(1, None, 2)):
        torch.testing.assert_close(move.rows(rows)(x[rows]), move(x)[rows])


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_is_replayed(kind) -> None:
    assert torch.equal(draw(kind).amounts, draw(kind).amounts)
    assert not torch.equal(draw(kind, 50).amounts, draw(kind, 50, seed=2).amounts)
    x = images().float()
    assert draw(kind)(x).dtype == torch.float32


def test_amounts_are_spread_as_promised() -> None:
    """Uniform: mean and variance within four standard errors, and no amount outside."""
    n = 4000
    for kind, reach in (("shift", 0.125), ("rotation", math.pi)):
        amounts = draw(kind, n).amounts
        assert reach * 0.99 < amounts.abs().max() <= reach
        assert amounts.mean().abs() < 4 * reach / math.sqrt(3 * n)
        assert (amounts.square().mean() / reach**2).item() == pytest.approx(1 / 3, abs=0.02)
    counts = draw("quarter_turns", n).amounts.bincount(minlength=4)
    assert counts[0] == 0
    assert (counts[1:] - n / 3).abs().max() < 4 * math.sqrt(n * 2 / 9)
    assert draw("flip", n).amounts.double().mean().item() == pytest.approx(0.5, abs=0.032)


def test_shares_of_the_side_are_pixels() -> None:
    x = images(2)
    amounts = torch.tensor([[0.125, 0.0], [-0.03, 0.0625]], dtype=torch.float64)
    moved = Shift(amounts)(x)
    torch.testing.assert_close(moved[:1], x[:1].roll(1, -2))
    torch.testing.assert_close(moved[1:], shift(x[1:], -0.24, 0.5))
    wide = images(1)[..., :4, :]
    torch.testing.assert_close(
        Shift(torch.tensor([[0.25, 0.125]]))(wide), wide.roll((1, 1), (2, 3))
    )


def test_angles_are_those_of_rotate() -> None:
    x, amounts = images(3), torch.tensor([0.3, -2.0, math.pi / 2], dtype=torch.float64)
    torch.testing.assert_close(Rotation(amounts)(x), rotate(x, amounts))


def test_quarter_turns_and_flips_are_exact() -> None:
    x = images(5)
    turned = QuarterTurns(torch.tensor([0, 1, 2, 3, -1]))(x)
    for i, k in enumerate((0, 1, 2, 3, -1)):
        assert torch.equal(turned[i], x[i].rot90(k, (-2, -1)))
    flipped = Flip(torch.tensor([0, 1]))(x[:2])
    assert torch.equal(flipped[0], x[0].flip(-1))
    assert torch.equal(flipped[1], x[1].flip(-2))


def test_what_tears_has_a_mask() -> None:
    for kind in ("quarter_turns", "flip"):
        assert draw(kind).mask(8, 8) is None
    rows = torch.arange(64.0).view(1, 1, 64, 1).expand(1, 1, 64, 64)
    for sign in (1, -1):  # as far as is shifted at most
        move = Shift(torch.tensor([[sign * 0.125, sign * 0.125]]))
        apart = (move(rows) - (rows - 8 * sign))[0, 0].abs() > 1e-3
        assert apart.any()
        assert not apart[move.mask(64, 64)].any()


def test_nothing_tears_inside_the_mask() -> None:
    """Marks come out where geometry says, up to the mask's rim; beyond it, some at another edge."""
    size, move = 64, Rotation(torch.tensor([math.pi / 4], dtype=torch.float64))
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2

    def mark(radius: float, angle: float) -> torch.Tensor:
        x, up = radius * math.cos(angle), radius * math.sin(angle)
        squares = (place[:, None] + up) ** 2 + (place[None, :] - x) ** 2
        return torch.exp(-squares / 2)[None, None]

    def worst(radius: float) -> float:
        angles = [k * math.pi / 16 for k in range(32)]
        moved = torch.cat([move(mark(radius, a)) - mark(radius, a + math.pi / 4) for a in angles])
        return float(moved.abs().max())

    rim = (move.mask(size, size).sum() / math.pi).sqrt().item()
    assert worst(rim - 3) < 0.01  # three times a mark's width within
    assert worst(rim + 1) > 0.5


def test_gradients_are_the_transpose() -> None:
    x = images(2, 5).requires_grad_()
    for kind in KINDS:
        assert torch.autograd.gradcheck(draw(kind, 2), x)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(JincError, match="no move is called 'rotate'; did you mean rotation"):
        draw("rotate")
    with pytest.raises(JincError, match="there are shift, rotation, quarter_turns, flip"):
        draw("x")
    for kind in ("rotation", "quarter_turns"):
        with pytest.raises(JincError, match="8×6"):
            draw(kind)(images()[..., :6])
