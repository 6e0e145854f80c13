"""The table of a study in a terminal: a data set at a time, as many scores as fit side by side."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown

from jinc.metrics import Column
from jinc.study import Judged, Table, figure_words, heading

FRAME = 3
"""Characters that a column takes beside its words."""


def print_table(table: Table) -> None:
    """Print every data set, and who judged it under it, in lines that fit the terminal."""
    console = Console()
    console.print(escape(table.study.what or table.study.name))
    judged = {each.data: each for each in table.judged}
    rows = {
        variant: escape(variant + " (baseline)" * (variant == table.study.baseline))
        for variant in dict.fromkeys(cell.variant for cell in table.study.cells)
    }
    room = console.width - max(map(cell_len, rows.values())) - FRAME - 1
    for data in dict.fromkeys(column.data for column in table.columns):
        mine = [column for column in table.columns if column.data == data]
        for some in _fitting(mine, judged.get(data), [*rows], room):
            shown = Shown(escape(data) if some[0] is mine[0] else "")
            for column in some:
                shown.add_column(escape(heading(column, judged.get(data))), justify="right")
            for variant, name in rows.items():
                shown.add_row(name, *(figure_words(c.entries.get(variant)) for c in some))
            console.print(shown)
        if data in judged:
            console.print(judged[data].words(), markup=False, highlight=False)
    console.print("± standard error over seeds; + better, − worse than the baseline, at 95 %")


def _fitting(
    columns: Sequence[Column], judged: Judged | None, rows: Sequence[str], room: int
) -> Iterator[list[Column]]:
    """Deal out columns so that those of each part fit into the room, one at least."""
    part: list[Column] = []
    taken = 0
    for column in columns:
        words = [heading(column, judged), *(figure_words(column.entries.get(v)) for v in rows)]
        width = max(map(cell_len, words)) + FRAME
        if part and taken + width > room:
            yield part
            part, taken = [], 0
        part.append(column)
        taken += width
    if part:
        yield part
