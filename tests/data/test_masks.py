"""What is generated: from files, transparency and rectangles; and how edges move and soften."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from jinc.data import Box, Mask, Picture, read_mask
from jinc.data.masks import coarse, grown, ramp
from jinc.errors import JincError

SQUARE = np.ones((3, 3), bool)


def picture(height: int = 12, width: int = 16, alpha: np.ndarray | None = None) -> Picture:
    return Picture(np.zeros((height, width, 3), np.uint8), alpha, "cat.png")


def blobs(seed: int = 0, size: tuple[int, int] = (12, 16)) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal(size)
    return ndimage.gaussian_filter(drawn, 2) > 0.1


def test_white_is_generated(tmp_path) -> None:
    grey = np.zeros((12, 16), np.uint8)
    grey[2, 3], grey[4, 5], grey[6, 7] = 255, 128, 127
    Image.fromarray(grey).save(tmp_path / "m.png")
    mask = read_mask(str(tmp_path / "m.png"), picture())
    assert np.argwhere(mask.generate).tolist() == [[2, 3], [4, 5]]
    assert mask.size == (12, 16)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_every_kind_of_black_and_white(tmp_path, mode) -> None:
    drawn = blobs()
    values = drawn.astype(np.uint16) * 65535 if mode == "I;16" else drawn.astype(np.uint8) * 255
    image = Image.fromarray(values)
    (image if mode == "I;16" else image.convert(mode)).save(tmp_path / "m.png")
    mask = read_mask(str(tmp_path / "m.png"), picture())
    np.testing.assert_array_equal(mask.generate, drawn)


def test_what_nobody_painted_stays(tmp_path) -> None:
    """A brush on a transparent layer, whose colours under it may be anything."""
    drawn = blobs()
    pixels = np.full((12, 16, 4), 255, np.uint8)
    pixels[..., 3] = drawn * 255
    Image.fromarray(pixels).save(tmp_path / "m.png")
    mask = read_mask(str(tmp_path / "m.png"), picture())
    np.testing.assert_array_equal(mask.generate, drawn)


def test_what_is_not_opaque_is_generated() -> None:
    alpha = np.full((12, 16), 255, np.uint8)
    alpha[1, 2], alpha[3, 4] = 0, 254
    mask = read_mask("alpha", picture(alpha=alpha))
    assert np.argwhere(mask.generate).tolist() == [[1, 2], [3, 4]]
    for opaque in (None, np.full((12, 16), 255, np.uint8)):
        with pytest.raises(JincError, match=r"cat\.png: is nowhere transparent"):
            read_mask("alpha", picture(alpha=opaque))


def test_a_rectangle() -> None:
    mask = read_mask("25%,0,50%,6", picture())
    expected = np.zeros((12, 16), bool)
    expected[:6, 4:12] = True
    np.testing.assert_array_equal(mask.generate, expected)
    assert mask.bounds == Box(4, 0, 8, 6)


def test_a_file_goes_before_a_rectangle_of_its_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (16, 12), 255).save("0,0,1,1", "PNG")
    assert read_mask("0,0,1,1", picture()).generate.all()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("nowhere.png", r"mask: 'nowhere.png' is no file, nor alpha, nor x,y,width,height"),
        ("x" * 5000, "is no file"),
        ("a\0b", "is no file"),
        ("1,2,3", "is no file"),
        ("10,0,10,2", "mask: '10,0,10,2' reaches beyond the picture of 16×12 pixels"),
        ("1,2,0,4", "mask: '1,2,0,4' holds no pixel"),
    ],
)
def test_what_says_nothing(words, says) -> None:
    with pytest.raises(JincError, match=says) as caught:
        read_mask(words, picture())
    assert "\n" not in str(caught.value)


def test_masks_that_do_not_fit_or_are_empty(tmp_path) -> None:
    Image.new("L", (12, 16), 255).save(tmp_path / "turned.png")
    Image.new("L", (16, 12), 0).save(tmp_path / "black.png")
    (tmp_path / "text.png").write_text("text")
    for name, says in {
        "turned.png": "the mask has 12×16 pixels, its picture cat.png 16×12",
        "black.png": "the mask is empty",
        "text.png": "not an image but a text",
    }.items():
        with pytest.raises(JincError, match=says) as caught:
            read_mask(str(tmp_path / name), picture())
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
    for options, says in ({"grow": -1}, "grow: -1"), ({"feather": -2}, "feather: -2"):
        with pytest.raises(JincError, match=says):
            read_mask("0,0,4,4", picture(), **options)


@pytest.mark.parametrize("by", [0, 1, 2, 5, 40])
@pytest.mark.parametrize("seed", [0, 1])
def test_growing_is_dilation_by_a_square(by, seed) -> None:
    drawn = blobs(seed)
    expected = ndimage.binary_dilation(drawn, SQUARE, by) if by else drawn
    np.testing.assert_array_equal(grown(drawn, by), expected)
    assert read_mask("3,3,4,4", picture(), grow=2).bounds == Box(1, 1, 8, 8)


@pytest.mark.parametrize("size", [(12, 16), (5, 7), (1, 1), (24, 32), (12, 3), (17, 40)])
def test_a_pixel_is_generated_if_any_that_it_overlaps_is(size) -> None:
    drawn = np.random.default_rng(1).random((12, 16)) < 0.03
    found = coarse(drawn, size)
    for row, column in np.ndindex(*size):
        top, bottom = row * 12 / size[0], (row + 1) * 12 / size[0]
        left, right = column * 16 / size[1], (column + 1) * 16 / size[1]
        overlapped = [
            drawn[r, c]
            for r, c in np.ndindex(12, 16)
            if min(r + 1, bottom) - max(r, top) > 1e-9 and min(c + 1, right) - max(c, left) > 1e-9
        ]
        assert found[row, column] == any(overlapped)


@pytest.mark.parametrize("feather", [0, 1, 2, 3, 9])
def test_the_ramp_is_the_depth_within_the_mask(feather) -> None:
    """Depth by scipy's chessboard distance; the edge of the picture is no edge of the mask."""
    drawn = blobs(2, (24, 30))
    wide = np.pad(drawn, 30, "edge")
    depth = ndimage.distance_transform_cdt(wide, "chessboard")[30:-30, 30:-30]
    expected = np.minimum(depth, feather + 1) / min(depth.max(), feather + 1)
    found = ramp(drawn, feather, Box.whole(drawn.shape))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(found > 0, drawn)
    assert found.max() == 1


def test_where_the_part_ends_is_an_edge_and_where_the_picture_ends_is_none() -> None:
    everything = np.ones((8, 10), bool)
    assert (ramp(everything, 3, Box.whole((8, 10))) == 1).all()
    part = ramp(everything, 1, Box(4, 0, 6, 5))
    expected = np.ones((5, 6))
    expected[-1, :] = expected[:, 0] = 0.5
    np.testing.assert_allclose(part, expected)


def test_thin_masks_are_seen_too() -> None:
    line = np.zeros((9, 9), bool)
    line[4] = True
    found = ramp(line, 20, Box.whole((9, 9)))
    np.testing.assert_array_equal(found, line)


def test_a_mask_that_does_nothing_is_none() -> None:
    with pytest.raises(JincError, match="mask: the mask is empty"):
        Mask(np.zeros((3, 3), bool))
