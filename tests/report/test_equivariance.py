"""The plots of a probe show its figures: taken out of the plots again."""

import math

import pytest
from matplotlib.figure import Figure
from PIL import Image

from jinc.errors import JincError
from jinc.metrics import EXACT, AtLevel, Curve
from jinc.report import plot_curves, plot_levels


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved from now on."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: object, **kwargs: object) -> None:
        figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def heights(axes, style: str) -> list[list[float]]:
    lines = [line for line in axes.lines if len(line.get_xdata()) and line.get_linestyle() == style]
    return [list(line.get_ydata()) for line in lines if line.get_marker() != "^"]


def marks(axes) -> list[float]:
    return [x for line in axes.lines if line.get_marker() == "^" for x in line.get_xdata()]


NETWORK = {
    "half_pixel": [AtLevel(5, 40.0, 30.0, 140.0, 141.0), AtLevel(9, 45.0, -2.0, 142.0, 143.0)],
    "flip": [AtLevel(5, EXACT, EXACT, EXACT, EXACT), AtLevel(9, 50.0, 12.0, 160.0, 161.0)],
}


def test_each_transform_has_a_line_in_both_panels(drawn, tmp_path) -> None:
    plot_levels(NETWORK, tmp_path / "new" / "levels.png")
    noise, clean = drawn[0].axes
    assert (noise.get_title(), clean.get_title()) == ("predicted noise", "predicted clean images")
    assert heights(noise, "-")[0] == [40.0, 45.0]
    assert heights(clean, "-")[0] == [30.0, -2.0]
    assert heights(noise, "--")[0] == [140.0, 142.0]
    assert heights(clean, "--")[0] == [141.0, 143.0]
    (legend,) = drawn[0].legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words[:2] == ["half pixel", "flip"]
    assert "up to 200 dB" in words[2]
    with Image.open(tmp_path / "new" / "levels.png") as picture:
        assert picture.format == "PNG"


def test_figures_beyond_the_frame_are_marked(drawn, tmp_path) -> None:
    plot_levels(NETWORK, tmp_path / "levels.png")
    noise, clean = drawn[0].axes
    assert marks(noise) == marks(clean) == [5]
    low, high = noise.get_ylim()
    assert low == -2.0  # no figure is left out
    assert 50 < high < 100
    words = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert words[-1] == f"above {high:.0f} dB"


def test_each_curve_has_a_line_and_a_floor(drawn, tmp_path) -> None:
    curves = {
        "turned as noise": Curve("degrees", [-9.0, 0.0, 9.0], [9.0, EXACT, 8.0], [90.0] * 3),
        "other": Curve("degrees", [-9.0, 0.0, 9.0], [1.0, 2.0, 3.0], [80.0, 81.0, 82.0]),
    }
    plot_curves(curves, tmp_path / "angles.png")
    (axes,) = drawn[0].axes
    assert heights(axes, "-")[1] == [1.0, 2.0, 3.0]
    assert heights(axes, "--") == [[90.0] * 3, [80.0, 81.0, 82.0]]
    assert marks(axes) == [0.0]
    assert "degrees" in axes.get_xlabel()
    assert "dB" in axes.get_ylabel()
    (legend,) = drawn[0].legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words[:2] == ["turned as noise", "other"]
    assert words[-1] == "above 10 dB"


def test_an_exact_model_is_framed(drawn, tmp_path) -> None:
    plot_curves(
        {"same": Curve("pixels", [0.0, 1.0], [EXACT, 130.0], [EXACT] * 2)}, tmp_path / "c.png"
    )
    (axes,) = drawn[0].axes
    assert axes.get_ylim()[1] > EXACT
    assert marks(axes) == []


def test_figures_that_are_not_finite_are_left_out(drawn, tmp_path) -> None:
    broken = Curve("pixels", [0.0, 1.0], [math.nan, math.nan], [math.nan, EXACT])
    plot_curves({"broken": broken}, tmp_path / "shifts.png")
    low, high = drawn[0].axes[0].get_ylim()
    assert math.isfinite(low)
    assert math.isfinite(high)


def test_curves_of_no_or_two_units_are_an_error(tmp_path) -> None:
    with pytest.raises(JincError, match=r"levels\.png: there is no level"):
        plot_levels({}, tmp_path / "levels.png")
    with pytest.raises(JincError, match=r"c\.png: curves need one unit, not 2"):
        plot_curves({"a": Curve("pixels"), "b": Curve("degrees")}, tmp_path / "c.png")
    with pytest.raises(JincError, match=r"c\.png: curves need one unit, not 0"):
        plot_curves({}, tmp_path / "c.png")
    (tmp_path / "file").touch()
    with pytest.raises(JincError, match=r"levels\.png: "):
        plot_levels(NETWORK, tmp_path / "file" / "levels.png")
