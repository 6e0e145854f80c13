import numpy as np
import pytest
from PIL import Image

from jinc.data import Picture, decode_image, decode_with_alpha, fit, read_picture
from jinc.errors import JincError


@pytest.fixture
def rgba(rng: np.random.Generator) -> np.ndarray:
    """Random colours, also where they are transparent."""
    pixels = rng.integers(0, 256, (6, 9, 4), dtype=np.uint8)
    pixels[:, :3, 3], pixels[:, 3:6, 3] = 0, 255
    return pixels


@pytest.mark.parametrize("name", ["x.png", "x.webp"])
@pytest.mark.parametrize("grey", [False, True])
def test_colours_and_transparency_are_apart(tmp_path, rgba, name, grey) -> None:
    if grey:
        rgba[..., 1] = rgba[..., 2] = rgba[..., 0]
    image = Image.fromarray(rgba)
    if grey and name == "x.png":
        image = image.convert("LA")
    image.save(tmp_path / name, lossless=True, exact=True)
    picture = read_picture(tmp_path / name)
    stored = rgba[..., : picture.channels]
    assert picture.channels == (1 if grey and name == "x.png" else 3)
    np.testing.assert_array_equal(picture.pixels, stored)
    np.testing.assert_array_equal(picture.alpha, rgba[..., 3])
    assert (picture.size, picture.name) == ((6, 9), str(tmp_path / name))


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "I;16", "CMYK", "LA", "RGBA"])
def test_on_white_it_is_what_data_sets_read(tmp_path, rng, mode) -> None:
    name = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (6, 9), dtype=np.uint16))
    else:
        image = Image.fromarray(rng.integers(0, 256, (6, 9, 4), dtype=np.uint8), "RGBA")
        image = image.convert("RGB").convert(mode) if mode in "L RGB P 1 CMYK" else image
    image.convert(mode).save(name)
    picture = read_picture(name)
    assert (picture.alpha is None) == (mode not in ("LA", "RGBA"))
    np.testing.assert_array_equal(picture.on("white"), decode_image(name))


def test_a_transparent_palette_entry(tmp_path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "x.png", transparency=b"\x00\xff")
    pixels, alpha = decode_with_alpha(tmp_path / "x.png")
    assert pixels.tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert alpha is not None
    assert alpha.tolist() == [[0, 255]]


def test_laid_on_a_colour_by_the_share_of_alpha() -> None:
    picture = Picture(np.full((1, 3, 3), 80, np.uint8), np.array([[0, 51, 255]], np.uint8))
    assert picture.on("white")[0, :, 0].tolist() == [255, 220, 80]
    assert picture.on("black")[0, :, 0].tolist() == [0, 16, 80]
    assert picture.on("red")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_it_is_upright(tmp_path, rgba, orientation) -> None:
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    stored = np.ascontiguousarray(np.rot90(rgba, turns))
    Image.fromarray(stored).save(tmp_path / "x.png", exif=exif)
    picture = read_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(picture.pixels, rgba[..., :3])
    np.testing.assert_array_equal(picture.alpha, rgba[..., 3])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("transparent", [False, True])
def test_saved_it_reads_back(tmp_path, rgba, channels, transparent) -> None:
    picture = Picture(rgba[..., :channels].copy(), rgba[..., 3] if transparent else None)
    picture.save(tmp_path / "new" / "x.png")
    again = read_picture(tmp_path / "new" / "x.png")
    np.testing.assert_array_equal(again.pixels, picture.pixels)
    np.testing.assert_array_equal(again.alpha, picture.alpha)


def test_the_limit_is_looked_at_first(tmp_path, rgba, monkeypatch) -> None:
    Image.fromarray(rgba).save(tmp_path / "x.png")
    assert read_picture(tmp_path / "x.png", max_pixels=54).size == (6, 9)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(JincError, match=r"x\.png: 9x6 pixels, the limit is 53 pixels"):
        read_picture(tmp_path / "x.png", max_pixels=53)


def test_what_is_no_picture(tmp_path) -> None:
    (tmp_path / "x.png").write_text("text")
    with pytest.raises(JincError, match=r"x\.png: not an image but a text"):
        read_picture(tmp_path / "x.png")
    for shape in ((4, 4), (4, 4, 2), (0, 4, 3)):
        with pytest.raises(JincError, match="is not uint8"):
            Picture(np.zeros(shape, np.uint8))
    with pytest.raises(JincError, match="is not uint8"):
        Picture(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(JincError, match="alpha"):
        Picture(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8))


@pytest.mark.parametrize(("colour", "ground"), [(255, "black"), (240, "black"), (0, "white")])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_light_drawing_lies_on_black(colour, ground, channels) -> None:
    alpha = np.zeros((40, 40), np.uint8)
    alpha[5:30, 12:15] = 255
    picture = Picture(np.full((40, 40, channels), colour, np.uint8), alpha)
    assert picture.background == ground
    image, _ = fit(picture, (20, 20), channels)
    assert float(image.std()) > 0.3
