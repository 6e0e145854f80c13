"""Plots of adaptive sampling show the levels of its calls."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from jinc.diffusion import Schedule, adaptive
from jinc.errors import JincError
from jinc.report.steps import ROWS, plot_steps, step_density, visited_levels

SCHEDULE = Schedule.linear(T=60, beta_start=0.001, beta_end=0.15)


def rough(x_t, t):
    """A denoiser that the first image finds hard, and the second easy."""
    strength = torch.tensor([2.0, 0.05]).view(2, 1, 1, 1)
    return torch.sin(3 * strength * x_t)


def walk(tolerance=0.02, steps=None):
    x_T = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    return adaptive(rough, SCHEDULE, x_T, tolerance=tolerance, steps=steps)


def test_levels_are_those_of_the_calls() -> None:
    *_, last = walk()
    visited, end = visited_levels(walk(), 59)
    assert torch.equal(end, last.x_t)
    assert [len(levels) for levels in visited] == last.calls.tolist()
    assert len(visited[0]) > len(visited[1])
    for levels in visited:
        assert levels[0] == 59
        assert levels == sorted(set(levels), reverse=True)
    every, _ = visited_levels(walk(0.0, steps=[50, 20, 3]), 50)
    assert every == [[50, 20, 3]] * 2


def test_no_steps_are_an_error() -> None:
    with pytest.raises(JincError, match="steps"):
        visited_levels(iter(()), 59)


def test_the_sum_of_the_density_is_the_mean_number_of_steps() -> None:
    visited = [[9, 5, 4], [9, 2], [9]]
    density = step_density(visited, 10)
    assert density.sum() == pytest.approx(2)
    by_hand = [1 / 5 + 1 / 3 + 1 / 10, 1 + 1 / 7 + 1 / 10, 1 / 4 + 1 / 7 + 1 / 10]
    np.testing.assert_allclose(density[[0, 5, 9]] * 3, by_hand)


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_rows_and_density(tmp_path, monkeypatch, channels) -> None:
    visited = [[9, 5, 4], [9, 2], [9]] * 10
    images = None if channels is None else torch.zeros(30, channels, 8, 8)
    plot_steps(visited, 10, tmp_path / "new" / "s.png", images=images, title="Toys")
    with Image.open(tmp_path / "new" / "s.png") as picture:
        assert len(np.unique(np.asarray(picture))) > 20
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    plot_steps(visited, 10, tmp_path / "s.png", images=images, title="Toys")
    (figure,) = figures
    assert figure.get_suptitle() == "Toys: 2.0 calls per image, 1 to 3"
    ticks, density = figure.axes
    rows = [collection.get_positions() for collection in ticks.collections]
    assert len(rows) == ROWS
    for row, levels in zip(rows, visited, strict=False):
        assert sorted(row, reverse=True) == levels
    (stairs,) = (patch for patch in density.patches if hasattr(patch, "get_data"))
    np.testing.assert_allclose(stairs.get_data().values, step_density(visited, 10))  # 10/10 each
    left, right = density.get_xlim()
    assert left > right  # time runs from noise to clean


def test_bins_lose_no_step(tmp_path, monkeypatch) -> None:
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    visited = [[98, 40, 39, 7], [98, 50]]
    plot_steps(visited, 99, tmp_path / "s.png")
    (stairs,) = (patch for patch in figures[0].axes[1].patches if hasattr(patch, "get_data"))
    values, edges, _ = stairs.get_data()
    assert len(values) == 20
    assert (values * np.diff(edges)).sum() * 10 / 99 == pytest.approx(3)


@pytest.mark.parametrize(
    ("visited", "images", "message"),
    [
        ([], None, "no images"),
        ([[3, 1], []], None, "do not fall"),
        ([[1, 3]], None, "do not fall"),
        ([[10, 3]], None, "0 … 9"),
        ([[3, -1]], None, "0 … 9"),
        ([[3, 1]], torch.zeros(2, 1, 4, 4), "beside the levels of 1"),
    ],
)
def test_levels_that_do_not_fall_are_an_error(tmp_path, visited, images, message) -> None:
    with pytest.raises(JincError, match=message):
        plot_steps(visited, 10, tmp_path / "s.png", images=images)
    assert not list(tmp_path.iterdir())
