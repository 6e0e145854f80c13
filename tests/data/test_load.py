import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinc.data import load_images
from jinc.errors import JincError


def refused(source: str | Path, reason: str, **options: object) -> None:
    with pytest.raises(JincError, match=reason) as caught:
        load_images(source, **options)
    assert "\n" not in str(caught.value)


def test_missing_path(tmp_path) -> None:
    refused(tmp_path / "nothing", f"^{tmp_path}/nothing: No such file")
    refused("null\0byte", "null byte")
    refused("x" * 5000, "name too long")


def test_empty_folder(tmp_path) -> None:
    refused(tmp_path, f"^{tmp_path}: no PNG, JPEG, .* images in this folder")


def test_a_path_called_digits_is_a_path(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    Image.new("L", (3, 3)).save(tmp_path / "digits" / "1.png")
    assert len(load_images("./digits")) == 1
    assert len(load_images(Path("digits"))) == 1
    assert len(load_images("digits")) == 1797


@pytest.mark.parametrize("data", [b"", b"hello", bytes(100)])
def test_unknown_file(tmp_path, data) -> None:
    (tmp_path / "x.dat").write_bytes(data)
    refused(tmp_path / "x.dat", "x.dat: not an idx, CSV, NumPy or CIFAR file")


def test_one_image_is_no_set(tmp_path) -> None:
    Image.new("L", (3, 3)).save(tmp_path / "1.png")
    refused(tmp_path / "1.png", "1.png: this is one image")


def test_not_a_regular_file(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    refused(tmp_path / "pipe.csv", "pipe.csv: is not a regular file")


@pytest.mark.parametrize("name", ["x.csv", "x.bin", "x-idx3-ubyte"])
def test_permission(tmp_path, name, monkeypatch) -> None:
    (tmp_path / name).touch()

    def denied(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    refused(tmp_path / name, f"^{tmp_path}/{name}: Permission denied$")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"image_size": 0}, "image_size must be 1 or more"),
        ({"image_size": 10**6}, "image_size 1000000 is over the limit of 89478485 pixels"),
        ({"channels": 4}, "channels must be 1"),
        ({"resize_filter": "sinc"}, "resize_filter must be one of"),
        ({"split": "dev"}, "split must be one of train, val, test, all, not 'dev'"),
        ({"max_pixels": 63}, "digits: images of 8x8, the limit is 63 pixels"),
    ],
)
def test_options_out_of_range(options, reason) -> None:
    refused("digits", reason, **options)


def test_too_large_an_image_in_a_folder(tmp_path) -> None:
    Image.new("L", (40, 40)).save(tmp_path / "1.png")
    refused(tmp_path, "1.png: 40x40 pixels, the limit is 1500 pixels", max_pixels=1500)


def test_resizing_does_not_depend_on_the_format(tmp_path, rng, write_idx) -> None:
    grey = rng.integers(0, 256, (4, 9, 9), dtype=np.uint8)
    path = write_idx(tmp_path / "x-images-idx3-ubyte", grey)
    (tmp_path / "folder").mkdir()
    for index, image in enumerate(grey):
        Image.fromarray(image).save(tmp_path / "folder" / f"{index}.png")
    options = {"image_size": 5, "channels": 3, "resize_filter": "bicubic"}
    from_idx = load_images(path, **options)
    from_folder = load_images(tmp_path / "folder", **options)
    np.testing.assert_array_equal(from_idx.images, from_folder.images)
