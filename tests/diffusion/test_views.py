"""Views are orthogonal, their inverses are their transposes, and they do what they say."""

import itertools
import math

import numpy as np
import pytest
import torch

from jinc.diffusion import (
    View,
    c4,
    custom_view,
    d4,
    fourier_shift,
    hflip,
    identity,
    inner_circle,
    negate,
    patch_permutation,
    pixel_permutation,
    puzzle,
    quarter_turns,
    rotation,
    rotations,
    skew,
    square_hinge,
    vflip,
    view_by_name,
)
from jinc.errors import JincError
from jinc.signal import disc, rotate

ANY_SIZE = [identity(), hflip(), vflip(), negate(), quarter_turns(2), fourier_shift(2.5, -1.3)]
ANY_SIZE += [pixel_permutation(3), skew(1.0), skew(-0.4), inner_circle(1), inner_circle(2, 1.0)]
SQUARE = [quarter_turns(1), quarter_turns(-5), rotation(math.radians(40))]
SQUARE += [rotation(math.radians(-143)), square_hinge(), square_hinge(5)]
CUT = [patch_permutation(3, 1), puzzle(3, 1), square_hinge(3)]
JOINED = [rotation(math.radians(17)).then(hflip()), puzzle(3, 2).inverted]
JOINED += [skew(1.0).then(inner_circle(1))]
EXACT = [v for v in (*ANY_SIZE, *SQUARE, *CUT) if not isinstance(v, fourier_shift | rotation)]


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def matrix(function, height: int, width: int) -> torch.Tensor:
    """The map as a matrix: column i is what becomes of pixel i."""
    basis = torch.eye(height * width, dtype=torch.float64).view(-1, 1, height, width)
    return function(basis).reshape(height * width, -1).T


def check(view: View, height: int, width: int) -> None:
    """Orthogonal, with the transpose for an inverse, and linear: it is what its matrix does."""
    u, eye = matrix(view, height, width), torch.eye(height * width, dtype=torch.float64)
    torch.testing.assert_close(u.T @ u, eye, rtol=0, atol=1e-12)
    torch.testing.assert_close(matrix(view.inverse, height, width), u.T, rtol=0, atol=1e-12)
    torch.testing.assert_close(matrix(view.inverted, height, width), u.T, rtol=0, atol=1e-12)
    x = noise(2, 3, height, width)
    expected = (u @ x.flatten(2)[..., None]).view_as(x)
    torch.testing.assert_close(view(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(12, 12), (15, 15)])
@pytest.mark.parametrize("view", [*ANY_SIZE, *SQUARE, *CUT, *JOINED], ids=lambda v: v.name)
def test_every_view_is_orthogonal_and_its_inverse_is_the_transpose(view, size) -> None:
    check(view, *size)


@pytest.mark.parametrize("size", [(6, 9), (8, 5)])
@pytest.mark.parametrize("view", ANY_SIZE, ids=lambda v: v.name)
def test_those_that_need_no_square(view, size) -> None:
    check(view, *size)
    check(patch_permutation(2, 1), 6, 8)


@pytest.mark.parametrize("view", EXACT, ids=lambda v: v.name)
def test_what_moves_whole_pixels_is_exact(view) -> None:
    for dtype in (torch.float16, torch.float32, torch.float64):
        x = noise(2, 3, 12, 12).to(dtype)
        assert view(x).dtype == dtype
        assert torch.equal(view.inverse(view(x)), x)
        assert torch.equal(view(view.inverse(x)), x)
        assert torch.equal(view.inverted(view(x)), x)
        assert torch.equal(view(x).abs().flatten(2).sort().values, x.abs().flatten(2).sort().values)


@pytest.mark.parametrize("view", [*ANY_SIZE, *SQUARE, *CUT, *JOINED], ids=lambda v: v.name)
def test_a_view_is_a_value_with_a_name_that_is_read(view) -> None:
    assert view_by_name(view.name) == view
    assert view.inverted.inverted == view
    assert hash(view) == hash(view_by_name(view.name))
    assert view_by_name(view.inverted.name) == view.inverted


