"""The filters of a configuration: taps, response over the plane and along lines."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.nn import Config, parse_config
from jinc.nn.configs import IDEAL
from jinc.report.filters import FLOOR_DB, decibels
from jinc.report.pages.line_chart import Line, LineChart, line_chart
from jinc.report.pages.numbers import Number, number
from jinc.report.pages.pictures import Embedded, embedded
from jinc.report.pages.ticks import axis, tight
from jinc.signal import frequency_response

_PLANE = 129
"""Samples a side of the response over the plane."""

_DIRECTIONS = (("along a row", 0.0), ("at 22.5°", math.pi / 8), ("at 45°", math.pi / 4))


@dataclass(frozen=True)
class FilterParts:
    """What a page says of a design.

    Args:
        name: of the design.
        words: what it does.
        taps: a picture of the taps; None where there are none, as all further parts.
        plane: a picture of the response, dB, frequencies up to ½ cycle a fine pixel.
        cutoff: half of the side of that picture is 0.5; cycles per fine pixel.
        lines: the response along lines.
        total: sum of the taps.
        largest: of the taps, by magnitude.
    """

    name: str
    words: str
    taps: Embedded | None = None
    plane: Embedded | None = None
    cutoff: float = 0.0
    lines: LineChart | None = None
    total: Number | None = None
    largest: Number | None = None


def filter_parts(name: str) -> list[FilterParts]:
    """Draw the filters of a network.

    Args:
        name: of a configuration; with commas, of several designs, one a level.

    Returns:
        One for each design, in order.

    Raises:
        JincError: no configuration has this name.
    """
    designs = dict.fromkeys(part.strip() for part in name.split(","))
    return [_parts(parse_config(design)) for design in designs]


def _parts(config: Config) -> FilterParts:
    if config.letter == "A" or config.taps == IDEAL:
        return FilterParts(config.name, _words(config))
    kernel = config.kernel()
    return FilterParts(
        config.name,
        _words(config),
        embedded(_taps(kernel)),
        embedded(_plane(kernel)),
        config.cutoff,
        _lines(kernel, config.cutoff),
        number(float(kernel.sum())),
        number(float(kernel.abs().max())),
    )


def _words(config: Config) -> str:
    if config.letter == "A":
        return "The baseline has no filter: 2×2 pooling, bilinear upsampling, plain activations."
    where = {"B": "resampling", "C": "activations", "D": "resampling and activations"}
    around = f"Around {where[config.letter]}"
    if config.taps == IDEAL:
        return f"{around}: the ideal filter by FFT; it passes all that the coarse grid can hold."
    kind = "corrected design" if config.is_corrected else "as published"
    taps = f"{config.taps} × {config.taps} taps, jinc with Kaiser β = {config.kaiser_beta:g}"
    divided = "" if config.normalize else ", not divided by their sum"
    return f"{around}, {kind}: {taps}{divided}, cutoff {config.cutoff:g} cycles per fine pixel."


def _taps(kernel: Tensor) -> NDArray[np.uint8]:
    """Colour taps: blue below 0, red above, white for none."""
    size = float(kernel.abs().max()) or 1.0
    return _coloured((kernel / size + 1) / 2, "RdBu_r")


def _plane(kernel: Tensor) -> NDArray[np.uint8]:
    """Colour the response: dark where nothing passes."""
    f = torch.linspace(-0.5, 0.5, _PLANE, dtype=torch.float64)
    fx, fy = torch.meshgrid(f, f, indexing="xy")
    response = decibels(frequency_response(kernel, fx, fy))
    return _coloured((response / FLOOR_DB).neg() + 1, "viridis")


def _coloured(shares: Tensor, colours: str) -> NDArray[np.uint8]:
    """Look up colours of numbers from 0 to 1, `[H, W]`."""
    from matplotlib import colormaps

    rgba = colormaps[colours](shares.clamp(0, 1).numpy(), bytes=True)
    return np.ascontiguousarray(rgba[..., :3])


def _lines(kernel: Tensor, cutoff: float) -> LineChart:
    f = torch.linspace(0, 0.5, 201, dtype=torch.float64)
    lines = [
        Line(name, f.tolist(), decibels(frequency_response(kernel, f * c, f * s)).tolist(), place)
        for place, (name, turn) in enumerate(_DIRECTIONS)
        for c, s in [(math.cos(turn), math.sin(turn))]
    ]
    lines.append(Line("cutoff", [cutoff, cutoff], [FLOOR_DB, 0.0], 6, "dashed"))
    at_cutoff = decibels(frequency_response(kernel, f.new_tensor([cutoff]), f.new_zeros(1)))
    words = f"Response from the centre; {float(at_cutoff):.1f} dB at the cutoff along a row"
    x = tight("cycles per fine pixel", 0, 0.5)
    return line_chart("Response from the centre", words, lines, x, axis("dB", [FLOOR_DB, 0.0]))
