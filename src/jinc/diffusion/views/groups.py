"""Groups of views, for `symmetrize`: one view after another of a group is in the group again."""

import math

from jinc.diffusion.views.plain import hflip, identity, quarter_turns, rotation
from jinc.diffusion.views.view import View
from jinc.errors import JincError


def c4() -> tuple[View, ...]:
    """The four quarter turns, exactly a group."""
    return (identity(), *(quarter_turns(k) for k in (1, 2, 3)))


def d4() -> tuple[View, ...]:
    """The eight symmetries of a square, exactly a group: quarter turns, mirrored or not."""
    return (*c4(), *(hflip().then(turn) for turn in c4()))


def rotations(count: int) -> tuple[View, ...]:
    """Turns by whole multiples of 1/count of a full turn; quarter turns among them are exact.

    Args:
        count: how many, ≥ 1. Unless it is 1, 2 or 4, they are a group only as closely as two
            turns on a grid of pixels are one: each has its inverse exactly, products differ.

    Returns:
        `count` views, from just above minus half a turn to half a turn.

    Raises:
        JincError: fewer than one.
    """
    if count < 1:
        raise JincError(f"rotations: must be 1 or more, got {count}")
    return tuple(_part_of_a_turn(k, count) for k in range(-((count - 1) // 2), count // 2 + 1))


def _part_of_a_turn(k: int, count: int) -> View:
    """Turn by k/count of a full turn."""
    if 4 * k % count == 0:
        return quarter_turns(4 * k // count)
    return rotation(2 * math.pi * k / count)
