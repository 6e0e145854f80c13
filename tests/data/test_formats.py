import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinc.data import decode_image, read_header
from jinc.data.formats import image_format
from jinc.errors import JincError

LOSSLESS = {"BMP": "bmp", "GIF": "gif", "TIFF": "tif", "PNM": "ppm"}


@pytest.fixture(params=LOSSLESS.items())
def sample(request, tmp_path, rng: np.random.Generator) -> tuple[Path, str, np.ndarray]:
    """A picture of fewer than 256 colours under a name without an ending."""
    name, ending = request.param
    pixels = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"x.{ending}")
    return (tmp_path / f"x.{ending}").rename(tmp_path / "x"), name, pixels


def test_a_format_is_recognised_by_content(sample) -> None:
    path, name, pixels = sample
    found = image_format(path.read_bytes()[:32])
    assert found is not None
    assert found.name == name
    np.testing.assert_array_equal(decode_image(path), pixels)
    assert read_header(path) == (9, 6, False)


@pytest.mark.parametrize("ending", ["bmp", "tif", "pgm", "gif"])
def test_grey_is_grey_in_every_format(tmp_path, rng, ending) -> None:
    grey = rng.integers(0, 256, (6, 9), dtype=np.uint8)
    grey[0, :] = 0, 255, 1, 2, 3, 4, 5, 6, 7
    Image.fromarray(grey).save(tmp_path / f"x.{ending}")
    np.testing.assert_array_equal(decode_image(tmp_path / f"x.{ending}")[..., 0], grey)


@pytest.mark.parametrize(
    "head",
    [
        *(
            b"",
            b"P",
            b"P7\n",
            b"P5",
            b"P5x",
            b"Pf\n1 1\n",
            b"PyRGBA\n",
            b"BM",
            b"BMW owners' manual",
        ),
        *(b"GIF", b"II*", b"RIFF1234WAVE", b"%!PS-Adobe-3.0 EPSF", b"8BPS", b"<svg>", b"%PDF-1.7"),
    ],
)
def test_what_is_no_image_or_no_safe_one(tmp_path, head) -> None:
    assert image_format(head) is None
    (tmp_path / "x.png").write_bytes(head)
    with pytest.raises(JincError, match=r"x.png: not an? "):
        decode_image(tmp_path / "x.png")


def test_cut_and_changed_files_are_one_line_or_an_image(sample, rng) -> None:
    path, _, _ = sample
    whole = path.read_bytes()
    for _ in range(60):
        data = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of metadata
            with contextlib.suppress(JincError):  # and nothing else
                decode_image(path, 10_000)
