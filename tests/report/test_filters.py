"""The picture of a filter shows the filter: its numbers are taken out of the figure again."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from jinc.errors import JincError
from jinc.nn import parse_config, parse_configs
from jinc.report import plot_filter
from jinc.report.filters import FLOOR_DB, decibels


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Draw a filter, but not into pixels; return the figure as matplotlib holds it."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))

    def draw(name: str) -> Figure:
        plot_filter(parse_configs(name), tmp_path / "f.png")
        return figures[-1]

    return draw


@pytest.mark.parametrize("name", ["D@12", "D+norm-2N"])
def test_it_writes_a_png(tmp_path, name) -> None:
    plot_filter(parse_config(name), tmp_path / "new" / "f.png")
    with Image.open(tmp_path / "new" / "f.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
        assert len(np.unique(np.asarray(picture))) > 50
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["f.png"]


@pytest.mark.parametrize("name", ["A", "D@ideal", "A,D@ideal"])
def test_a_design_without_taps_is_an_error(tmp_path, name) -> None:
    with pytest.raises(JincError, match=f"{name} has no filter taps"):
        plot_filter(parse_configs(name), tmp_path / "f.png")
    assert not list(tmp_path.iterdir())


def test_each_level_is_drawn(drawn) -> None:
    """Once a design, where it is found first; A and the ideal filter have nothing to show."""
    figure = drawn("D@12/0.2,A,D@6,D@12/0.2,D@ideal,B@6")
    titles = [row.get_suptitle().partition(":")[0] for row in figure.subfigs]
    assert titles == ["D@12/0.2 at level 0 and at level 3", "D@6 at level 2", "B@6 from level 5 on"]
    for row, name in zip(figure.subfigs, ("D@12/0.2", "D@6", "B@6"), strict=True):
        config = parse_config(name)
        shown = np.asarray(row.axes[0].get_images()[0].get_array())
        np.testing.assert_array_equal(shown, config.kernel().numpy())
        cutoff = row.axes[2].get_lines()[-1]
        assert set(cutoff.get_xdata()) == {config.cutoff}


def test_a_path_that_cannot_be_written_is_an_error(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JincError, match=r"f\.png: "):
        plot_filter(parse_config("D@6"), tmp_path / "file" / "f.png")


def test_decibels() -> None:
    gain = torch.tensor([1, 10, 0.1, -0.1, 0.5, 2**-0.5, 0, 1e-30], dtype=torch.float64)
    expected = [0, 20, -20, -20, -6.0206, -3.0103, FLOOR_DB, FLOOR_DB]
    assert decibels(gain).tolist() == pytest.approx(expected, abs=1e-4)
    a, b = torch.rand(2, 50, dtype=torch.float64) + 0.5
    torch.testing.assert_close(decibels(a * b), decibels(a) + decibels(b))


@pytest.mark.parametrize("name", ["D@6", "D@12/0.2", "D-1N/6", "B-2/5"])
def test_the_lines_are_the_gain_of_plane_waves(drawn, name) -> None:
    """A plane wave of frequency f, filtered by hand, is louder or softer by the plotted dB."""
    config = parse_config(name)
    taps = config.kernel().numpy()
    place = np.arange(len(taps)) - (len(taps) - 1) / 2
    lines = drawn(name).axes[2].get_lines()
    turns = {"along a row": 0.0, "at 22.5°": math.pi / 8, "at 45°": math.pi / 4}
    assert {line.get_label() for line in lines} == {*turns, "cutoff"}
    for line in lines:
        if line.get_label() == "cutoff":
            assert set(line.get_xdata()) == {config.cutoff}
            continue
        turn = turns[line.get_label()]
        for at in (0, 100, 250, 400, 500):
            f, shown = line.get_xdata()[at], line.get_ydata()[at]
            fx, fy = f * math.cos(turn), f * math.sin(turn)
            wave = np.exp(2j * np.pi * (fx * place[None, :] + fy * place[:, None]))
            true = 20 * math.log10(max(abs((taps * wave).sum()), 1e-12))
            assert shown == pytest.approx(max(true, FLOOR_DB), abs=1e-6)


@pytest.mark.parametrize("name", ["D@12", "D-2N"])
def test_the_plane_is_the_spectrum_of_the_taps(drawn, name) -> None:
    shown = np.asarray(drawn(name).axes[1].get_images()[0].get_array())
    taps = parse_config(name).kernel().numpy()
    spectrum = np.fft.fftshift(np.abs(np.fft.fft2(taps, (256, 256))))
    with np.errstate(divide="ignore"):
        true = np.maximum(20 * np.log10(spectrum), FLOOR_DB)
    # The plot's 257 frequencies are these 256, -½ to ½, and ½ again.
    deep = true < FLOOR_DB + 20  # near a zero, rounding is all there is
    assert np.abs(shown[:256, :256] - true)[~deep].max() < 1e-6
    np.testing.assert_allclose(shown, shown.T, atol=1e-6)


def test_gain_at_zero_frequency_is_the_sum_of_the_taps(drawn) -> None:
    for name in ("D@6", "D-2"):
        total = float(parse_config(name).kernel().sum())
        line = drawn(name).axes[2].get_lines()[0]
        assert line.get_ydata()[0] == pytest.approx(20 * math.log10(total), abs=1e-9)
