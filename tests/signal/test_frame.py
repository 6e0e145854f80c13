"""Frames: coordinates that turn, shift and mirror like an image."""

import math

import pytest
import torch

from jinc.diffusion.random_moves import Flip, QuarterTurns, Rotation, Shift
from jinc.signal.frame import Frame

X = torch.zeros(3, 1, 16, 16, dtype=torch.float64)
UPRIGHT = Frame().coordinates(X)


def test_upright_coordinates_grow_to_the_right_and_down_and_end_at_the_disc() -> None:
    right, down = UPRIGHT[0]
    assert UPRIGHT.shape == (3, 2, 16, 16)
    torch.testing.assert_close(right[8, 8], torch.tensor(0.5 / 8, dtype=torch.float64))
    torch.testing.assert_close(down, right.T)
    assert right[8, 3:13].diff().min() > 0
    assert right[0, 0].abs() < 1e-12
    assert right.abs().max() < 0.85


@pytest.mark.parametrize(
    "move",
    [
        QuarterTurns(torch.tensor([1, 2, 3])),
        Flip(torch.tensor([0, 1, 0])),
        Shift(torch.tensor([[0.25, 0.0], [-0.125, 0.5], [0.0, 0.0625]])),
    ],
)
def test_the_frame_of_a_move_has_the_moved_coordinates(move) -> None:
    found = move.frame(16, 16).coordinates(X)
    torch.testing.assert_close(found, move(UPRIGHT), rtol=0, atol=1e-12)
    assert (found - UPRIGHT).abs().max() > 0.1


@pytest.mark.parametrize("move", [Flip(torch.tensor([0, 1])), Shift(torch.eye(2) / 4)])
def test_so_has_the_frame_of_a_rectangle(move) -> None:
    wide = torch.zeros(2, 1, 12, 20, dtype=torch.float64)
    upright = Frame().coordinates(wide)
    found = move.frame(12, 20).coordinates(wide)
    torch.testing.assert_close(found, move(upright), rtol=0, atol=1e-12)
    assert (found - upright).abs().max() > 0.1


def test_other_angles_are_between_the_quarter_turns() -> None:
    """Coordinates are a rotation of the plane, which no pixel grid limits."""
    angle = torch.tensor([0.3, 0.3 + math.pi / 2, -1.0])
    found = Rotation(angle).frame(16, 16).coordinates(X)
    c, s = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    right, down = UPRIGHT.unbind(1)
    expected = torch.stack([c * right - s * down, s * right + c * down], 1)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found[1], found[0].rot90(1, (-2, -1)), rtol=0, atol=1e-6)


def test_frames_are_joined_and_split() -> None:
    turned, still = Frame(angle=torch.tensor([0.1, 0.2])), Frame()
    both = Frame.joined([turned.expanded(2), still.expanded(1)])
    torch.testing.assert_close(both.angle, torch.tensor([0.1, 0.2, 0.0], dtype=torch.float64))
    assert both.rows(torch.tensor([2, 0])).angle.tolist() == pytest.approx([0.0, 0.1])
