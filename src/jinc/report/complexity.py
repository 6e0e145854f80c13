"""A plot of the complexity (loss-weight) maps."""

from pathlib import Path
from typing import Any

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


def plot_complexity(images: Images, file: Path, *, t: int = 250) -> None:
    """Plot images with the weights that the two forms of the loss give to their pixels.

    Args:
        images: clean ones, `[count, 1 or 3, H, W]` in [−1, 1], a column each; one batch for
            the published form.
        file: the PNG to write.
        t: noise level of the published form, 0 … 999 on the linear schedule.

    Raises:
        JincError: no images, images that cannot be shown, a t out of range, or a file that cannot
            be written.
    """
    from matplotlib.figure import Figure

    schedule = Schedule.linear()
    if images.ndim != 4 or len(images) == 0 or images.shape[1] not in (1, 3):
        raise JincError(f"images: {list(images.shape)} is not [count, 1 or 3, height, width]")
    if not 0 <= t < len(schedule):
        raise JincError(f"t: {t} is not in 0 … {len(schedule) - 1}")
    noise = SeededNoise(0, range(len(images)))(images)
    x_t = forward(schedule, images, t, noise)

    figure = Figure(figsize=(1.3 + 1.6 * len(images), 7), layout="constrained")
    figure.suptitle("Complexity: where the loss counts more")
    # The last column is for colour bars: set beside the maps, they would push them out of line.
    widths = [1.0] * len(images) + [0.07]
    axes = figure.subplots(4, len(widths), squeeze=False, width_ratios=widths)
    _draw_images(axes[0], "image", images)
    _draw_maps(figure, axes[1], "normalised:\nfrom the image", complexity_normalised(images))
    _draw_images(axes[2], f"noised, t = {t}", x_t)
    published = complexity_published(x_t).mean(1, keepdim=True)
    _draw_maps(figure, axes[3], "published:\nfrom the noised", published)
    save(figure, file)


def _draw_images(axes: Any, name: str, images: Images) -> None:
    """Fill a row with images except for its last column."""
    axes[0].set_ylabel(name)
    axes[-1].set_axis_off()
    pixels = ((images + 1) / 2).clamp(0, 1).expand(-1, 3, -1, -1).permute(0, 2, 3, 1)
    for axis, picture in zip(axes[:-1], pixels.cpu().numpy(), strict=True):
        axis.set(xticks=[], yticks=[])
        axis.imshow(picture)


def _draw_maps(figure: Any, axes: Any, name: str, maps: Tensor) -> None:
    """Fill a row with maps on one scale, and its last column with the colour bar."""
    axes[0].set_ylabel(name)
    for axis, values in zip(axes[:-1], maps[:, 0].cpu().numpy(), strict=True):
        axis.set(xticks=[], yticks=[])
        shown = axis.imshow(values, vmin=0, vmax=float(maps.max()))
    figure.colorbar(shown, cax=axes[-1])
