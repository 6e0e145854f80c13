"""Errors of rotation operators: images after many rotations, and PSNR by radius."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jinc.errors import JincError
from jinc.report.charts import save
from jinc.types import Images


def plot_turns(
    image: Tensor, turned: Mapping[str, Images], counts: Sequence[str], file: Path
) -> None:
    """Draw an image, and what each operator makes of it after some rotations.

    Args:
        image: before any rotation, `[1 or 3, H, W]`, clipped to [−1, 1].
        turned: images `[K, C, H, W]` by operator, a row each.
        counts: titles of the columns, `[K]`, such as "10 turns".
        file: the PNG to write.

    Raises:
        JincError: shapes or counts do not agree, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    if image.ndim != 3 or image.shape[0] not in (1, 3) or not turned:
        raise JincError(
            f"turns of {list(image.shape)}: a picture needs [1 or 3, H, W] and an operator"
        )
    for name, images in turned.items():
        if images.shape != (len(counts), *image.shape):
            raise JincError(
                f"{name}: its images are {list(images.shape)}, "
                f"not {[len(counts), *image.shape]} as the others"
            )
    size = (1.5 * (len(counts) + 1) + 0.4, 1.55 * len(turned) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(turned), len(counts) + 1, squeeze=False)
    for axes, word in zip(panels[0], ["before", *counts], strict=True):
        axes.set_title(word, fontsize=11)
    for (name, images), row in zip(turned.items(), panels, strict=True):
        row[0].set_ylabel(name, fontsize=11)
        for axes, picture in zip(row, [image, *images], strict=True):
            axes.imshow(_rgb(picture), interpolation="nearest")
            axes.set(xticks=[], yticks=[])
    save(figure, file)


def plot_error(radii: Sequence[float], errors: Mapping[str, Sequence[float]], file: Path) -> None:
    """Plot the PSNR of operators over the distance from the centre.

    Args:
        radii: in halves of the side, `[R]`, rising.
        errors: PSNR by operator, dB, `[R]`, as `signal.error_by_radius` returns it.
        file: the PNG to write.

    Raises:
        JincError: counts do not agree, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    for name, values in errors.items():
        if len(values) != len(radii):
            raise JincError(f"{name}: {len(values)} values for {len(radii)} radii")
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots()
    for name, values in errors.items():
        axes.plot(radii, values, marker="o", markersize=3, label=name)
    axes.set(xlabel="radius, halves of the side", ylabel="PSNR, dB", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
    save(figure, file)


def _rgb(image: Tensor) -> NDArray[np.float32]:
    """`[C, H, W]` in [−1, 1] to `[H, W, 3]` in [0, 1]."""
    pixels = ((image.detach().float().cpu() + 1) / 2).clamp(0, 1)
    return pixels.expand(3, -1, -1).permute(1, 2, 0).numpy()
