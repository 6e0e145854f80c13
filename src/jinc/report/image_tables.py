"""Plots of images in rows and columns: rotations, denoising and complexity maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from jinc.diffusion import (
    Schedule,
    SeededNoise,
    complexity_normalised,
    complexity_published,
    forward,
)
from jinc.errors import JincError
from jinc.report.charts import save
from jinc.types import Images

GAP = 1
"""White pixels between the examples of a tile."""


def plot_turns(
    image: Tensor, turned: Mapping[str, Images], counts: Sequence[str], file: Path
) -> None:
    """Plot an image, and the result of each operator after some rotations.

    Args:
        image: before any rotation, `[1 or 3, H, W]`, clipped to [−1, 1].
        turned: images `[K, C, H, W]` by operator, a row each.
        counts: titles of the columns, `[K]`, such as "10 turns".
        file: the PNG to write.
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3) or not turned:
        raise JincError(f"turns: {list(image.shape)} is not [1 or 3, H, W] beside an operator")
    shape = [len(counts), *image.shape]
    for name, images in turned.items():
        if [*images.shape] != shape:
            raise JincError(f"{name}: its images are {list(images.shape)}, not {shape}")
    size = (1.5 * (len(counts) + 1) + 0.4, 1.55 * len(turned) + 0.3)
    rows = {name: rgb(torch.cat([image[None], images])) for name, images in turned.items()}
    _plot_table(rows, ["before", *counts], size, "constrained", file)


def plot_denoising(
    table: Mapping[str, Tensor],
    sigmas: Sequence[float],
    file: Path,
    scores: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Plot single-step denoising: a column for each noise level, and a row for each method.

    Args:
        table: images by row, such as `noisy`, `denoised` or `median`, `[S, N, C, H, W]`, clipped to
            [0, 1]: N examples below each other at S noise levels. All of one shape; C is 1 or 3.
        sigmas: standard deviation of the noise, `[S]`.
        file: the PNG to write.
        scores: captions of the tiles by row, `[S]`, such as "21.3 dB".
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    scores = scores or {}
    _check_denoising(table, len(sigmas), scores)
    count, _, height, width = next(iter(table.values())).shape[1:]
    tile = count * (height + GAP) / width  # inches, for a width of one
    size = (0.4 + 1.05 * len(sigmas), 0.35 + len(table) * (tile + 0.12) + 0.22 * len(scores))
    close = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.05, wspace=0, hspace=0, compress=True)
    rows = {name: [_stacked(stack) for stack in images] for name, images in table.items()}
    _plot_table(rows, [f"σ = {sigma:g}" for sigma in sigmas], size, close, file, scores)


def plot_complexity(images: Images, file: Path, *, t: int = 250) -> None:
    """Plot images with the weights that the two forms of the loss give to their pixels.

    Args:
        images: clean ones, `[count, 1 or 3, H, W]` in [−1, 1], a column each; one batch for
            the published form.
        file: the PNG to write.
        t: noise level of the published form, 0 … 999 on the linear schedule.
    """
    from matplotlib.figure import Figure

    schedule = Schedule.linear()
    if images.ndim != 4 or len(images) == 0 or images.shape[1] not in (1, 3):
        raise JincError(f"images: {list(images.shape)} is not [count, 1 or 3, height, width]")
    if not 0 <= t < len(schedule):
        raise JincError(f"t: {t} is not in 0 … {len(schedule) - 1}")
    noise = SeededNoise(0, range(len(images)))(images)
    x_t = forward(schedule, images, t, noise)
    published = complexity_published(x_t).mean(1, keepdim=True)

    figure = Figure(figsize=(1.3 + 1.6 * len(images), 7), layout="constrained")
    figure.suptitle("Complexity: where the loss counts more")
    # The last column is for colour bars: set beside the maps, they would push them out of line.
    widths = [1.0] * len(images) + [0.07]
    axes = figure.subplots(4, len(widths), squeeze=False, width_ratios=widths)
    for row, name, shown in ((0, "image", images), (2, f"noised, t = {t}", x_t)):
        _fill_row(axes[row][:-1], name, rgb(shown))
        axes[row][-1].set_axis_off()
    for row, name, maps in (
        (1, "normalised:\nfrom the image", complexity_normalised(images)),
        (3, "published:\nfrom the noised", published),
    ):
        drawn = _fill_row(axes[row][:-1], name, maps[:, 0].cpu().numpy(), vmax=float(maps.max()))
        figure.colorbar(drawn, cax=axes[row][-1])
    save(figure, file)


def rgb(images: Tensor, low: float = -1.0) -> NDArray[np.float32]:
    """Return images `[..., 1 or 3, H, W]` in [low, 1] as `[..., H, W, 3]` in [0, 1]."""
    pixels = ((images.detach().float().cpu() - low) / (1 - low)).clamp(0, 1)
    return pixels.expand(*pixels.shape[:-3], 3, -1, -1).movedim(-3, -1).numpy()


def _plot_table(
    rows: Mapping[str, Sequence[NDArray[np.float32]] | NDArray[np.float32]],
    columns: Sequence[str],
    size: tuple[float, float],
    layout: Any,
    file: Path,
    captions: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Plot rows of images `[H, W, 3]` with their names, under the titles of the columns."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout=layout)
    panels = figure.subplots(len(rows), len(columns), squeeze=False)
    for axes, title in zip(panels[0], columns, strict=True):
        axes.set_title(title, fontsize=11)
    for (name, images), row in zip(rows.items(), panels, strict=True):
        _fill_row(row, name, images, interpolation="nearest")
        row[0].yaxis.label.set_fontsize(11)
        if captions is None:
            continue
        words = captions.get(name, [""] * len(columns))
        for axes, word in zip(row, words, strict=True):
            axes.set_xlabel(word, fontsize=10, labelpad=2)
            axes.spines[:].set_visible(False)
    save(figure, file)


def _fill_row(axes: Any, name: str, images: Any, **style: Any) -> Any:
    """Show images or maps beside each other, and return the last one."""
    axes[0].set_ylabel(name)
    for each, image in zip(axes, images, strict=True):
        each.set(xticks=[], yticks=[])
        shown = each.imshow(image, **{"vmin": 0, **style} if "vmax" in style else style)
    return shown


def _check_denoising(
    table: Mapping[str, Tensor], levels: int, scores: Mapping[str, Sequence[str]]
) -> None:
    if not table or not levels:
        raise JincError("a table of denoising needs a row and a level of noise")
    first, *_ = (list(images.shape) for images in table.values())
    if len(first) != 5 or first[2] not in (1, 3) or 0 in first:
        raise JincError(f"images must be [sigmas, examples, 1 or 3, height, width], not {first}")
    for name, images in table.items():
        if [*images.shape] != first:
            raise JincError(f"row {name}: {list(images.shape)} is not {first} as those above")
    if first[0] != levels:
        raise JincError(f"images at {first[0]} levels of noise for {levels} values of sigma")
    for name, row in scores.items():
        if name not in table:
            raise JincError(f"scores of {name}: there is no such row")
        if len(row) != levels:
            raise JincError(f"scores of {name}: {len(row)} for {levels} levels of noise")


def _stacked(images: Tensor) -> NDArray[np.float32]:
    """Lay `[N, C, H, W]` in [0, 1] below each other on white: `[N·(H + gap) − gap, W, 3]`."""
    spaced = F.pad(images, (0, 0, 0, GAP), value=1.0)
    lines: NDArray[np.float32] = np.concatenate(rgb(spaced, low=0.0))
    return lines[: len(lines) - GAP]
