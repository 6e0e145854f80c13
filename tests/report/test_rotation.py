"""The pictures of turning show what they are given: taken out of the figures again."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from jinc.errors import JincError
from jinc.report import plot_error, plot_turns


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


def images(*size: int) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 3])
def test_every_operator_has_a_row_that_begins_with_the_image(drawn, tmp_path, channels) -> None:
    image = images(channels, 5, 7)
    turned = {"unitary": images(2, channels, 5, 7), "spline": -images(2, channels, 5, 7)}
    file = tmp_path / "new" / "turns.png"
    plot_turns(image, turned, ["1 turn", "10 turns"], file)
    axes = np.array(drawn[0].axes).reshape(2, 3)
    assert [a.get_title() for a in axes[0]] == ["before", "1 turn", "10 turns"]
    assert [a.get_ylabel() for a in axes[:, 0]] == ["unitary", "spline"]
    for row, others in zip(axes, turned.values(), strict=True):
        for place, expected in zip(row, [image, *others], strict=True):
            (shown,) = place.get_images()
            pixels = ((expected + 1) / 2).clamp(0, 1).expand(3, -1, -1).permute(1, 2, 0)
            np.testing.assert_array_equal(np.asarray(shown.get_array()), pixels.numpy())
    with Image.open(file) as picture:
        assert picture.format == "PNG"


def test_every_operator_has_a_line(drawn, tmp_path) -> None:
    errors = {"unitary": [150.0, 100.0, 30.0], "spline": [80.0, 60.0, 20.0]}
    plot_error((0.0, 0.5, 1.0), errors, tmp_path / "radius.png")
    (axes,) = drawn[0].axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines == errors
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(errors)
    assert (tmp_path / "radius.png").is_file()


@pytest.mark.parametrize(
    ("image", "turned", "reason"),
    [
        (images(2, 4, 4), {"spline": images(1, 2, 4, 4)}, "1 or 3"),
        (images(1, 4, 4), {}, "an operator"),
        (images(1, 4, 4), {"spline": images(2, 1, 4, 4)}, "spline"),
    ],
)
def test_shapes_that_differ_are_an_error(tmp_path, image, turned, reason) -> None:
    with pytest.raises(JincError, match=reason):
        plot_turns(image, turned, ["1 turn"], tmp_path / "turns.png")
    with pytest.raises(JincError, match="spline: 1 values for 2"):
        plot_error((0.0, 1.0), {"spline": [1.0]}, tmp_path / "radius.png")
    assert not list(tmp_path.iterdir())
