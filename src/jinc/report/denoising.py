"""A table of images: single-step denoising at several noise levels."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from jinc.errors import JincError
from jinc.report.charts import save

GAP = 1
"""White pixels between the examples of a tile."""


def plot_denoising(
    table: Mapping[str, Tensor],
    sigmas: Sequence[float],
    file: Path,
    scores: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Draw a column for each noise level, and a row for each method.

    Args:
        table: images by row, such as `noisy`, `denoised` or `median`, `[S, N, C, H, W]`, clipped to
            [0, 1]: N examples below each other at S noise levels. All of one shape; C is 1 or 3.
        sigmas: standard deviation of the noise, `[S]`.
        file: the PNG to write.
        scores: captions of the tiles by row, `[S]`, such as "21.3 dB".

    Raises:
        JincError: shapes or counts do not agree, or the file cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    scores = scores or {}
    _check(table, len(sigmas), scores)
    count, _, height, width = next(iter(table.values())).shape[1:]
    tile = count * (height + GAP) / width  # inches, for a width of one
    size = (0.4 + 1.05 * len(sigmas), 0.35 + len(table) * (tile + 0.12) + 0.22 * len(scores))
    close = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.05, wspace=0, hspace=0, compress=True)
    figure = Figure(figsize=size, layout=close)
    panels = figure.subplots(len(table), len(sigmas), squeeze=False)
    for sigma, axes in zip(sigmas, panels[0], strict=True):
        axes.set_title(f"σ = {sigma:g}", fontsize=11)
    for (name, images), row in zip(table.items(), panels, strict=True):
        row[0].set_ylabel(name, fontsize=11)
        words = scores.get(name, [""] * len(sigmas))
        for axes, stack, score in zip(row, images, words, strict=True):
            axes.imshow(_stacked(stack), interpolation="nearest")
            axes.set_xlabel(score, fontsize=10, labelpad=2)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
    save(figure, file)


def _check(table: Mapping[str, Tensor], levels: int, scores: Mapping[str, Sequence[str]]) -> None:
    shapes = {name: list(images.shape) for name, images in table.items()}
    if not table or not levels:
        raise JincError("a table of denoising needs a row and a level of noise")
    first = next(iter(shapes.values()))
    if len(first) != 5 or first[2] not in (1, 3) or 0 in first:
        raise JincError(f"images must be [sigmas, examples, 1 or 3, height, width], not {first}")
    for name, shape in shapes.items():
        if shape != first:
            raise JincError(f"row {name}: its images are {shape}, those above are {first}")
    if first[0] != levels:
        raise JincError(f"images at {first[0]} levels of noise for {levels} values of sigma")
    for name, row in scores.items():
        if name not in table:
            raise JincError(f"scores of {name}: there is no such row")
        if len(row) != levels:
            raise JincError(f"scores of {name}: {len(row)} for {levels} levels of noise")


def _stacked(images: Tensor) -> NDArray[np.float32]:
    """Lay `[N, C, H, W]` below each other on white: `[N·(H + gap) − gap, W, 3]`."""
    rgb = images.detach().float().cpu().clamp(0, 1).expand(-1, 3, -1, -1)
    spaced = F.pad(rgb, (0, 0, 0, GAP), value=1.0)
    lines = spaced.permute(0, 2, 3, 1).flatten(0, 1)
    return lines[: len(lines) - GAP].numpy()
