import numpy as np
import pytest
from PIL import Image, ImageDraw

from jinc.data import decode as flattening
from jinc.data.decode import faint_on, flatten


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16"])
@pytest.mark.parametrize("background", ["white", "black"])
def test_bands_join_without_a_seam(rng, monkeypatch, mode, background) -> None:
    if mode.startswith("I"):
        image = Image.fromarray(rng.integers(0, 65536, (37, 11), dtype=np.uint16)).convert(mode)
    else:
        pixels = rng.integers(0, 256, (37, 11, 4), dtype=np.uint8)
        image = Image.fromarray(pixels, "RGBA")
        image = image if mode == "RGBA" else image.convert("LA" if mode == "LA" else "RGB")
        image = image.convert(mode)
    whole = flatten(image, background)
    monkeypatch.setattr(flattening, "_BAND_PIXELS", 50)
    np.testing.assert_array_equal(flatten(image, background), whole)
    assert whole.mode == ("L" if mode in ("1", "L", "LA", "I", "I;16") else "RGB")
    assert (whole is image) == (mode in ("L", "RGB"))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("size", [(40, 60), (41, 63)])
def test_shrunk_it_is_the_mean_of_blocks(rng, monkeypatch, mode, size) -> None:
    monkeypatch.setattr(flattening, "_BAND_PIXELS", 300)
    pixels = rng.integers(0, 256, (*size[::-1], 4), dtype=np.uint8)
    image = Image.fromarray(pixels, "RGBA")
    image = image if mode == "RGBA" else image.convert("RGB").convert(mode)
    whole = flatten(image)
    np.testing.assert_array_equal(flatten(image, shrink=5), whole.reduce(5))


def drawing(colour: object, mode: str = "RGBA", size: int = 300) -> Image.Image:
    """A few lines on transparency."""
    clear = (255, 255, 255, 0) if mode == "RGBA" else (0, 0)
    image = Image.new(mode, (size, size), clear)
    pen = ImageDraw.Draw(image)
    pen.line((20, 20, size - 20, size - 30), colour, 5)
    pen.ellipse((40, 50, size - 60, size - 50), None, colour, 3)
    return image


@pytest.mark.parametrize(
    ("image", "faint"),
    [
        (drawing((255, 255, 255, 255)), "white"),
        (drawing((250, 250, 235, 255)), "white"),
        (drawing((255, 255, 255, 120)), "white"),
        (drawing((255, 255), "LA"), "white"),
        (drawing((0, 0, 0, 255)), "black"),
        (drawing((0, 255), "LA"), "black"),
        (drawing((200, 30, 30, 255)), None),
        (drawing((128, 128, 128, 255)), None),
        (Image.new("RGBA", (9, 9), (255, 255, 255, 255)), None),
        (Image.new("RGBA", (9, 9), (255, 255, 255, 0)), None),
    ],
)
def test_a_drawing_is_faint_on_its_own_colour(image, faint) -> None:
    assert faint_on(image) == faint


def test_a_page_with_clear_corners_is_well_seen_on_white() -> None:
    page = Image.new("RGBA", (200, 200), (255, 255, 255, 255))
    ImageDraw.Draw(page).text((20, 20), "Some words that are black, " * 3, (0, 0, 0, 255))
    for corner in ((0, 0), (197, 0), (0, 197), (197, 197)):
        page.paste((0, 0, 0, 0), (*corner, corner[0] + 3, corner[1] + 3))
    assert faint_on(page) is None
