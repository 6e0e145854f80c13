"""Charts by matplotlib: as a PNG file, or as SVG in the colours of the page that shows them."""

import base64
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image
from torch import Tensor

from jinc.files import writing
from jinc.report.numbers import number
from jinc.report.pictures import embedded

WIDTH, HEIGHT = 440, 250
"""Size on a page in points. Text has 12 points, which on a phone are about as many pixels."""

POINTS = 360
"""Points of a line on a page, at most."""

SERIES = ("#0b63a5", "#b8480a", "#08775a", "#7d3c98", "#806200", "#a3216b")
"""Colours C0 to C5 of a light page; `style.css` has those of a dark one."""

GREY, INK, SOFT, RULE = "#70777e", "#1a1d20", "#565d65", "#d5d9dd"
BETTER, WORSE, UNCERTAIN = SERIES[2], SERIES[1], GREY

_VARIABLES = {colour: f"c{place}" for place, colour in enumerate((*SERIES, GREY))}
_VARIABLES |= {"#808080": "c6", "#ff0000": "worse", INK: "ink", SOFT: "soft", RULE: "line"}
"""The variable of `style.css` that replaces each colour, so that charts follow the page's theme."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the font of the page
    "text.parse_math": False,  # names may contain dollars
    "font.size": 12,
    "axes.labelsize": 12,
    "axes.labelpad": 8,
    "lines.linewidth": 2,
    **dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "text.color"), SOFT),
    **dict.fromkeys(("xtick.color", "ytick.color"), SOFT),
    **{f"axes.spines.{side}": False for side in ("left", "top", "right")},
    **dict.fromkeys(("xtick.bottom", "ytick.left"), False),
    "axes.titley": 1.03,  # looking for a place takes a third of the time of a chart
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": RULE,
}


Curve: TypeAlias = tuple[Sequence[float] | Tensor, Sequence[float] | Tensor]
"""x and y of a line."""


class Key(NamedTuple):
    """An entry of a legend: a line's name, its colour as a variable of `style.css`, and its style.

    Styles are `line`, `faint`, `dashed` and `points`.
    """

    name: str
    colour: str
    style: str


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart on a page.

    Args:
        title: what it shows.
        alt: a sentence with its main figures, for screen readers.
        draw: fills the axes; lines with a label are in the legend, and an artist whose gid is
            `title:…` has that as its tooltip.
        height: points.
    """

    title: str
    alt: str
    draw: Callable[[Any], object]
    height: int = HEIGHT
    width: int = WIDTH

    @property
    def svg(self) -> str:
        """Content of the `<svg>` element, free of markup from data; equal data, equal bytes."""
        return self._drawn[0]

    @property
    def legend(self) -> tuple[Key, ...]:
        """One entry for each named line."""
        return self._drawn[1]

    @cached_property
    def _drawn(self) -> tuple[str, tuple[Key, ...]]:
        from cycler import cycler
        from markupsafe import Markup
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        style = _STYLE | {"axes.prop_cycle": cycler(color=SERIES)}
        style["svg.hashsalt"] = f"{self.title} {self.alt}"  # ids are unique in a page, and stable
        with rc_context(style), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has other fonts
            figure = Figure(figsize=(self.width / 72, self.height / 72))
            axes = figure.add_axes((0, 0, 1, 1))
            figure.patch.set_visible(False)
            axes.patch.set_visible(False)
            self.draw(axes)
            for line in axes.lines:
                _thin(line)
            for axis in (axes.xaxis, axes.yaxis):
                _number_ticks(axis)
            axes.set_position(self._position(axes))
            file = BytesIO()
            metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            figure.savefig(file, format="svg", metadata=metadata)
            return Markup(_inline(file.getvalue().decode())), _legend(axes)

    def _position(self, axes: Any) -> tuple[float, float, float, float]:
        """Leave room for labels: four times as fast as the layout engines of matplotlib."""
        ticks = axes.yaxis.get_major_formatter().format_ticks(axes.yaxis.get_majorticklocs())
        left = 6.8 * max(map(len, ticks), default=0) + (36 if axes.get_ylabel() else 14)
        top = 26 if axes.get_title(loc="left") or axes.get_title(loc="right") else 10
        width, height = self.width - left - 14, self.height - top - 40
        return left / self.width, 40 / self.height, width / self.width, height / self.height


