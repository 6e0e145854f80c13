"""Views are read as a person types them, and a slip is named."""

import math
import random

import pytest

from jinc.diffusion import (
    fourier_shift,
    hflip,
    identity,
    inner_circle,
    patch_permutation,
    pixel_permutation,
    puzzle,
    quarter_turns,
    rotation,
    skew,
    view_by_name,
)
from jinc.diffusion.views.by_name import VIEWS
from jinc.errors import JincError


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("rotate 37", rotation(math.radians(37))),
        ("rotate -90.5", rotation(math.radians(-90.5))),
        ("shift 2.5 -1", fourier_shift(2.5, -1)),
        ("shift 3", fourier_shift(3, 0)),
        ("quarter_turns 2", quarter_turns(2)),
        ("patch_permutation", patch_permutation(4, 0)),
        ("patch_permutation 8 123456789", patch_permutation(8, 123456789)),
        ("  puzzle   5 ", puzzle(5, 0)),
        ("hflip then rotate 30", hflip().then(rotation(math.radians(30)))),
        ("undo puzzle 5 then hflip", puzzle(5).inverted.then(hflip())),
        ("jigsaw 5 1", puzzle(5, 1)),  # as files of earlier versions have it
        ("inner_circle 1", inner_circle(1, 0.75)),
        ("undo undo rotate 30", rotation(math.radians(30))),
        ("identity", identity()),
        ("rotate 37.123456789", rotation(math.radians(37.123456789))),
        ("shift 0.1234567890123 3", fourier_shift(0.1234567890123, 3)),
        ("pixel_permutation 12345678901234567", pixel_permutation(12345678901234567)),
        ("skew 0.3333333333333333", skew(1 / 3)),
    ],
)
def test_names_are_read(name, view) -> None:
    assert view_by_name(name) == view
    assert view_by_name(view_by_name(name).name) == view


def test_whole_degrees_come_back() -> None:
    for degrees in range(-360, 361, 7):
        assert view_by_name(f"rotate {degrees}").name == f"rotate {degrees}"


def test_any_number_of_degrees_comes_back_as_short_as_it_was() -> None:
    generator = random.Random(0)
    for digits in (0, 1, 3, 9, 15, 17):
        for _ in range(60):
            degrees = f"{generator.uniform(-720, 720):.{digits}f}"
            view = view_by_name(f"rotate {degrees}")
            assert view_by_name(view.name) == view
            assert view_by_name(view.inverted.name) == view.inverted
            assert len(view.name) <= len(f"rotate {float(degrees)!r}")


def test_an_angle_of_no_degrees_has_the_nearest() -> None:
    generator = random.Random(0)
    for _ in range(300):
        angle = generator.uniform(-7, 7)
        again = view_by_name(rotation(angle).name)
        assert abs(again.angle - angle) <= math.ulp(angle)


def test_whole_numbers_are_written_in_full() -> None:
    assert pixel_permutation(2**100).name == f"pixel_permutation {2**100} 1"
    assert view_by_name(patch_permutation(3, 10**17 + 1).name) == patch_permutation(3, 10**17 + 1)


def test_every_word_is_the_first_of_its_views_name() -> None:
    for word in VIEWS:
        view = view_by_name(f"{word} 5" if word in ("rotate", "shift") else word)
        assert view.name.split()[0] == word


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rotat 37", "no view is called 'rotat'; did you mean rotate"),
        ("rotate37", "did you mean rotate"),
        ("zzz", "there are identity, hflip"),
        ("rotate", "view rotate: takes degrees, got 0 numbers"),
        ("hflip 3", "view hflip: takes no numbers, got 1"),
        ("shift 1 2 3", "view shift: takes down, right, got 3 numbers"),
        ("rotate fast", "view rotate: degrees must be a number, got 'fast'"),
        ("puzzle 2.5", "view puzzle: pieces must be a whole number, got '2.5'"),
        ("rotate nan", "angle"),
        ("", "a name is missing"),
        ("hflip then", "a name is missing"),
        ("undo", "a name is missing"),
        ("undo " * 5000 + "hflip", "a name has 100 words at most, got 5,001"),
    ],
)
def test_slips_are_named(name, message) -> None:
    with pytest.raises(JincError, match=message):
        view_by_name(name)
