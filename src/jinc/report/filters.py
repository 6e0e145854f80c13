"""Filters in one picture: their taps, responses over the plane, and along lines through it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.files import writing
from jinc.nn import Config, Configs
from jinc.nn.configs import USUAL_CUTOFF
from jinc.signal import frequency_response

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

FLOOR_DB = -80.0
"""Where the plots end; what a filter passes below it does not show in eight bits."""


def plot_filter(config: Config | Configs, file: Path) -> None:
    """Draw the filter of a configuration, or of each level one below the other.

    Args:
        config: one design with taps, or several with taps in one at least.
        file: the PNG to write.

    Raises:
        JincError: no design has taps, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    configs = config if isinstance(config, Configs) else Configs((config,))
    designs = [each for each in dict.fromkeys(configs.levels) if each.has_taps]
    if not designs:
        raise JincError(f"config: {configs.name} has no filter taps")
    figure = Figure(figsize=(13, 4.2 * len(designs)), layout="constrained")
    rows = figure.subfigures(len(designs), 1, squeeze=False)[:, 0]
    for row, design in zip(rows, designs, strict=True):
        row.suptitle(f"{design.name}{_places(design, configs)}: {_words(design)}")
        _draw(design, row)
    with writing(file) as out:
        figure.savefig(out, format="png", dpi=110)


def _draw(config: Config, figure: "SubFigure") -> None:
    """Draw taps, plane and lines side by side."""
    from matplotlib.patches import Circle, Rectangle

    kernel = config.kernel()
    taps, plane, lines = figure.subplots(1, 3)

    size = float(kernel.abs().max())
    shown = taps.imshow(kernel.numpy(), cmap="RdBu_r", vmin=-size, vmax=size)
    taps.set(title=f"taps, sum {kernel.sum():.4g}", xticks=[], yticks=[])
    figure.colorbar(shown, ax=taps)

    f = torch.linspace(-0.5, 0.5, 257, dtype=torch.float64)
    response = decibels(frequency_response(kernel, *torch.meshgrid(f, f, indexing="xy")))
    shown = plane.imshow(response.numpy(), extent=(-0.5, 0.5, -0.5, 0.5), vmin=FLOOR_DB, vmax=0)
    edge: dict[str, Any] = {"fill": False, "edgecolor": "white", "linestyle": "--"}
    cutoff, corner = config.cutoff, (-config.cutoff, -config.cutoff)
    band = Rectangle(corner, 2 * cutoff, 2 * cutoff, **edge)
    plane.add_patch(band if config.separable else Circle((0, 0), cutoff, **edge))
    plane.set(title="response, dB", xlabel="cycles per fine pixel", ylabel="cycles per fine pixel")
    figure.colorbar(shown, ax=plane)

    f = torch.linspace(0, 0.5, 501, dtype=torch.float64)
    for name, turn in (("along a row", 0.0), ("at 22.5°", math.pi / 8), ("at 45°", math.pi / 4)):
        fx, fy = f * math.cos(turn), f * math.sin(turn)
        response = decibels(frequency_response(kernel, fx, fy))
        lines.plot(f.numpy(), response.numpy(), label=name)
    lines.axvline(config.cutoff, color="grey", linestyle="--", linewidth=1, label="cutoff")
    lines.set(title="response from the centre", xlabel="cycles per fine pixel", ylabel="dB")
    lines.set_ylim(FLOOR_DB, 5)
    lines.grid(alpha=0.3)
    lines.legend()


def decibels(gain: Tensor) -> Tensor:
    """Return 20 log10 |gain|, not below the floor of the plots."""
    return (20 * gain.abs().clamp_min(1e-12).log10()).clamp_min(FLOOR_DB)


def _places(design: Config, configs: Configs) -> str:
    """Say at which levels a design stands, where there are others."""
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
