"""The table of denoised images shows them: pixels are taken out of the figure again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from jinc.errors import JincError
from jinc.report.image_tables import GAP, plot_denoising

SIGMAS = (0.0, 0.2, 0.5, 1.0)


def images(channels: int = 1, seed: int = 0) -> torch.Tensor:
    """Three examples of 6×8 at each of four levels, some values outside [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return 0.5 + torch.randn(4, 3, channels, 6, 8, generator=generator)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Draw a table; return the axes as matplotlib holds them, `[rows, columns]`."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: object, **kwargs: object) -> None:
        figures.append(figure)
        save(figure, *args, **kwargs)

    def draw(table: dict, **kwargs) -> np.ndarray:
        monkeypatch.setattr(Figure, "savefig", keep)
        plot_denoising(table, SIGMAS, tmp_path / "table.png", **kwargs)
        return np.array(figures[-1].axes).reshape(len(table), len(SIGMAS))

    return draw


@pytest.mark.parametrize("channels", [1, 3])
def test_every_tile_is_its_images_below_each_other(drawn, channels) -> None:
    table = {"noisy": images(channels), "denoised": images(channels, seed=1)}
    axes = drawn(table)
    for row, stack in enumerate(table.values()):
        for column in range(4):
            (shown,) = axes[row, column].get_images()
            tile = np.asarray(shown.get_array())
            assert tile.shape == (3 * 6 + 2 * GAP, 8, 3)
            for example in range(3):
                top = example * (6 + GAP)
                expected = stack[column, example].clamp(0, 1).expand(3, -1, -1).permute(1, 2, 0)
                np.testing.assert_array_equal(tile[top : top + 6], expected.numpy())
                assert (tile[top + 6 : top + 6 + GAP] == 1).all()


def test_rows_columns_and_scores_are_named(drawn) -> None:
    scores = {"blur": ["30 dB", "20 dB", "12 dB", "7 dB"]}
    axes = drawn({"noisy": images(), "blur": images(seed=1)}, scores=scores)
    assert [a.get_title() for a in axes[0]] == ["σ = 0", "σ = 0.2", "σ = 0.5", "σ = 1"]
    assert [a.get_title() for a in axes[1]] == [""] * 4
    assert [a.get_ylabel() for a in axes[:, 0]] == ["noisy", "blur"]
    assert [a.get_xlabel() for a in axes[0]] == [""] * 4
    assert [a.get_xlabel() for a in axes[1]] == scores["blur"]


def test_pixels_are_square_and_tiles_do_not_touch(drawn) -> None:
    axes = drawn({"noisy": images(), "blur": images(seed=1), "median": images(seed=2)})
    boxes = np.array([[a.get_window_extent().bounds for a in row] for row in axes])
    left, bottom, width, height = boxes.transpose(2, 0, 1)
    np.testing.assert_allclose(height / width, (3 * 6 + 2 * GAP) / 8, rtol=1e-3)
    assert (left[:, 1:] > left[:, :-1] + width[:, :-1]).all()
    assert (bottom[:-1] > bottom[1:] + height[1:]).all()
    assert width.min() > 50


def test_it_writes_a_png_of_images_with_gradients(tmp_path) -> None:
    table = {"denoised": images().double().requires_grad_()}
    plot_denoising(table, SIGMAS, tmp_path / "new" / "table.png")
    with Image.open(tmp_path / "new" / "table.png") as picture:
        assert picture.format == "PNG"
        assert len(np.unique(np.asarray(picture))) > 50
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["table.png"]


@pytest.mark.parametrize(
    ("table", "scores", "reason"),
    [
        ({}, None, "needs a row"),
        ({"noisy": images()[0]}, None, r"must be \[sigmas, examples"),
        ({"noisy": images(2)}, None, "1 or 3"),
        ({"noisy": images()[:, :0]}, None, "must be"),
        ({"noisy": images()[:3]}, None, "3 levels of noise for 4"),
        ({"noisy": images(), "blur": images()[:, :2]}, None, "row blur"),
        ({"noisy": images()}, {"blur": ["1"] * 4}, "scores of blur: there is no such row"),
        ({"noisy": images()}, {"noisy": ["1"] * 3}, "scores of noisy: 3 for 4"),
    ],
)
def test_shapes_that_differ_are_an_error(tmp_path, table, scores, reason) -> None:
    with pytest.raises(JincError, match=reason):
        plot_denoising(table, SIGMAS, tmp_path / "table.png", scores)
    assert not list(tmp_path.iterdir())


def test_a_path_that_cannot_be_written_is_an_error(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JincError, match=r"table\.png: "):
        plot_denoising({"noisy": images()}, SIGMAS, tmp_path / "file" / "table.png")