def test_plain_views_do_what_they_say() -> None:
    x = noise(2, 3, 8, 8)
    assert torch.equal(hflip()(x)[..., 0], x[..., -1])
    assert torch.equal(vflip()(x)[..., 0, :], x[..., -1, :])
    assert torch.equal(negate()(x), -x)
    assert torch.equal(identity()(x), x)
    for k in range(-5, 6):
        assert torch.equal(quarter_turns(k)(x), x.rot90(k, (-2, -1)))
    torch.testing.assert_close(rotation(0.4)(x), rotate(x, 0.4))
    torch.testing.assert_close(fourier_shift(3, -2)(x), x.roll((3, -2), (2, 3)))


def by_peer(skewed: float | None, circle: bool, size: int) -> np.ndarray:
    """The views of visual_anagrams, pixel by pixel as that program counts, of an image of numbers.

    Skew: column i goes down by factor · (i − size // 2), cut to a whole number. Inner circle: half
    a turn of what is less than ⅜ of the size from the centre. Square hinge: 3×3 tiles of size // 3,
    turned clockwise where row + column is even, the other way elsewhere; what is left over stays.
    """
    image = np.arange(size**2).reshape(size, size)
    seen, tile = image.copy(), size // 3
    for y, x in np.ndindex(size, size):
        if skewed is not None:
            seen[(y + int(skewed * (x - size // 2))) % size, x] = image[y, x]
        elif circle and (x - size / 2 + 0.5) ** 2 + (y - size / 2 + 0.5) ** 2 < (size * 3 / 8) ** 2:
            seen[size - 1 - y, size - 1 - x] = image[y, x]
        elif not circle and max(x, y) < 3 * tile:
            (row, v), (column, u) = divmod(y, tile), divmod(x, tile)
            to = (u, tile - 1 - v) if (row + column) % 2 == 0 else (tile - 1 - u, v)
            seen[row * tile + to[0], column * tile + to[1]] = image[y, x]
    return seen


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize(
    ("view", "skewed", "circle"),
    [
        (skew(), 1.5, False),
        (skew(-0.7), -0.7, False),
        (inner_circle(), None, True),
        (square_hinge(), None, False),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_views_under_a_peers_name_have_its_geometry(view, skewed, circle, size) -> None:
    numbers = torch.arange(size**2).view(1, 1, size, size)
    np.testing.assert_array_equal(view(numbers)[0, 0], by_peer(skewed, circle, size))


def test_inner_circle_turns_what_is_inside() -> None:
    x, inside = noise(1, 2, 9, 9), disc(9)
    seen = inner_circle(1, 1.0)(x)
    assert torch.equal(seen[..., inside], x.rot90(1, (-2, -1))[..., inside])
    assert torch.equal(seen[..., ~inside], x[..., ~inside])
    wide = noise(1, 2, 9, 13)
    assert torch.equal(inner_circle(3)(wide)[..., 2:11], inner_circle(3)(wide[..., 2:11]))
    assert torch.equal(inner_circle(3)(wide)[..., :2], wide[..., :2])


def test_square_hinge_turns_tiles_in_place_one_way_and_the_other() -> None:
    x = noise(1, 1, 9, 9)
    seen = square_hinge(2)(x)
    for top in (0, 4):
        for left in (0, 4):
            tile = np.s_[..., top : top + 4, left : left + 4]
            turns = -1 if top == left else 1
            assert torch.equal(seen[tile], x[tile].rot90(turns, (-2, -1)))
    assert torch.equal(seen[..., 8, :], x[..., 8, :])
    assert torch.equal(seen[..., 8], x[..., 8])


def test_hinged_tiles_share_their_corners_all_the_way() -> None:
    """Opened to any angle, neighbours that turn apart still meet at a corner; the board is larger.

    Tiles of side 1, at distance d, turned by +φ and −φ: the corner of one, (½, ½) turned, meets
    its neighbour's (−½, ½) turned the other way, when d = cos φ + sin φ; that is 1 again at 90°.
    """
    for degrees in range(0, 91, 5):
        angle = math.radians(degrees)
        here = complex(0.5, -0.5) * complex(math.cos(angle), math.sin(angle))
        there = complex(-0.5, -0.5) * complex(math.cos(angle), -math.sin(angle))
        apart = here - there
        assert apart.imag == pytest.approx(0, abs=1e-12)
        assert apart.real == pytest.approx(math.cos(angle) + math.sin(angle))


def placed(source: np.ndarray, pieces: int) -> tuple[np.ndarray, np.ndarray]:
    """Which piece came to each cell, and where all pixels would be from, were they of that piece.

    Whole images, moved and turned as the middle of the cell is, `[pieces², H, W]`; −1 beyond edges.
    """
    size = len(source)
    side = size // pieces
    cells = [(i * side, j * side) for i in range(pieces) for j in range(pieces)]
    padded = np.pad(np.arange(size**2).reshape(size, size), size, constant_values=-1)
    around = [padded[y : 2 * size + y + side, x : 2 * size + x + side] for y, x in cells]
    third, came, images = side // 3 + 1, [], []
    for top, left in cells:
        middle = np.s_[top + third : top + side - third, left + third : left + side - third]
        for piece, turns in itertools.product(range(pieces**2), range(4)):
            turned = np.rot90(around[piece], turns)
            image = turned[size - top : 2 * size - top, size - left : 2 * size - left]
            if np.array_equal(image[middle], source[middle]):
                came.append(piece)
                images.append(image)
    return np.array(came), np.stack(images)


@pytest.mark.parametrize(("pieces", "size"), [(2, 24), (3, 36), (4, 64), (5, 60)])
def test_pieces_of_a_puzzle_move_as_a_whole(pieces, size) -> None:
    """Every pixel is where its own cell's piece brings it, or, in a tab, a neighbour's."""
    side = size // pieces
    cell = np.arange(size) // side
    own_cell = cell[:, None] * pieces + cell
    arrangements = set()
    for seed in range(4):
        source = puzzle(pieces, seed).sources(size, size)
        came, images = placed(source, pieces)
        assert sorted(came) == list(range(pieces**2))
        arrangements.add(tuple(came))
        own = np.take_along_axis(images, own_cell[None], 0)[0] == source
        beside = np.zeros_like(own)
        for step in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            row, column = cell[:, None] + step[0], cell + step[1]
            other = row.clip(0, pieces - 1) * pieces + column.clip(0, pieces - 1)
            beside |= np.take_along_axis(images, other[None], 0)[0] == source
        assert (own | beside).all()
        # A tab is most of a disc of radius 0.18 of a side, one at each inner edge; between pieces
        # that stay together, as many of a small puzzle do, it does not show.
        tabs = 2 * pieces * (pieces - 1) * 0.18**2 * math.pi * side**2
        assert (~own).sum() < 1.1 * tabs
        assert pieces < 4 or (~own).sum() > 0.4 * tabs
    assert len(arrangements) > 1


def test_corners_of_a_puzzle_stay_corners() -> None:
    for seed in range(5):
        source = puzzle(4, seed).sources(32, 32)
        ends = [0, -1]
        corners = {int(source[i, j]) for i in ends for j in ends}
        assert corners == {0, 31, 31 * 32, 32 * 32 - 1}


@pytest.mark.parametrize("kind", [pixel_permutation, lambda seed: patch_permutation(4, seed)])
def test_shuffling_is_replayed_and_differs_from_seed_to_seed(kind) -> None:
    x = noise(1, 1, 12, 12)
    assert torch.equal(kind(seed=1)(x), kind(seed=1)(x))
    assert not torch.equal(kind(seed=1)(x), kind(seed=2)(x))


@pytest.mark.parametrize(
    ("name", "same"),
    [
        *((name, 1.0) for name in ("hflip", "quarter_turns 1", "square_hinge 4", "shift 3 -2")),
        *((name, 1.0) for name in ("pixel_permutation 2", "undo patch_permutation 8 1")),
        ("hflip then shift 1", 1.0),
        *((f"puzzle 4 {seed}", 0.9) for seed in range(5)),
        ("inner_circle", 0.9),
        ("skew", 0.4),
    ],
)
def test_a_view_is_the_same_at_four_times_the_size(name, same) -> None:
    """So what holds at 64 holds at 256; edges of pieces are finer, and so are steps of a skew."""
    view, x = view_by_name(name), noise(1, 1, 64, 64)
    large, expected = (
        each.repeat_interleave(4, 2).repeat_interleave(4, 3) for each in (x, view(x))
    )
    apart = (view.enlarged(4)(large) - expected).abs() > 1e-9
    assert float(apart.double().mean()) <= 1 - same


def test_then_goes_from_first_to_last() -> None:
    x = noise(1, 1, 6, 6)
    first, second, third = quarter_turns(1), hflip(), skew(1.0)
    assert torch.equal(first.then(second)(x), second(first(x)))
    assert first.then(second).then(third) == first.then(second.then(third))
    back = first.then(second).then(third).inverted
    assert torch.equal(back(third(second(first(x)))), x)
    assert back.name == "undo skew 1 then hflip then quarter_turns -1"


def test_a_view_of_ones_own_is_undone_by_its_transpose() -> None:
    """The transpose of an orthogonal map is its inverse; also where no gradients are kept."""
    x = noise(2, 3, 9, 9)
    own = custom_view(lambda x: rotate(x, 0.7).roll(2, -1))
    with torch.no_grad():
        torch.testing.assert_close(own.inverse(own(x)), x, rtol=0, atol=1e-12)
        assert not own.inverse(x).requires_grad
    given = custom_view(lambda x: x.flip(-1), lambda x: x.flip(-1) + 0, "mirror")
    assert (given.name, own.name) == ("mirror", "<lambda>")
    assert torch.equal(given.inverse(x), x.flip(-1))
    check(own.then(given), 9, 9)


def test_the_transpose_is_differentiable() -> None:
    x = noise(1, 1, 5, 5).requires_grad_()
    assert torch.autograd.gradcheck(custom_view(lambda x: rotate(x, 0.7)).inverse, x)


def test_groups_are_groups() -> None:
    """Products are in the group again, and no two of its views are the same."""
    x = noise(1, 1, 6, 6)
    for group, order in ((c4(), 4), (d4(), 8), (rotations(1), 1), (rotations(2), 2)):
        images = [view(x) for view in group]
        assert len({image.numpy().tobytes() for image in images}) == order
        for one in group:
            for other in group:
                product = one.then(other)(x)
                assert any(torch.equal(product, image) for image in images)
    turned = {view(x).numpy().tobytes() for view in rotations(4)}
    assert turned == {view(x).numpy().tobytes() for view in c4()}


@pytest.mark.parametrize("count", [3, 8, 12])
def test_rotations_are_evenly_spread(count) -> None:
    """Of a blob near the middle, they make a ring of blobs."""
    place = torch.arange(33, dtype=torch.float64) - 16
    views = rotations(count)
    assert len(views) == count
    blob = torch.exp(-((place[:, None]) ** 2 + (place[None, :] - 6) ** 2) / 8)[None, None]
    angles = []
    for view in views:
        seen = view(blob)[0, 0]
        right, down = (seen.sum(0) * place).sum(), (seen.sum(1) * place).sum()
        angles.append(math.degrees(math.atan2(-down, right)))
    gaps = np.diff([*angles, angles[0]]) % 360
    np.testing.assert_allclose(gaps, 360 / count, atol=1e-3)


def test_bad_arguments_are_named() -> None:
    x = noise(1, 1, 8, 6)
    for view, message in [
        (quarter_turns(1), "8×6 cannot be rotated"),
        (rotation(0.1), "8×6"),
        (puzzle(2), "8×6 has no square parts"),
        (square_hinge(2), "8×6 has no square parts"),
        (patch_permutation(4), "8×6 cannot be cut into 4×4"),
    ]:
        with pytest.raises(JincError, match=message):
            view(x)
    with pytest.raises(JincError, match="12×12 have fewer pixels a side than tiles"):
        square_hinge(10**400)(noise(1, 1, 12, 12))
    with pytest.raises(JincError, match="leave 3 pixels"):
        puzzle(4)(noise(1, 1, 12, 12))
    for make, message in [
        (lambda: rotation(math.nan), "angle"),
        (lambda: fourier_shift(0.0, math.inf), "right"),
        (lambda: skew(math.inf), "skew"),
        (lambda: fourier_shift(1e308), "down: 1e\\+308 is not a number between ±1e9"),
        (lambda: inner_circle(2, 1.5), "radius must be above 0 up to 1"),
        (lambda: pixel_permutation(-1), "seed: must be 0 or more"),
        (lambda: patch_permutation(0), "patches: must be 1 or more"),
        (lambda: puzzle(0), "pieces"),
        (lambda: square_hinge(0), "tiles"),
        (lambda: rotations(0), "rotations"),
    ]:
        with pytest.raises(JincError, match=message):
            make()
    deaf = custom_view(lambda x: torch.ones_like(x), title="deaf")
    with pytest.raises(JincError, match="'deaf' cannot be differentiated"):
        deaf.inverse(x)
