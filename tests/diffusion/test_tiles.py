"""Large images tile by tile: nothing is left out, counted twice, or seen."""

from itertools import pairwise

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    SeededNoise,
    Tiles,
    cfg,
    ddim,
    gaussian,
    generate,
    tiled,
)
from jinc.errors import JincError

T = torch.tensor([30, 999])

LAYOUTS = (
    Tiles((32, 32), (32, 32), overlap=8),
    Tiles((33, 47), (16, 16), overlap=4),
    Tiles((33, 47), (16, 16), overlap=15),
    Tiles((17, 16), (16, 16), overlap=8),
    Tiles((40, 24), (16, 8), overlap=0),
    Tiles((1, 24), (1, 8), overlap=4),
    Tiles((44, 100), (32, 20), overlap=8, unit=4),
)


def images(size, batch=2):
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("tiles", LAYOUTS, ids=str)
def test_weights_add_up_to_one_and_fall_off_to_the_edges_within(tiles) -> None:
    total = torch.zeros(tiles.size).double()
    for (rows, columns), weight in zip(tiles.places, tiles.weights, strict=True):
        assert weight.shape == (1, *tiles.tile)
        assert (weight > 0).all()
        total[rows, columns] += weight[0]
    torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("tiles", LAYOUTS, ids=str)
def test_tiles_lie_inside_share_what_they_must_and_are_few(tiles) -> None:
    for axis in (0, 1):
        starts = sorted({place[axis].start for place in tiles.places})
        size, tile = tiles.size[axis], tiles.tile[axis]
        assert starts[0] == 0
        assert starts[-1] == size - tile
        assert all(start % tiles.unit == 0 for start in starts)
        assert all(left + tile - right >= tiles.overlap for left, right in pairwise(starts))
        fewer = (len(starts) - 2) * (tile - tiles.overlap) + tile
        assert len(starts) == 1 or fewer < size


def test_weights_change_by_little_from_pixel_to_pixel() -> None:
    """Where two tiles meet, none of them sets in: a seam would."""
    tiles = Tiles((64, 40), (40, 40), overlap=16)
    profile = tiles.weights[0, 0, :, 0]
    assert profile[0] == 1
    assert profile[-1] < 0.01
    assert profile.diff().abs().max() < torch.pi / 2 / 16 + 1e-9
    assert (profile.diff() <= 0).all()


@pytest.mark.parametrize("tiles", LAYOUTS, ids=str)
def test_pixel_by_pixel_tiles_change_nothing(tiles) -> None:
    def pointwise(x_t, t):
        return (x_t * t.view(-1, 1, 1, 1)).sin() + x_t**2

    x_t = images(tiles.size)
    torch.testing.assert_close(tiled([pointwise], tiles)(x_t, T), pointwise(x_t, T))


def test_every_tile_has_its_denoiser() -> None:
    tiles = Tiles((8, 20), (8, 8), overlap=2)
    shown = torch.arange(20.0).double().expand(1, 1, 8, 20)
    leaves = [lambda x_t, t, at=place: 0 * x_t + shown[..., *at] for place in tiles.places]
    found = tiled(leaves, tiles)(torch.zeros(1, 1, 8, 20).double(), T[:1])
    torch.testing.assert_close(found, shown)


def test_weights_are_brought_to_each_type_once_and_rounded_alone() -> None:
    tiles = Tiles((33, 47), (16, 16), overlap=4)
    effect = tiled([lambda x_t, t: x_t**2], tiles)
    for dtype in (torch.float64, torch.float32, torch.float64):
        x_t = images(tiles.size).to(dtype)
        for _ in range(2):
            torch.testing.assert_close(effect(x_t, T), x_t**2)
    kept = list(effect._weights.values())
    assert [weights.dtype for weights in kept] == [torch.float64, torch.float32]
    effect(images(tiles.size), T)
    assert all(a is b for a, b in zip(kept, effect._weights.values(), strict=True))


def test_all_tiles_and_all_branches_are_one_call(counting) -> None:
    tiles = Tiles((8, 20), (8, 8), overlap=2)
    cat, dog = (tiled([counting.times(factor)], tiles) for factor in (3.0, 2.0))
    x_t = images((8, 20))
    found = cfg(cat, dog, 7.0)(x_t, T)
    torch.testing.assert_close(found, (2 + 7 * (3 - 2)) * x_t)
    assert counting.calls == [2 * 2 * len(tiles.places)]


def test_sampling_a_stationary_texture_leaves_no_seam() -> None:
    """Lines of an exact denoiser whose memory is shorter than the overlap.

    Gaussian noise with correlation 0.6^distance: along the line the variance, and how like
    neighbours are, are the same in the middle of tiles, where they meet, and as they should be.
    """
    size, tile, steps = 48, 16, 30
    distance = (torch.arange(tile)[:, None] - torch.arange(tile)).abs().double()
    schedule = Schedule.cosine(T=steps)
    oracle = gaussian(schedule, torch.zeros(1, 1, tile).double(), 0.6**distance)
    x_T = torch.randn(1500, 1, 1, size, generator=torch.Generator().manual_seed(1)).double()
    likeness = {}
    for overlap in (0, 8):
        effect = tiled([oracle], Tiles((1, size), (1, tile), overlap))
        x = generate(effect, schedule, x_T, method=ddim(), steps=steps)
        likeness[overlap] = _likeness(x[:, 0, 0])
    assert likeness[0][[15, 31]].abs().max() < 0.1  # without an overlap there are seams
    assert (likeness[8] - 0.6).abs().max() < 0.12


def _likeness(line):
    """Correlation of each pixel with the next."""
    correlation = torch.corrcoef(line.T)
    return correlation.diagonal(1)


def test_noise_of_a_large_image_does_not_depend_on_the_tiles() -> None:
    tiles = Tiles((12, 20), (8, 8), overlap=4)
    noise = SeededNoise(0, [4])
    x_T = noise(torch.zeros(1, 3, 12, 20))
    again = generate(tiled([lambda x_t, t: 0.5 * x_t], tiles), Schedule.linear(), x_T, steps=5)
    whole = generate(lambda x_t, t: 0.5 * x_t, Schedule.linear(), x_T, steps=5)
    torch.testing.assert_close(again, whole)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (((8, 8), (16, 8), 0), "16×8 of 8×8.* larger than the image"),
        (((32, 32), (16, 16), 16), "overlap: 16 is not from 0 to below a tile, 16"),
        (((32, 32), (16, 16), -1), "overlap: -1"),
        (((33, 32), (16, 16), 4, 4), "no multiples of 4"),
        (((32, 32), (16, 16), 6, 4), "no multiples of 4"),
        (((32, 32), (16, 16), 4, 0), "no multiples of 0"),
    ],
)
def test_tiles_that_cannot_be(arguments, says) -> None:
    with pytest.raises(JincError, match=says):
        Tiles(*arguments)


def test_denoisers_and_images_that_do_not_fit_are_refused() -> None:
    tiles = Tiles((8, 20), (8, 8), overlap=2)
    with pytest.raises(JincError, match="2 denoisers for 3 tiles"):
        tiled([lambda x_t, t: x_t] * 2, tiles)
    with pytest.raises(JincError, match="tiles of 8×20 cannot cover images of 20×8"):
        tiled([lambda x_t, t: x_t], tiles)(images((20, 8)), T)
