"""The noise levels at which adaptive sampling called the denoiser."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jinc.diffusion import AdaptiveStep
from jinc.diffusion.timesteps import check_falling
from jinc.errors import JincError
from jinc.report.charts import save
from jinc.report.image_tables import rgb
from jinc.types import Images

ROWS = 24
"""Images with a row of their own; the density counts all."""

BINS = 20

_BESIDE = ("axes fraction", "data")
"""Coordinates of what is beside the rows."""


def visited_levels(steps: Iterable[AdaptiveStep], first: int) -> tuple[list[list[int]], Images]:
    """Run `diffusion.adaptive` from its first level, and record the levels of each image.

    Returns:
        Levels at which the denoiser was called for each image, falling from the first; and the
        final images, `[B, C, H, W]`.
    """
    visited: list[list[int]] = []
    end: Images | None = None
    for step in steps:
        visited = visited or [[first] for _ in step.levels]
        for levels, t in zip(visited, step.levels.tolist(), strict=True):
            if 0 <= t < levels[-1]:
                levels.append(t)
        end = step.x_t
    if end is None:
        raise JincError("steps: there are none")
    return visited, end


def plot_steps(
    visited: Sequence[Sequence[int]],
    timesteps: int,
    file: Path,
    *,
    images: Images | None = None,
    title: str = "Where the steps went",
) -> None:
    """Plot the levels of each image as a row of ticks, and below them the density of steps.

    Args:
        visited: falling levels of each image, 0 … T−1; the first `ROWS` images get rows.
        timesteps: T.
        file: the PNG to write.
        images: results, drawn beside the rows, `[B, 1 or 3, H, W]` in [−1, 1].
        title: of the figure.
    """
    from matplotlib.figure import Figure

    _check(visited, timesteps, images)
    rows = visited[:ROWS]
    figure = Figure(figsize=(10, 2.9 + 0.24 * len(rows)), layout="constrained")
    calls = np.array([len(levels) for levels in visited])
    figure.suptitle(f"{title}: {calls.mean():.1f} calls per image, {calls.min()} to {calls.max()}")
    heights = [0.24 * len(rows) + 0.1, 1.9]
    ticks, density = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    _draw_rows(ticks, rows, timesteps, None if images is None else images[: len(rows)])
    _draw_density(density, visited, timesteps)
    density.set_xlim(timesteps - 1 + 0.02 * timesteps, -1 - 0.02 * timesteps)
    density.set_xlabel("t, level of noise; the last call gives the clean image")
    save(figure, file)


def _check(visited: Sequence[Sequence[int]], timesteps: int, images: Images | None) -> None:
    if not visited:
        raise JincError("visited: there are no images")
    if images is not None and (len(images) != len(visited) or images.ndim != 4):
        raise JincError(f"images: {list(images.shape)} beside the levels of {len(visited)}")
    for levels in visited:
        check_falling(levels)
        if levels[-1] < 0 or levels[0] >= timesteps:
            raise JincError(f"visited: {list(levels)[:8]} are not all in 0 … {timesteps - 1}")


def _draw_rows(
    axes: Any, rows: Sequence[Sequence[int]], timesteps: int, images: Images | None
) -> None:
    """Draw ticks, their number and the result."""
    places, style = range(len(rows)), {"va": "center", "annotation_clip": False}
    axes.eventplot(rows, lineoffsets=places, linelengths=0.75, linewidths=1.6, colors="C0")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines[["left", "top", "right"]].set_visible(False)
    for place, levels in zip(places, rows, strict=True):
        axes.annotate(str(len(levels)), (1.01, place), xycoords=_BESIDE, fontsize=9, **style)
        if images is not None:
            axes.add_artist(_thumbnail(images[place], place))


def _thumbnail(image: Tensor, place: int) -> Any:
    """Make a small picture to the left of a row."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    pixels = rgb(image)
    picture = OffsetImage(pixels, zoom=15 / max(pixels.shape[:2]), interpolation="antialiased")
    return AnnotationBbox(picture, (-0.015, place), xycoords=_BESIDE, frameon=False, pad=0)


def _draw_density(axes: Any, visited: Sequence[Sequence[int]], timesteps: int) -> None:
    """Draw steps per image and tenth of the levels, beside even spacing."""
    density, tenth = step_density(visited, timesteps), timesteps / 10
    edges = np.linspace(0, timesteps, min(BINS, timesteps) + 1).round() - 0.5
    steps, _ = np.histogram(np.arange(timesteps), edges, weights=density)
    axes.stairs(steps / np.diff(edges) * tenth, edges, fill=True, alpha=0.5, label="adaptive")
    even = density.mean() * tenth
    axes.axhline(even, color="grey", linestyle="--", linewidth=1, label="evenly spaced")
    axes.set(ylabel="steps per image\nand tenth of the levels", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9)


def step_density(visited: Sequence[Sequence[int]], timesteps: int) -> NDArray[np.float64]:
    """Return mean steps per image at each level, `[T]`: a step from t to t' is 1/(t − t') at each.

    >>> step_density([[3, 1], [3]], 4)
    array([0.375, 0.375, 0.375, 0.375])
    """
    density = np.zeros(timesteps)
    for levels in visited:
        for t, t_next in pairwise([*levels, -1]):
            density[t_next + 1 : t + 1] += 1 / (t - t_next)
    return density / len(visited)