def charts_beside(
    lines: Mapping[str, Sequence[Curve]],
    baseline: str,
    what: str,
    frame: Mapping[str, Any],
    zero: bool = False,
) -> list[Chart]:
    """Chart each variant but the baseline, whose lines are grey in all charts.

    Args:
        lines: by variant, x and y of each seed.
        baseline: of the variants; alone, it has the only chart.
        what: the lines show, for screen readers.
        frame: labels and limits that all axes share.
        zero: draw a dashed line at y = 0.
    """

    def draw(variant: str, axes: Any) -> None:
        if zero:
            axes.axhline(0, color="grey", linestyle="--", linewidth=1.3)
        for name, colour in ((baseline, GREY), (variant, "C0")):
            if name == variant or name in lines:
                for place, line in enumerate(lines[name]):
                    axes.plot(*line, color=colour, label=None if place else name)
        axes.set(**frame)

    shown = [name for name in lines if name != baseline] or [*lines]
    return [Chart(name, f"{what} {name}", partial(draw, name)) for name in shown]


def save(figure: Any, file: Path) -> None:
    """Write a figure of matplotlib as a PNG."""
    with writing(file) as out:
        figure.savefig(out, format="png", dpi=110)


def _thin(line: Any) -> None:
    """Keep the lowest and the highest point of each stretch of a long line: no spike is lost."""
    x, y = map(np.asarray, line.get_data())
    if len(x) <= POINTS:
        return
    stretches = np.array_split(np.arange(len(x)), POINTS // 2)
    ends = [at for s in stretches for at in sorted({s[y[s].argmin()], s[y[s].argmax()]})]
    line.set_data(x[ends], y[ends])


def _number_ticks(axis: Any) -> None:
    """Write the numbers of an axis like those in the text."""
    from matplotlib import ticker

    round_numbers = ticker.MaxNLocator(6, steps=(1, 2, 2.5, 5, 10))
    if axis.get_scale() == "log":
        low, high = axis.get_view_interval()
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 3, 5, 7)))
        axis.set_minor_locator(ticker.NullLocator())
        if sum(low <= tick <= high for tick in axis.get_majorticklocs()) < 3:
            axis.set_major_locator(round_numbers)  # less than from one power to the next
    elif isinstance(axis.get_major_locator(), ticker.AutoLocator):
        axis.set_major_locator(round_numbers)
    if isinstance(axis.get_major_formatter(), ticker.ScalarFormatter | ticker.LogFormatter):
        axis.set_major_formatter(lambda value, _: number(float(value)).text)


def _legend(axes: Any) -> tuple[Key, ...]:
    from matplotlib.colors import to_hex

    styles = {"--": "dashed", "None": "points"}
    return tuple(
        Key(
            str(line.get_label()),
            _VARIABLES[to_hex(line.get_color())],
            "faint" if line.get_alpha() else styles.get(line.get_linestyle(), "line"),
        )
        for line in axes.lines
        if not re.fullmatch(r"_child\d+", line.get_label())  # what matplotlib calls nameless ones
    )


def _inline(svg: str) -> str:
    """Take the drawing out of an SVG file, in the colours and the font of the page."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(
        r"<defs>\s*<style.*?</defs>|<!--.*?-->|<metadata>.*?</metadata>", "", body, flags=re.DOTALL
    )
    body = re.sub(r"data:image/png;base64,([^\"]*)", lambda png: _webp(png[1]), body)
    groups: list[bool] = []

    def tag(found: re.Match[str]) -> str:
        short = _shorter(found[0])
        if short.startswith("<g") and short != "<g/>":
            groups.append(short != "<g>")  # a group without a property groups nothing
        closes = short == "</g>" and not groups.pop()
        return "" if closes or short in ("<g>", "<g/>") else short

    return re.sub(r"<[^>]*>", tag, re.sub(r">\s+<", "><", body).strip())


def _webp(png: str) -> str:
    """Encode an image of matplotlib's again, in a tenth of the bytes."""
    with Image.open(BytesIO(base64.b64decode(png))) as image:
        return embedded(np.asarray(image.convert("RGBA")), 10_000).uri


_SHORTER = (
    (r"\s+", " "),
    (r'^<g id="title:([^"]*)"', r"<g><title>\1</title"),
    (r'^<g id="[^"]*"', "<g"),
    (r' transform="rotate\(-0 [^"]*"', ""),
    (r'font-size: 12px; |font-family: [^;"]*;? ?', ""),
    (r"fill: none; |; stroke-(linejoin: miter|linecap: (square|butt)|dashoffset: 0)", ""),
    (rf"; fill: {SOFT}(?=\")", ""),
    (rf' clip-path="[^"]*" style="stroke: {RULE}[^"]*"', ' class="rule"'),
    (r" ?([MLCz]) (?=[-\d\"])", r"\1"),
)
"""What a tag can do without: `style.css` says it, or it changes nothing."""


def _shorter(tag: str) -> str:
    for pattern, text in _SHORTER:
        tag = re.sub(pattern, text, tag)
    for colour, variable in _VARIABLES.items():
        tag = tag.replace(colour, f"var(--{variable})")
    return re.sub(r"\d+\.\d{3,}", lambda x: f"{float(x[0]):.1f}".removesuffix(".0"), tag)
