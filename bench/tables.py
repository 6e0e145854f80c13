"""Tables of figures: in a terminal, in JSON, in Markdown and as charts."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from machine import machine
from timing import QUICK, Size

from jinc.files import write_json
from jinc.models import keep_freed_memory
from jinc.report.charts import save


@dataclass(frozen=True)
class Table:
    """Figures by row and column.

    Args:
        title: what was measured.
        rows: figures by column, by the name of the row.
        note: how, in a sentence or two.
        axis: what the names of rows are, where they are numbers; such a table has a chart.
    """

    title: str
    rows: dict[str, dict[str, float]]
    note: str = ""
    axis: str = ""

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the order in which rows bring them."""
        return list(dict.fromkeys(name for row in self.rows.values() for name in row))

    def markdown(self) -> str:
        """Return the table under its title."""
        lines = [f"| {' | '.join(words)} |" for words in self._lines()]
        note = [self.note, ""] if self.note else []
        return "\n".join([f"## {self.title}", "", *note, *lines, ""])

    def _lines(self) -> list[list[str]]:
        head = [self.axis, *self.columns]
        rows = [
            [name, *(_text(row[column]) if column in row else "" for column in self.columns)]
            for name, row in self.rows.items()
        ]
        return [head, ["---"] * len(head), *rows]

    def draw(self, file: Path) -> None:
        """Draw every column over the names of rows, as a PNG."""
        from matplotlib.figure import Figure

        axes = (figure := Figure(figsize=(6.4, 4), layout="constrained")).subplots()
        for column in self.columns:
            points = {float(name): row[column] for name, row in self.rows.items() if column in row}
            axes.plot([*points], [*points.values()], marker="o", label=column)
        axes.set_xscale("log", base=2)
        places = [float(name) for name in self.rows]
        axes.set_xticks(places, labels=[*self.rows])
        axes.set(title=self.title, xlabel=self.axis)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
        save(figure, file)


def _text(value: float) -> str:
    """Return a figure with three digits, whole numbers with all."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write_tables(file: Path, about: str, tables: Sequence[Table]) -> None:
    """Write the tables of a benchmark as JSON, with the first line about it and the machine."""
    listed = {each.title: {"note": each.note, "rows": each.rows} for each in tables}
    what = about.splitlines()[0]
    write_json(file, {"what": what, "machine": machine(), "tables": listed})


def main(about: str, measure: Callable[[Size], Sequence[Table]], name: str) -> None:
    """Run a benchmark from the command line: print its tables and write them as JSON.

    Args:
        about: what it does; the first line is its help.
        measure: the benchmark.
        name: of the file, `results/bench-NAME.json`.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(f"results/bench-{name}.json"))
    options, size = parse(parser)
    keep_freed_memory()  # as in Jinc's commands
    tables = measure(size)
    for table in tables:
        print(table.markdown())
    write_tables(options.out, about, tables)


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Size]:
    """Read the options that all benchmarks have besides the parser's own."""
    parser.add_argument("--rounds", type=int, help=f"at most, by default {Size.rounds}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything run?")
    options = parser.parse_args()
    size = QUICK if options.quick else Size()
    if options.rounds is not None:
        size = replace(size, rounds=options.rounds)
    if size.rounds < 1:
        parser.error(f"--rounds: {size.rounds} is less than 1")
    return options, size
