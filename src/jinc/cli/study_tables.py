"""The table of a study in a terminal: one data set at a time, as many scores as fit the width."""

import json
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Printed

from jinc.errors import counted
from jinc.metrics import Column
from jinc.study import Protocol, Table, heading

FRAME = 3
"""Characters of a column besides its words."""


def show_table(table: Table, json_: bool) -> None:
    """Print a table, and how many of its cells are missing; or all of it as JSON."""
    if json_:
        print(json.dumps(table.facts(), ensure_ascii=False))
        return
    _print_table(table)
    if table.missing:
        verb = "is" if len(table.missing) == 1 else "are"
        cells = counted(len(table.missing), "cells")
        print(f"{cells} {verb} missing, such as {table.missing[0]}")


def _print_table(table: Table) -> None:
    """Print every data set with its protocol, in lines that fit the terminal."""
    console = Console()
    console.print(escape(table.study.what or table.study.name))
    protocols = {each.data: each for each in table.protocols}
    for data, group in dict.fromkeys((column.data, column.group) for column in table.columns):
        columns = [c for c in table.columns if (c.data, c.group) == (data, group)]
        title = f"{data}: {group}" if group else data
        for some in _fitting(table, columns, protocols.get(data), console.width):
            printed = Printed(escape(title) if some[0] is columns[0] else "")
            for column in some:
                printed.add_column(escape(heading(column, protocols.get(data))), justify="right")
            for name, words in table.rows(some):
                printed.add_row(escape(name), *words)
            console.print(printed)
        if data in protocols and not group:
            console.print(protocols[data].words(), markup=False, highlight=False)
    if table.measured:
        console.print(table.measured, markup=False, highlight=False)
    console.print("± standard error over seeds; + better, − worse than the baseline, at 95 %")


def _fitting(
    table: Table, columns: Sequence[Column], protocol: Protocol | None, width: int
) -> Iterator[list[Column]]:
    """Split columns into parts that fit a width, with at least one column each."""
    width -= max(cell_len(name) for name, _ in table.rows(columns)) + FRAME + 1
    part: list[Column] = []
    used = 0
    for column in columns:
        words = [heading(column, protocol), *(word for _, (word,) in table.rows([column]))]
        own = max(map(cell_len, words)) + FRAME
        if part and used + own > width:
            yield part
            part, used = [], 0
        part.append(column)
        used += own
    if part:
        yield part
