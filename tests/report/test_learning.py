"""The picture of a run shows its log: the numbers are taken out of the figure again."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy import signal

from jinc.errors import JincError
from jinc.report.learning import plot_learning_curve, series, smooth

PLAIN = [{"step": 20 * i, "loss": 1 / i, "images_per_second": 300.0} for i in range(1, 41)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Draw a log, but not into pixels; return the figure as matplotlib holds it."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))

    def draw(entries: list[dict]) -> Figure:
        plot_learning_curve(entries, tmp_path / "curve.png")
        return figures[-1]

    return draw


def lines(figure: Figure, panel: int = 0) -> dict[str, tuple[list, list]]:
    """What a panel shows: the first word of each label, with its x and y."""
    found = figure.axes[panel].get_lines()
    return {
        line.get_label().split()[0].strip(","): (list(line.get_xdata()), list(line.get_ydata()))
        for line in found
    }


@pytest.mark.parametrize("count", [1, 2, 40])
def test_it_writes_a_png(tmp_path, count) -> None:
    plot_learning_curve(PLAIN[:count], tmp_path / "new" / "curve.png")
    with Image.open(tmp_path / "new" / "curve.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 800
        assert len(np.unique(np.asarray(picture))) > 50
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["curve.png"]


def test_the_line_is_the_log(drawn) -> None:
    figure = drawn(PLAIN)
    assert len(figure.axes) == 1
    assert figure.axes[0].get_yscale() == "log"
    shown = lines(figure)
    assert set(shown) == {"loss", "smoothed"}
    assert shown["loss"] == ([e["step"] for e in PLAIN], [e["loss"] for e in PLAIN])
    assert shown["smoothed"][0] == shown["loss"][0]


def test_validation_losses_are_points(drawn) -> None:
    entries = [*PLAIN, {"step": 800, "validation_loss": 0.07}]
    entries[9] = entries[9] | {"validation_loss": 0.2}
    assert lines(drawn(entries))["validation"] == ([200, 800], [0.2, 0.07])


def test_losses_that_are_not_finite_are_marked_and_not_drawn(drawn) -> None:
    entries = [dict(e) for e in PLAIN]
    entries[4]["loss"], entries[7]["loss"], entries[8]["loss"] = None, math.nan, math.inf
    del entries[10]["loss"]  # an entry of something else
    entries[12]["loss"] = 0.0  # finite, but a logarithmic axis has no place for it
    shown = lines(drawn(entries))
    assert shown["not"][0] == [100, 160, 180]
    left_out = {100, 160, 180, 220, 260}
    assert shown["loss"][0] == [e["step"] for e in PLAIN if e["step"] not in left_out]
    assert all(math.isfinite(value) for value in shown["smoothed"][1])


def test_a_learning_rate_has_a_panel_only_if_it_varies(drawn) -> None:
    constant = [e | {"learning_rate": 1e-4} for e in PLAIN]
    assert len(drawn(constant).axes) == 1
    rates = [1e-4 * (1 - e["step"] / 800) for e in PLAIN]  # down to 0 itself
    figure = drawn([e | {"learning_rate": rate} for e, rate in zip(PLAIN, rates, strict=True)])
    assert len(figure.axes) == 2
    (rate,) = figure.axes[1].get_lines()
    assert list(rate.get_xdata()) == [e["step"] for e in PLAIN]
    assert list(rate.get_ydata()) == rates


def test_a_spike_does_not_flatten_the_rest(drawn) -> None:
    spiked = [{"step": i, "loss": 1e4 if i == 500 else 0.1} for i in range(1, 1001)]
    low, high = drawn(spiked).axes[0].get_ylim()
    assert 0.05 < low < 0.1 < high < 1


@pytest.mark.parametrize("entries", [[], [{"step": 1}], [{"step": 1, "loss": None}]])
def test_a_log_without_a_loss_is_an_error(tmp_path, entries) -> None:
    with pytest.raises(JincError, match=r"curve\.png: the log has no loss"):
        plot_learning_curve(entries, tmp_path / "curve.png")
    assert not list(tmp_path.iterdir())


def test_a_path_that_cannot_be_written_is_an_error(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JincError, match=r"curve\.png: "):
        plot_learning_curve(PLAIN, tmp_path / "file" / "curve.png")


def test_series_takes_finite_numbers_only() -> None:
    values = [0, 1.5, None, "2", math.nan, -math.inf, -3]
    entries = [{"step": i, "x": value} for i, value in enumerate(values)]
    assert series(entries, "x") == ([0, 1, 6], [0, 1.5, -3])
    assert series(entries, "x", above=0) == ([1], [1.5])
    assert series(entries, "y") == ([], [])


@pytest.mark.parametrize("reach", [0.1, 1, 7.5])
def test_smoothing_is_the_weighted_mean_of_logarithms(reach) -> None:
    """Against the sum over all pairs, and scipy's recursive filter run both ways."""
    rng = random.Random(0)
    values = [math.exp(rng.gauss(0, 1)) for _ in range(60)]
    place = np.arange(60)
    weights = np.exp(-abs(place[:, None] - place) / reach)
    slow = np.exp(weights @ np.log(values) / weights.sum(axis=1))
    np.testing.assert_allclose(smooth(values, reach), slow, rtol=1e-12)

    def both_ways(x: np.ndarray) -> np.ndarray:
        one, decay = np.array([1.0]), np.array([1, -math.exp(-1 / reach)])
        return signal.lfilter(one, decay, x) + signal.lfilter(one, decay, x[::-1])[::-1] - x

    filtered = np.exp(both_ways(np.log(values)) / both_ways(np.ones(60)))
    np.testing.assert_allclose(smooth(values, reach), filtered, rtol=1e-12)


def test_smoothing_preserves_constants_and_exponentials() -> None:
    assert smooth([0.3] * 20, 4) == pytest.approx([0.3] * 20)
    falling = [0.9**i for i in range(200)]
    assert smooth(falling, 3)[100] == pytest.approx(falling[100], rel=1e-9)
    assert smooth(falling[::-1], 3) == pytest.approx(smooth(falling, 3)[::-1])
    assert smooth([0.7], 0.25) == pytest.approx([0.7])
