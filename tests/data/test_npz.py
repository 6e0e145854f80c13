"""NumPy archives of images, as generated sets are handed on."""

import numpy as np
import pytest

from jinc.data import load_images
from jinc.errors import JincError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)


def test_images_and_labels_are_read_as_they_are(tmp_path) -> None:
    labels = np.array([2, 0, 1, 1, 2])
    np.savez(tmp_path / "set.npz", IMAGES, labels)
    found = load_images(tmp_path / "set.npz")
    assert np.array_equal(found.images, IMAGES)
    assert found.labels.tolist() == labels.tolist()
    assert (found.name, found.class_names) == ("set.npz", ("0", "1", "2"))


def test_grey_images_of_any_name(tmp_path) -> None:
    np.savez_compressed(tmp_path / "set.npz", samples=IMAGES[..., 0])
    assert np.array_equal(load_images(tmp_path / "set.npz").images, IMAGES[..., :1])


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"mu": np.zeros(5)}, "holds no array of images called arr_0"),
        ({"arr_0": IMAGES.astype(np.float32)}, "arr_0 is float32"),
        ({"arr_0": IMAGES[..., :2]}, r"arr_0 is uint8 \[5, 4, 4, 2\]"),
        ({"arr_0": IMAGES[:0]}, "holds no images"),
        ({"arr_0": np.array([{}], object)}, "cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_archives_of_other_things(tmp_path, arrays, says) -> None:
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(JincError, match=says):
        load_images(tmp_path / "set.npz")


def test_a_damaged_archive(tmp_path) -> None:
    np.savez(tmp_path / "set.npz", IMAGES)
    data = (tmp_path / "set.npz").read_bytes()
    (tmp_path / "set.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(JincError, match=r"set\.npz: cannot be read"):
        load_images(tmp_path / "set.npz")
