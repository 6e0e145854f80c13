import contextlib
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from jinc.data import MAX_PIXELS, decode_image, fit_image, read_header
from jinc.errors import JincError


@pytest.fixture
def rgb(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["x.png", "x.webp"])
def test_lossless_formats_read_back(tmp_path, rgb, name) -> None:
    Image.fromarray(rgb).save(tmp_path / name, lossless=True)
    np.testing.assert_array_equal(decode_image(tmp_path / name), rgb)
    assert read_header(tmp_path / name) == (9, 6, False)


def test_grey_stays_grey(tmp_path, rgb) -> None:
    grey = np.ascontiguousarray(rgb[..., 0])
    Image.fromarray(grey).save(tmp_path / "x.png")
    np.testing.assert_array_equal(decode_image(tmp_path / "x.png")[..., 0], grey)
    Image.fromarray(grey).save(tmp_path / "x.jpg")
    assert decode_image(tmp_path / "x.jpg").shape == (6, 9, 1)
    assert read_header(tmp_path / "x.jpg").grey


def test_one_bit_is_black_and_white(tmp_path) -> None:
    Image.fromarray(np.eye(8, dtype=bool)).save(tmp_path / "x.png")
    np.testing.assert_array_equal(decode_image(tmp_path / "x.png")[..., 0], 255 * np.eye(8))


def test_sixteen_bits_are_rounded_to_eight(tmp_path) -> None:
    levels = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "x.png")
    expected = [[0, 0, 1, 1, 128, 255]]
    np.testing.assert_array_equal(decode_image(tmp_path / "x.png")[..., 0], expected)
    assert read_header(tmp_path / "x.png").grey


def test_a_palette_gives_its_colours(tmp_path, rgb) -> None:
    picture = Image.fromarray(rgb).quantize(16)
    picture.save(tmp_path / "x.png")
    np.testing.assert_array_equal(decode_image(tmp_path / "x.png"), picture.convert("RGB"))


def test_a_transparent_palette_entry_is_white(tmp_path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "x.png", transparency=b"\x00\xff")
    expected = [[[255, 255, 255], [40, 50, 60]]]
    np.testing.assert_array_equal(decode_image(tmp_path / "x.png"), expected)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_is_white(tmp_path, mode) -> None:
    colour = (80,) * (len(mode) - 1)
    picture = Image.new(mode, (3, 1), (*colour, 255))
    picture.putpixel((0, 0), (*colour, 0))
    picture.putpixel((1, 0), (*colour, 51))  # one fifth
    picture.save(tmp_path / "x.png")
    decoded = decode_image(tmp_path / "x.png")
    assert decoded.shape == (1, 3, len(colour))
    assert decoded[0, :, 0].tolist() == [255, 220, 80]


def test_cmyk_becomes_rgb(tmp_path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "x.jpg", quality=95)
    red = decode_image(tmp_path / "x.jpg").reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(red, [255, 0, 0], atol=6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_upright(tmp_path, rgb, orientation) -> None:
    undo = {1: [], 2: [2], 3: [3], 4: [4], 5: [5], 6: [8], 7: [7], 8: [6]}
    turn = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: lambda a: np.rot90(a, 1),
    }
    stored = rgb
    for step in undo[orientation]:
        stored = turn[step](stored)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(decode_image(tmp_path / "x.png"), rgb)


def noisy(tmp_path: Path, name: str) -> Path:
    pixels = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp"])
@pytest.mark.parametrize("kept", [0, 3, 13, 40, 0.5, 0.9])
def test_truncated_images(tmp_path, name, kept) -> None:
    path = noisy(tmp_path, name)
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(JincError, match=r"not an? |damaged image") as caught:
        decode_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp"])
def test_flipped_bytes_are_an_image_or_an_error(tmp_path, name) -> None:
    path = noisy(tmp_path, name)
    data, rng = path.read_bytes(), np.random.default_rng(3)
    for at in rng.integers(0, min(len(data), 300), 100):
        damaged = bytearray(data)
        damaged[at] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        with contextlib.suppress(JincError):
            assert decode_image(path).dtype == np.uint8


