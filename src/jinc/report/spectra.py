"""Power of images by frequency: generated and real ones, and a training set's."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from jinc.data import ImageSet, to_float
from jinc.diffusion import Schedule
from jinc.diffusion.spectral import Spectrum
from jinc.errors import JincError
from jinc.report.charts import Chart, Curve, charts_beside
from jinc.report.neighbours import ReadImages
from jinc.signal import radial_power_spectrum
from jinc.signal.spectrum import CORNER
from jinc.types import Images

USED = 400
"""Generated images of a cell whose power is averaged, at most."""

LEVELS = (0.1, 0.3, 0.6, 0.9)
"""Noise levels at which a linear denoiser is drawn, as shares of T."""

CUT_DB = 30.0
"""Limit of the charts of a study: digits on black have frequencies without any power."""


def spectrum_charts(generated: Images, real: Images) -> list[Chart]:
    """Chart the power of images in [−1, 1] by frequency, and that of generated over real ones."""
    frequency = radial_power_spectrum(generated[:1]).frequency
    made, true = powers(generated), powers(real)
    ratio, _ = spectrum_ratio(made, true)
    furthest = int(ratio.abs().argmax())
    extreme = f"{float(ratio[furthest]):.1f} dB at {float(frequency[furthest]):.2f}"
    power = "Power by frequency of generated and of real images"
    over = f"Power of generated over that of real images: most {extreme} cycles per pixel"
    return [
        Chart("Power by frequency", power, partial(_draw_powers, frequency, made, true)),
        Chart("Generated over real", over, partial(_draw_ratio, frequency, made, true)),
    ]


def ratio_charts(
    images: Mapping[str, Sequence[ReadImages]], real: Images, baseline: str
) -> list[Chart]:
    """Chart the power of each variant's images over that of real ones, a line per seed."""
    true, frequency = powers(real), radial_power_spectrum(real[:1]).frequency
    lines: dict[str, Sequence[Curve]] = {
        variant: [(frequency, _ratio_of(read(USED), real, true)) for read in sets]
        for variant, sets in images.items()
    }
    ratios = [torch.as_tensor(ratio) for seeds in lines.values() for _, ratio in seeds]
    heights = torch.cat([true.new_zeros(1), *ratios]).nan_to_num(0.0).clamp(-CUT_DB, CUT_DB)
    limits = (float(heights.min()) - 1, float(heights.max()) + 1)
    frame = {"xlabel": "cycles per pixel", "ylabel": "dB", "ylim": limits}
    what = "Power of generated over that of real images, one line per seed:"
    return charts_beside(lines, baseline, what, frame, zero=True)


def preconditioning_charts(spectrum: Spectrum, schedule: Schedule) -> list[Chart]:
    """Chart the power of a training set by frequency, and the share of it that W_t keeps."""
    power = f"One line per principal colour, in {spectrum.waves} waves; white noise has 0 dB"
    kept = "Share of the clean image that the linear denoiser keeps, by noise level"
    return [
        Chart("Power of the training set", power, partial(_draw_spectrum, spectrum)),
        Chart("Linear denoiser", kept, partial(_draw_kept, spectrum, schedule)),
    ]


def spectrum_ratio(made: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Compare mean powers, of generated images `[N, bins]` and of real ones `[M, bins]`.

    Returns:
        10 log10 of the ratio of the means, dB, and its standard error over images, `[bins]`.
    """
    first, second = (each.mean(0).clamp_min(1e-30) for each in (made, true))
    relative = made.var(0) / len(made) / first.square() + true.var(0) / len(true) / second.square()
    return 10 * (first / second).log10(), 10 / math.log(10) * relative.sqrt()


def powers(images: Images) -> Tensor:
    """Return the power of images by frequency, mean over channels, `[N, bins]`."""
    return radial_power_spectrum(images.double()).power.mean(1)


def floats(images: ImageSet) -> Images:
    """Return all images of a set in [−1, 1]."""
    return to_float(images.batch(range(len(images))))


def _ratio_of(made: ImageSet, real: Images, true: Tensor) -> Tensor:
    if (size := made.image_size) != tuple(real.shape[-2:]):
        sizes = [f"{height}×{width}" for height, width in (size, real.shape[-2:])]
        raise JincError(f"{made.name}: images of {sizes[0]} pixels, real ones of {sizes[1]}")
    return spectrum_ratio(powers(floats(made)), true)[0]


def _draw_powers(frequency: Tensor, made: Tensor, true: Tensor, axes: Any) -> None:
    axes.plot(frequency, true.mean(0), color="grey", label="real")
    axes.plot(frequency, made.mean(0), color="C0", label="generated")
    axes.set(xlabel="cycles per pixel", ylabel="power", yscale="log", xlim=(0, CORNER))


def _draw_spectrum(spectrum: Spectrum, axes: Any) -> None:
    axes.axhline(0, color="grey", linestyle="--", linewidth=1.3, label="white noise")
    for place, power in enumerate(spectrum.power):
        decibels = 10 * power.log10()
        axes.plot(spectrum.frequency, decibels, color=f"C{place}", label=f"colour {place + 1}")
    axes.set(xlabel="cycles per pixel", ylabel="dB", xlim=(0, CORNER))


def _draw_kept(spectrum: Spectrum, schedule: Schedule, axes: Any) -> None:
    power = spectrum.power.mean(0)
    for place, share in enumerate(LEVELS):
        level = schedule.alpha_bar(round(share * len(schedule)))
        kept = level * power / (level * power + 1 - level)
        axes.plot(spectrum.frequency, kept, color=f"C{place}", label=f"t = {share:g} T")
    axes.set(xlabel="cycles per pixel", ylabel="share", xlim=(0, CORNER), ylim=(0, 1.02))


def _draw_ratio(frequency: Tensor, made: Tensor, true: Tensor, axes: Any) -> None:
    ratio, error = spectrum_ratio(made, true)
    axes.axhline(0, color="grey", linestyle="--", linewidth=1.3)
    axes.fill_between(frequency, ratio - 2 * error, ratio + 2 * error, color="C0", alpha=0.2, lw=0)
    axes.plot(frequency, ratio, color="C0")
    axes.set(xlabel="cycles per pixel", ylabel="dB", xlim=(0, CORNER))
