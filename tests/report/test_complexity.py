"""The picture of complexity shows the maps that the loss uses."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from jinc.diffusion import complexity_normalised
from jinc.errors import JincError
from jinc.report.image_tables import plot_complexity


def images(channels=1):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, channels, 8, 8, generator=generator) * 2 - 1


@pytest.mark.parametrize("channels", [1, 3])
def test_it_writes_a_png(tmp_path, channels) -> None:
    plot_complexity(images(channels), tmp_path / "new" / "c.png")
    with Image.open(tmp_path / "new" / "c.png") as picture:
        assert picture.format == "PNG"
        assert len(np.unique(np.asarray(picture))) > 50
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["c.png"]


def test_it_shows_images_and_maps(tmp_path, monkeypatch) -> None:
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    plot_complexity(images(), tmp_path / "c.png", t=0)
    shown = [np.asarray(a.get_images()[0].get_array()) for a in figures[0].axes if a.get_images()]
    grey = (images().clamp(-1, 1).numpy() + 1) / 2
    maps = complexity_normalised(images()).numpy()
    for i in range(3):
        np.testing.assert_allclose(shown[i], grey[i, 0, :, :, None].repeat(3, -1), atol=1e-6)
        np.testing.assert_allclose(shown[3 + i], maps[i, 0])
        # At t = 0 there is next to no noise: the noised copy is the image.
        np.testing.assert_allclose(shown[6 + i], shown[i], atol=0.03)
        assert shown[9 + i].shape == (8, 8)
        assert 0 < shown[9 + i].mean() < 1 / 8


@pytest.mark.parametrize("size", [(0, 1, 8, 8), (2, 2, 8, 8), (8, 8)])
def test_images_of_other_shapes_are_an_error(tmp_path, size) -> None:
    with pytest.raises(JincError, match="images: "):
        plot_complexity(torch.zeros(size), tmp_path / "c.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("t", [-1, 1000])
def test_a_level_out_of_range_is_an_error(tmp_path, t) -> None:
    with pytest.raises(JincError, match="t: "):
        plot_complexity(images(), tmp_path / "c.png", t=t)
