"""Scores of a study as charts and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinc.report.charts import BETTER, INK, UNCERTAIN, WORSE, Chart
from jinc.report.numbers import NOTHING, Number, Pair, aligned, number, signed
from jinc.report.pages.verdicts import figure, tone

ACROSS = 4
"""Scores in a table: as many as fit the width of a printed page."""

ROW = 26
"""Height of a row of a chart, points."""

LONGEST = 18
"""Letters of a name that a chart shows."""

_COLOURS = {"base": INK, "better": BETTER, "worse": WORSE, "open": UNCERTAIN, "single": UNCERTAIN}


@dataclass(frozen=True)
class TableCell:
    """A score of a variant, and its difference to the baseline with its significance."""

    score: Pair
    difference: Pair
    tone: str


@dataclass(frozen=True)
class ScoreTable:
    """Scores of a data set.

    Args:
        data: its name; many scores continue in further tables.
        heads: names of scores, and whether lower is better.
        rows: by variant, a cell for each score; None where there is none.
        floors: each score of an exactly equivariant denoiser; empty without any.
    """

    data: str
    heads: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[str, tuple[TableCell | None, ...]], ...]
    floors: tuple[Number, ...] = ()


@dataclass(frozen=True)
class ScoreChart:
    """Draws a row for each variant: its seeds, their mean and its 95 % interval.

    Args:
        label: of the axis.
        rows: name, colour, and mean, values and half of the interval as in `table.json`.
        lower_is_better: or higher.
        reference: of the baseline, a dashed line; None for none.
    """

    label: str
    rows: Sequence[tuple[str, str, Mapping[str, Any]]]
    lower_is_better: bool
    reference: float | None

    def __call__(self, axes: Any) -> None:
        """Fill the axes."""
        if self.reference is not None:
            axes.axvline(self.reference, color=INK, linestyle="--", linewidth=1)
        low, high = self.limits()
        for place, (name, colour, found) in enumerate(self.rows):
            mean, reach, style = found["mean"], found["reach_95"], {"color": colour, "zorder": 3}
            (mark,) = axes.plot(mean, place, "|", markersize=16, markeredgewidth=3, **style)
            mark.set_gid(f"title:{name}: {number(mean).text}")
            if reach is not None:
                ends = [max(mean - reach, low), min(mean + reach, high)]
                axes.plot(ends, [place] * 2, **style)
                cut = ((low, "<", mean - reach < low), (high, ">", mean + reach > high))
                for at, marker, is_cut in cut:
                    if is_cut:
                        axes.plot(at, place, marker, clip_on=False, **style)
            values = found["values"]
            style |= {"markersize": 8, "markerfacecolor": "none", "markeredgewidth": 1.4}
            (dots,) = axes.plot(values, [place] * len(values), "o", **style)
            dots.set_gid(f"title:{name}: {', '.join(number(each).text for each in values)}")
        names = [n if len(n) <= LONGEST else n[: LONGEST - 1] + "…" for n, _, _ in self.rows]
        axes.set_yticks(range(len(names)), names, color=INK)
        axes.set(xlabel=self.label, xlim=(low, high), ylim=(len(names) - 0.5, -0.5))
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        words = ("← better", "left") if self.lower_is_better else ("better →", "right")
        axes.set_title(words[0], loc=words[1], fontsize=12)

    def limits(self) -> tuple[float, float]:
        """Return limits that hold all values, and intervals as far as values stay readable."""
        found = [each for _, _, each in self.rows]
        values = [value for each in found for value in each["values"]]
        values += [] if self.reference is None else [self.reference]
        low, high = min(values), max(values)
        span = (high - low) or abs(high) or 1.0
        reaches = [(each["mean"], each["reach_95"] or 0.0) for each in found]
        low = max(low - span, min([low, *(mean - reach for mean, reach in reaches)]))
        high = min(high + span, max([high, *(mean + reach for mean, reach in reaches)]))
        return low - 0.05 * span, high + 0.05 * span


def score_charts(column: Mapping[str, Any], baseline: str) -> list[Chart]:
    """Chart the scores in a column of `table.json`, and their differences to the baseline."""
    entries, name, data = column["entries"], column["name"], column["data"]

    def chart(title: str, what: str, label: str, reference: float | None) -> Chart:
        rows = [
            (variant, _COLOURS["base" if variant == baseline else tone(entry)], entry[what])
            for variant, entry in entries.items()
            if entry[what] is not None
        ]
        means = ", ".join(f"{variant} {number(found['mean']).text}" for variant, _, found in rows)
        draw = ScoreChart(label, rows, bool(column["lower_is_better"]), reference)
        alt = f"{data}, {name}: {title}. Means: {means}"
        return Chart(title, alt, draw, height=66 + ROW * len(rows))

    base = entries[baseline]["score"]["mean"] if baseline in entries else None
    charts = [chart(f"{data}: {name}", "score", name, base)]
    if any(entry["difference"] is not None for entry in entries.values()):
        title = f"Difference to {baseline}, by seed"
        charts.append(chart(title, "difference", f"difference of {name}", 0.0))
    return charts


def score_tables(columns: Sequence[Mapping[str, Any]]) -> list[ScoreTable]:
    """Lay out all scores of `table.json`, one or more tables for each data set and group."""
    tables = []
    for data, group in dict.fromkeys((c["data"], c.get("group", "")) for c in columns):
        mine = [c for c in columns if (c["data"], c.get("group", "")) == (data, group)]
        variants = variants_of(mine)
        for first in range(0, len(mine), ACROSS):
            few = mine[first : first + ACROSS]
            cells = [_column([column["entries"].get(v) for v in variants]) for column in few]
            heads = tuple((column["name"], column["lower_is_better"]) for column in few)
            rows = zip(variants, zip(*cells, strict=True), strict=True)
            title = f"{data}: {group}" if group else data
            title += ", continued" * (first > 0)
            floors = tuple(number(column.get("floor")) for column in few)
            some = floors if any(each.value is not None for each in floors) else ()
            tables.append(ScoreTable(title, heads, tuple(rows), some))
    return tables


def _column(entries: Sequence[Mapping[str, Any] | None]) -> list[TableCell | None]:
    """Return the cells of a score, aligned at their decimal points."""

    def pairs(what: str) -> list[Pair]:
        found = [
            (NOTHING, NOTHING) if e is None or e[what] is None else figure(e[what]) for e in entries
        ]
        values, errors = (aligned(column) for column in zip(*found, strict=True))
        return [*zip(values, errors, strict=True)]

    return [
        None
        if entry is None
        else TableCell(score, (signed(apart), error), tone(entry) if entry["difference"] else "")
        for entry, score, (apart, error) in zip(
            entries, pairs("score"), pairs("difference"), strict=True
        )
    ]


def variants_of(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the variants of some columns, in their order."""
    return [*dict.fromkeys(variant for column in columns for variant in column["entries"])]
