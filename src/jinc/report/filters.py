"""Filters of a configuration: taps, response over the plane, and along lines through its centre."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.nn import Config, Configs, parse_configs
from jinc.nn.configs import IDEAL, USUAL_CUTOFF
from jinc.report.charts import Chart, save
from jinc.report.numbers import number
from jinc.signal import frequency_response

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

FLOOR_DB = -80.0
"""Lower end of the plots; what a filter passes below it does not show in eight bits."""

_DIRECTIONS = (("along a row", 0.0), ("at 22.5°", math.pi / 8), ("at 45°", math.pi / 4))


class FilterSection(NamedTuple):
    """What a design filters, and charts of its taps, plane and lines; none without taps."""

    name: str
    words: str
    charts: tuple[Chart, ...] = ()


def plot_filter(config: Config | Configs, file: Path) -> None:
    """Draw the filter of a configuration, or one below the other those of its levels.

    Raises:
        JincError: no design has taps, or the PNG cannot be written.
    """
    from matplotlib.figure import Figure

    configs = config if isinstance(config, Configs) else Configs((config,))
    designs = [each for each in dict.fromkeys(configs.levels) if each.has_taps]
    if not designs:
        raise JincError(f"config: {configs.name} has no filter taps")
    figure = Figure(figsize=(13, 4.2 * len(designs)), layout="constrained")
    rows = figure.subfigures(len(designs), 1, squeeze=False)[:, 0]
    for row, design in zip(rows, designs, strict=True):
        row.suptitle(f"{design.name}{_levels(design, configs)}: {_words(design)}")
        _draw_all(design, row)
    save(figure, file)


def filter_sections(names: Sequence[str]) -> list[FilterSection]:
    """Chart the filters of configurations for a page, each design once."""
    designs = [design for name in names for design in parse_configs(name).levels]
    return [_section(design) for design in dict.fromkeys(designs)]


def decibels(gain: Tensor) -> Tensor:
    """Return 20 log10 |gain|, at least the lower end of the plots."""
    return (20 * gain.abs().clamp_min(1e-12).log10()).clamp_min(FLOOR_DB)


def _section(config: Config) -> FilterSection:
    if config.letter == "A":
        words = "The baseline has no filter: 2×2 pooling, bilinear upsampling, plain activations."
        return FilterSection(config.name, words)
    filtered = ["resampling"] * config.filters_resampling
    filtered += ["activations"] * config.filters_activation
    around = f"Around {' and '.join(filtered)}"
    if config.taps == IDEAL:
        words = "the ideal filter by FFT; it passes all frequencies of the coarse grid."
        return FilterSection(config.name, f"{around}: {words}")
    kernel = config.kernel()
    total, largest = number(float(kernel.sum())).text, number(float(kernel.abs().max())).text
    at_cutoff = frequency_response(kernel, kernel.new_tensor([config.cutoff]), kernel.new_zeros(1))
    edge = f"{float(decibels(at_cutoff)):.1f} dB at the cutoff along a row"
    charts = (
        Chart("Taps", f"Taps: sum {total}, largest {largest}", partial(_draw_taps, kernel)),
        Chart("Response", "Response over the plane of frequencies", partial(_draw_plane, config)),
        Chart("Response along lines", f"Response: {edge}", partial(_draw_lines, config)),
    )
    cutoff = f"cutoff {config.cutoff:g} cycles per fine pixel"
    words = f"{around}, {_words(config)}; {cutoff}. Sum of the taps {total}, largest {largest}."
    return FilterSection(config.name, words, charts)


def _draw_all(config: Config, figure: "SubFigure") -> None:
    """Draw taps, plane and lines side by side."""
    taps, plane, lines = figure.subplots(1, 3)
    kernel = config.kernel()
    figure.colorbar(_draw_taps(kernel, taps), ax=taps)
    taps.set(title=f"taps, sum {kernel.sum():.4g}")
    figure.colorbar(_draw_plane(config, plane), ax=plane)
    plane.set(title="response, dB", ylabel="cycles per fine pixel")
    _draw_lines(config, lines)
    lines.set(title="response from the centre")
    lines.grid(alpha=0.3)
    lines.legend()


def _draw_taps(kernel: Tensor, axes: Any) -> Any:
    size = float(kernel.abs().max())
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    return axes.imshow(kernel.numpy(), cmap="RdBu_r", vmin=-size, vmax=size)


def _draw_plane(config: Config, axes: Any) -> Any:
    from matplotlib.patches import Circle, Rectangle

    f = torch.linspace(-0.5, 0.5, 257, dtype=torch.float64)
    gain = frequency_response(config.kernel(), *torch.meshgrid(f, f, indexing="xy"))
    sides = (-0.5, 0.5, -0.5, 0.5)
    shown = axes.imshow(decibels(gain).numpy(), extent=sides, vmin=FLOOR_DB, vmax=0)
    edge: dict[str, Any] = {"fill": False, "edgecolor": "white", "linestyle": "--"}
    cutoff, corner = config.cutoff, (-config.cutoff, -config.cutoff)
    band = Rectangle(corner, 2 * cutoff, 2 * cutoff, **edge)
    axes.add_patch(band if config.separable else Circle((0, 0), cutoff, **edge))
    axes.set_xlabel("cycles per fine pixel")
    axes.grid(visible=False)
    return shown


def _draw_lines(config: Config, axes: Any) -> None:
    f = torch.linspace(0, 0.5, 501, dtype=torch.float64)
    for name, angle in _DIRECTIONS:
        fx, fy = f * math.cos(angle), f * math.sin(angle)
        response = decibels(frequency_response(config.kernel(), fx, fy))
        axes.plot(f.numpy(), response.numpy(), label=name)
    axes.axvline(config.cutoff, color="grey", linestyle="--", linewidth=1, label="cutoff")
    axes.set(xlabel="cycles per fine pixel", ylabel="dB", ylim=(FLOOR_DB, 5))


def _levels(design: Config, configs: Configs) -> str:
    """Say at which levels a design is used, if there are others."""
    *named, last = configs.levels
    if not named:
        return ""
    places = [f" at level {level}" for level, each in enumerate(named) if each == design]
    return " and".join([*places, f" from level {len(named)} on"] if last == design else places)


def _words(config: Config) -> str:
    kind = "corrected" if config.is_corrected else "as published"
    shape = "separable sinc, " * config.separable
    shape += f"{config.taps} × {config.taps} taps, Kaiser β = {config.kaiser_beta:g}"
    cutoff = "" if config.cutoff == USUAL_CUTOFF else f", cutoff {config.cutoff:g}"
    divided = "" if config.normalize else ", not divided by their sum"
    return f"{kind}, {shape}{cutoff}{divided}"
