"""Pictures move into what a view shows: from the one to the other, and in rigid pieces."""

import math

import numpy as np
import pytest
import torch

from jinc.data import to_uint8
from jinc.diffusion import view_by_name
from jinc.report import fade_film, morph, view_film
from jinc.report.morph import HELD, MOVING
from jinc.report.pieces import grid, rigid_pieces, turned_sheet

SEEN = 64
"""Pixels of a frame in these tests, in which pictures have half of it."""

PERMUTED = ["hflip", "vflip", "quarter_turns -1", "rotate 180", "square_hinge", "puzzle 4 1"]
PERMUTED += ["inner_circle", "skew", "patch_permutation 4", "pixel_permutation", "shift 3 -2"]
PERMUTED += ["undo puzzle 4", "hflip then quarter_turns 1"]
OTHERS = ["negate", "shift 2.5", "rotate 37 then negate"]


@pytest.fixture(autouse=True)
def small(monkeypatch) -> None:
    monkeypatch.setattr(morph, "SEEN", SEEN)


def noise(size: int, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, channels, size, size, generator=generator) * 2 - 1


@pytest.mark.parametrize("name", [*PERMUTED, *OTHERS, "identity"])
def test_a_film_begins_with_the_image_and_reaches_its_view(name) -> None:
    view, x = view_by_name(name), noise(32, 3)
    films = view_film(x, [view_by_name("identity"), view])
    scale = SEEN // 32
    for film, before, after in zip(films, x, view(x), strict=True):
        assert len({frame.shape for frame in film}) == 1
        margin = (film[0].shape[0] - SEEN) // 2
        inside = np.s_[margin : margin + SEEN : scale, margin : margin + SEEN : scale]
        for frame, shown in ((film[0], before), (film[len(film) // 2], after)):
            np.testing.assert_array_equal(
                frame[inside], to_uint8(shown).permute(1, 2, 0).numpy(), strict=True
            )
        assert all((a == b).all() for a, b in zip(film[HELD:], film[:HELD:-1], strict=False))
        parts = 0 if name == "identity" else 1 + name.count("then")
        assert len(film) == 2 * HELD + 2 * max(parts * (MOVING - 1) - 1, 0)


@pytest.mark.parametrize("name", PERMUTED)
def test_pieces_move_rigidly_from_pixel_to_pixel(name) -> None:
    """All pieces are rigid: at both ends every pixel has its place, on the way its distances."""
    z = grid(16, 16)
    numbers = torch.arange(256, dtype=torch.float64).view(1, 1, 16, 16)
    sources = view_by_name(name)(numbers)[0, 0].round().long().numpy()
    pieces = rigid_pieces(sources)
    np.testing.assert_allclose(pieces.places(0.0, z, pieces.owner), z, atol=1e-9)
    landed = pieces.places(1.0, z, pieces.owner)
    np.testing.assert_allclose(landed.ravel()[sources], z, atol=1e-9)
    midway = pieces.places(0.3, z, pieces.owner)
    for piece in np.flatnonzero(pieces.flip == 0)[:9]:
        own = pieces.owner == piece
        apart = abs(z[own][:, None] - z[own])
        np.testing.assert_allclose(abs(midway[own][:, None] - midway[own]), apart, atol=1e-9)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_square_tiles_are_hinged_at_their_corners(share) -> None:
    numbers = torch.arange(24**2, dtype=torch.float64).view(1, 1, 24, 24)
    pieces = rigid_pieces(view_by_name("square_hinge 3")(numbers)[0, 0].long().numpy())
    assert len(pieces.turn) == 9
    neighbours = np.array([pieces.owner[12, 12], pieces.owner[12, 20]])
    shared = [np.full(2, 4 + 4j), np.full(2, 4 - 4j)]  # the corners of both; at one is the hinge
    places = [pieces.places(share, corner, neighbours) for corner in shared]
    apart = sorted(abs(one - other) for one, other in places)
    assert apart[0] == pytest.approx(0, abs=1e-9)
    assert apart[1] > 0.5


def test_a_sheet_rotates_counter_clockwise_by_the_smaller_angle() -> None:
    right = np.array([1.0 + 0j])
    quarter = turned_sheet(4, 4, math.pi / 2).places(1.0, right, np.array([0]))
    assert quarter[0] == pytest.approx(1j)
    back = turned_sheet(4, 4, 2 * math.pi - 0.1).places(1.0, right, np.array([0]))
    assert back[0] == pytest.approx(np.exp(-0.1j))
    half = turned_sheet(4, 4, 2 * math.pi - 0.1).places(0.5, right, np.array([0]))
    assert half[0] == pytest.approx(np.exp(-0.05j))


def test_hybrids_fade() -> None:
    seen = [noise(8), -noise(8)]
    film = fade_film(seen)[0]
    assert (film[0] == film[1]).all()
    assert (film[0].astype(int) + film[len(film) // 2] == 255).mean() > 0.9
