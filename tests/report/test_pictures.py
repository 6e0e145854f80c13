"""Pictures come out of a page as they went in, and never take too much of it."""

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.data import ImageSet, save_animation
from jinc.errors import JincError
from jinc.report.neighbours import RealImages, neighbour_table
from jinc.report.pages.samples import collage
from jinc.report.pictures import animation, embedded, first_frame, grid


def opened(uri: str) -> Image.Image:
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(BytesIO(base64.b64decode(data)))


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_small_images_are_lossless(channels) -> None:
    pixels = noise(9, 7, channels)
    found = embedded(pixels)
    assert (found.width, found.height, found.exact) == (7, 9, True)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    back = np.asarray(opened(found.uri).convert(mode)).reshape(pixels.shape)
    if channels == 4:  # what cannot be seen may change
        pixels, back = (each[each[..., 3] > 0] for each in (pixels, back))
    assert np.array_equal(back, pixels)


def test_large_images_are_compressed() -> None:
    found = embedded(noise(900, 900, 3), most=60_000)
    assert not found.exact
    assert len(found.uri) <= 60_000 * 4 / 3 + 100


def test_a_grid_has_transparent_gaps() -> None:
    images = torch.from_numpy(noise(6, 1, 5, 5))
    whole = grid(images, columns=3)
    assert whole.shape == (11, 17, 4)
    for place, image in enumerate(images[:, 0]):
        row, column = divmod(place, 3)
        tile = whole[row * 6 : row * 6 + 5, column * 6 : column * 6 + 5]
        assert np.array_equal(tile[..., 1], image)
        assert (tile[..., 3] == 255).all()
    assert (whole[..., 3] == 0).sum() == 11 * 17 - 6 * 25


def test_a_class_has_its_column_where_they_fit() -> None:
    labels = np.arange(50, dtype=np.uint8)[:, None, None, None] % 5
    numbered = ImageSet(np.tile(labels, (1, 4, 4, 1)), None, (), "")
    pixels = np.asarray(opened(collage(numbered, 8, classes=5, most=10**6).uri).convert("RGBA"))
    assert pixels.shape[:2] == (5 * 5 - 1, 5 * 5 - 1)
    for label in range(5):
        column = pixels[:, 5 * label : 5 * label + 4].reshape(-1, 4)
        assert {*column[column[:, 3] > 0, 0].tolist()} == {label}


def test_animations_move_and_large_ones_are_made_smaller(tmp_path) -> None:
    frames = [noise(160, 160, 3) // (k + 1) for k in range(4)]
    save_animation(tmp_path / "a.webp", frames)
    whole = animation(tmp_path / "a.webp", most=10_000_000)
    assert (opened(whole.uri).n_frames, whole.exact, whole.width) == (4, True, 160)
    small = animation(tmp_path / "a.webp", most=30_000)
    assert (opened(small.uri).n_frames, small.exact) == (4, False)
    assert len(small.uri) <= 30_000 * 4 / 3 + 100
    still = np.asarray(opened(first_frame(tmp_path / "a.webp", most=10**6).uri).convert("RGB"))
    assert np.array_equal(still, frames[0])


def test_a_malformed_animation_is_an_error(tmp_path) -> None:
    (tmp_path / "a.webp").write_bytes(b"RIFF....WEBPVP8 nonsense")
    with pytest.raises(JincError, match=r"a\.webp: is no animation"):
        animation(tmp_path / "a.webp", most=10**6)


def test_a_copy_stands_out_from_plain_images() -> None:
    train = noise(40, 6, 6, 1)
    train[20:] = 7  # plain ones, which are near to one another
    made = 255 - noise(5, 6, 6, 1)
    made[3] = train[11]
    made[4] = 9
    sets = [ImageSet(pixels, None, (), "") for pixels in (made, train)]
    real = RealImages(torch.zeros(1, 1, 6, 6), "", train=sets[1], trained=400)
    found = neighbour_table({"": [lambda most: sets[0]]}, real)
    (row,) = found.rows[0].shown
    assert row.near[0][1].value == 0
    assert row.generated.uri == embedded(grid(sets[0].batch([3]))).uri
    assert (found.searched, found.among, found.trained, found.usual) == (5, 40, 400, None)
