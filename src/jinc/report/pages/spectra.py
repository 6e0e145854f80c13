"""How much of each frequency generated images have, beside real ones."""

import math

from torch import Tensor

from jinc.data import ImageSet, to_float
from jinc.report.pages.line_chart import Line, LineChart, line_chart
from jinc.report.pages.ticks import Axis, axis, tight
from jinc.signal import radial_power_spectrum
from jinc.signal.spectrum import CORNER
from jinc.types import Images


def spectrum_charts(generated: Images, real: Images) -> list[LineChart]:
    """Draw the power of images by frequency, and that of generated ones over that of real ones.

    Args:
        generated: `[N, C, H, W]` in [−1, 1].
        real: `[M, C, H, W]` in [−1, 1].
    """
    frequency = radial_power_spectrum(generated[:1]).frequency
    made, true = powers(generated), powers(real)
    x = tight("cycles per pixel", 0, CORNER)
    return [_power_chart(frequency, made, true, x), _ratio_chart(frequency, made, true, x)]


def spectrum_ratio(made: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Compare mean powers.

    Args:
        made: power of each generated image by frequency, `[N, bins]`.
        true: of each real one, `[M, bins]`.

    Returns:
        10 log10 of the ratio of the means, dB, and its standard error over images, `[bins]`.
    """
    means = [each.mean(0).clamp_min(1e-30) for each in (made, true)]
    relative = [
        each.var(0) / len(each) / mean.square()
        for each, mean in zip((made, true), means, strict=True)
    ]
    ratio = 10 * (means[0] / means[1]).log10()
    return ratio, 10 / math.log(10) * (relative[0] + relative[1]).sqrt()


def powers(images: Images) -> Tensor:
    """Return the power of each image by frequency, mean over channels.

    Args:
        images: `[N, C, H, W]` in [−1, 1].

    Returns:
        `[N, bins]`.
    """
    return radial_power_spectrum(images.double()).power.mean(1)


def _power_chart(frequency: Tensor, made: Tensor, true: Tensor, x: Axis) -> LineChart:
    lines = [
        Line("real", frequency.tolist(), true.mean(0).tolist(), 6),
        Line("generated", frequency.tolist(), made.mean(0).tolist(), 0),
    ]
    values = [y for line in lines for y in line.y if y > 0]
    y = axis("power", values or [1.0], log=True)
    words = "Power by frequency of generated and of real images"
    return line_chart("Power by frequency", words, lines, x, y)


def _ratio_chart(frequency: Tensor, made: Tensor, true: Tensor, x: Axis) -> LineChart:
    ratio, error = spectrum_ratio(made, true)
    low, high = (ratio - 2 * error).nan_to_num(0.0), (ratio + 2 * error).nan_to_num(0.0)
    f = frequency.tolist()
    lines = [
        Line("", [0.0, CORNER], [0.0, 0.0], 6, "dashed"),
        Line("", f, ratio.tolist(), 0, low=low.tolist(), high=high.tolist()),
    ]
    y = axis("dB", [0.0, *low.tolist(), *high.tolist()])
    furthest = int(ratio.abs().argmax())
    words = f"Generated over real: furthest {float(ratio[furthest]):.1f} dB at {f[furthest]:.2f}"
    return line_chart("Generated over real", words + " cycles per pixel", lines, x, y)


def floats(images: ImageSet) -> Images:
    """Return all images of a set, in [−1, 1]."""
    return to_float(images.batch(range(len(images))))
