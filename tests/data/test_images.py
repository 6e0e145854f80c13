import numpy as np
import pytest
import torch
from PIL import Image

from jinc.data import image_grid, load_images, save_images, save_png, to_float, to_uint8
from jinc.errors import JincError

ALL = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)


def test_bytes_go_there_and_back_exactly() -> None:
    there = to_float(ALL)
    assert (there.dtype, there.min(), there.max()) == (torch.float32, -1, 1)
    assert torch.equal(to_uint8(there), ALL)
    assert torch.equal(to_uint8(there.double()), ALL)
    assert torch.equal(to_uint8(there.clone().requires_grad_()), ALL)


def test_floats_are_clamped_and_rounded() -> None:
    values = torch.tensor([-9.0, -1.001, 0.0, 1.001, float("inf"), -float("inf")])
    assert to_uint8(values).tolist() == [0, 0, 128, 255, 255, 0]
    step = 2 / 255
    assert to_uint8(torch.tensor([-1 + 0.49 * step, -1 + 0.51 * step])).tolist() == [0, 1]


def test_nan_is_never_silent() -> None:
    with pytest.raises(JincError, match="not numbers"):
        to_uint8(torch.tensor([0.0, float("nan")]))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 5, 6])
@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("padding", [0, 2])
def test_every_image_lies_in_its_place(channels, count, scale, padding) -> None:
    images = torch.randint(0, 255, (count, channels, 4, 6), dtype=torch.uint8)
    grid = image_grid(images, columns=3, padding=padding, scale=scale)
    columns, rows = min(3, count), -(-count // 3)
    assert grid.shape == (
        padding + rows * (4 * scale + padding),
        padding + columns * (6 * scale + padding),
        3,
    )
    for index, image in enumerate(images):
        top = padding + index // 3 * (4 * scale + padding)
        left = padding + index % 3 * (6 * scale + padding)
        tile = grid[top : top + 4 * scale : scale, left : left + 6 * scale : scale]
        np.testing.assert_array_equal(tile, image.permute(1, 2, 0).expand(-1, -1, 3))
    inside = count * 24 * scale**2
    assert (grid == 255).all(axis=-1).sum() >= grid.shape[0] * grid.shape[1] - inside


def test_a_grid_is_about_square_and_takes_floats() -> None:
    images = torch.zeros(10, 1, 8, 8)
    assert image_grid(images, padding=0).shape == (24, 32, 3)
    assert (image_grid(images[:1], padding=0) == 128).all()


@pytest.mark.parametrize("options", [{"columns": 0}, {"padding": -1}, {"scale": 0}])
def test_grid_arguments_out_of_range(options) -> None:
    with pytest.raises(JincError, match="a grid needs"):
        image_grid(torch.zeros(2, 1, 4, 4), **options)
    with pytest.raises(JincError, match="a grid needs"):
        image_grid(torch.zeros(0, 1, 4, 4))
    with pytest.raises(JincError, match=r"images must be .* not \[2, 2, 4, 4\]"):
        image_grid(torch.zeros(2, 2, 4, 4))


def test_one_image_is_saved_as_it_is_and_several_as_a_grid(tmp_path) -> None:
    save_png(tmp_path / "new" / "one.png", ALL)
    with Image.open(tmp_path / "new" / "one.png") as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(picture, ALL[0, 0])
    several = ALL.expand(4, 3, 16, 16)
    save_png(tmp_path / "grid.png", several)
    with Image.open(tmp_path / "grid.png") as picture:
        np.testing.assert_array_equal(picture, image_grid(several))
    save_png(tmp_path / "array.png", image_grid(several))
    assert (tmp_path / "array.png").read_bytes() == (tmp_path / "grid.png").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["array.png", "grid.png", "new"]


@pytest.mark.parametrize("channels", [1, 3])
def test_saved_images_load_as_a_set(tmp_path, channels) -> None:
    images = torch.randint(0, 256, (5, channels, 8, 8), dtype=torch.uint8)
    paths = save_images(tmp_path / "out", images[:3])
    paths += save_images(tmp_path / "out", to_float(images[3:]), start=3)
    assert [path.name for path in paths] == [f"00000{i}.png" for i in range(5)]
    assert torch.equal(load_images(tmp_path / "out").batch(range(5)), images)


def test_a_failed_save_leaves_the_older_file(tmp_path, monkeypatch) -> None:
    save_png(tmp_path / "x.png", ALL)
    before = (tmp_path / "x.png").read_bytes()

    def fail(self: Image.Image, file: object, kind: str) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(JincError, match=r"x.png: No space left on device"):
        save_png(tmp_path / "x.png", 255 - ALL)
    assert (tmp_path / "x.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_long_name_can_be_saved(tmp_path) -> None:
    save_png(tmp_path / ("ж" * 120 + ".png"), ALL)


def test_saving_where_a_file_is_in_the_way(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JincError, match=r"x.png: (Not a directory|File exists)"):
        save_png(tmp_path / "file" / "x.png", ALL)