def png_of_size(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [9460, 15_000, 50_000])  # beyond two limits of Pillow's own
def test_a_large_image_is_refused_before_decoding(tmp_path, side, monkeypatch) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png_of_size(side, side))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for read in (read_header, decode_image):
            with pytest.raises(JincError, match=f"{side}x{side} pixels, the limit is 89478485"):
                read(path)


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"quality": 50}, {"icc_profile": b"1" * 9}]
)
def test_a_large_webp_is_refused_before_its_canvas_is_made(tmp_path, options, monkeypatch) -> None:
    path = tmp_path / "x.webp"
    Image.new("RGB", (700, 300)).save(path, **options)
    assert read_header(path) == (700, 300, False)
    monkeypatch.setattr("jinc.data.formats.WebPImagePlugin.WebPImageFile", None)
    with pytest.raises(JincError, match="700x300 pixels, the limit is 200000"):
        decode_image(path, max_pixels=200_000)


def test_the_limit_is_a_parameter(tmp_path, rgb) -> None:
    Image.fromarray(rgb).save(tmp_path / "x.png")
    assert decode_image(tmp_path / "x.png", max_pixels=54).shape == rgb.shape
    with pytest.raises(JincError, match="9x6 pixels, the limit is 53 pixels"):
        decode_image(tmp_path / "x.png", max_pixels=53)


def test_not_an_image(tmp_path) -> None:
    (tmp_path / "x.png").write_text("hello, I am a text")
    with pytest.raises(JincError, match=r"x.png: not an image but a text"):
        decode_image(tmp_path / "x.png")
    with pytest.raises(JincError, match=r"y.png: No such file"):
        decode_image(tmp_path / "y.png")
    with pytest.raises(JincError, match="is a folder"):
        decode_image(tmp_path)


def test_no_thread_and_no_file_is_left_open(tmp_path) -> None:
    before = threading.active_count()
    decode_image(noisy(tmp_path, "x.png"))
    assert threading.active_count() == before


def write_photo(path: Path, size: tuple[int, int]) -> Path:
    """A JPEG of smooth colours, as large as a camera's."""
    across = np.linspace(0, 255, size[0])[None] * np.ones((size[1], 1))
    down = np.linspace(255, 0, size[1])[:, None] * np.ones((1, size[0]))
    pixels = np.stack([across, down, (across + down) / 2], axis=-1)
    Image.fromarray(pixels.astype(np.uint8)).save(path, quality=90)
    return path


def test_a_photo_of_a_camera_is_decoded_small(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("jinc.data.decode._LARGE", 100_000)
    path = write_photo(tmp_path / "x.JPG", (600, 400))
    small, whole = decode_image(path, side=20), decode_image(path)
    assert (small.shape, whole.shape) == ((50, 75, 3), (400, 600, 3))
    near = fit_image(small, 20, 3).astype(int) - fit_image(whole, 20, 3)
    assert abs(near).max() <= 3
    assert decode_image(path, side=80).shape == (200, 300, 3)
    assert decode_image(path, side=150).shape == (400, 600, 3)
    # What is not large keeps its pixels, and so does what is no JPEG.
    monkeypatch.setattr("jinc.data.decode._LARGE", 240_000)
    assert decode_image(path, side=20).shape == (400, 600, 3)


def test_the_limit_is_that_of_pillow() -> None:
    assert MAX_PIXELS == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("kind", ["text", "itxt", "xmp"])
def test_texts_of_a_png_do_not_matter(tmp_path, rgb, compressed, kind) -> None:
    notes = PngImagePlugin.PngInfo()
    words = "a picture of nothing. " * 200_000
    if kind == "text":
        notes.add_text("Comment", words, zip=compressed)
    else:
        key = "XML:com.adobe.xmp" if kind == "xmp" else "Workflow"
        notes.add_itxt(key, words, zip=compressed)
    Image.fromarray(rgb).save(tmp_path / "x.png", pnginfo=notes)
    np.testing.assert_array_equal(decode_image(tmp_path / "x.png"), rgb)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp"])
def test_what_lies_in_its_place_is_named(tmp_path, name) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(JincError, match=f"{name}: not an image but a Git LFS pointer; fetch the"):
        read_header(tmp_path / name)


def test_pixels_of_unknown_white_are_refused(tmp_path) -> None:
    for mode in ("F", "I"):
        Image.new(mode, (4, 4)).save(tmp_path / "x.tif")
        with pytest.raises(JincError, match=r"x\.tif: which of 32-bit values is white is unknown"):
            decode_image(tmp_path / "x.tif")


def test_files_that_people_have(cases) -> None:
    assert decode_image(cases / "meta" / "a.png").ndim == 3
    photo = cases / "camera" / "DSC_0001.JPG"
    assert read_header(photo)[:2] == (6000, 4000)
    assert decode_image(photo, side=64).shape == (500, 750, 3)
    with pytest.raises(JincError, match="Git LFS pointer"):
        decode_image(cases / "lfs" / "4.png")
