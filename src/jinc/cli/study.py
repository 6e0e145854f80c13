"""`jinc study`: many networks and one table."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Shown

from jinc.cli.memory import keep_freed_memory
from jinc.cli.places import check_folder, make_folder
from jinc.cli.sampling import SEVERAL
from jinc.errors import JincError
from jinc.files import writing
from jinc.study import (
    Places,
    Table,
    as_markdown,
    figure_words,
    make_table,
    measured_tflops,
    open_units,
    read_study,
    run_here,
    run_in_processes,
    run_on_ray,
    study_cost,
)

app = App(name="study", help="Train, sample and score many networks, and make one table of them.")

Where = Annotated[tuple[str, ...], SEVERAL, Parameter(name="--place")]
AsJson = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def plan(
    file: Path, /, *, place: Where = (), tflops: float | None = None, json_: AsJson = False
) -> None:
    """Say what a study will cost.

    Args:
        file: the study, YAML.
        place: what the names in it that begin with $ stand for: mnist=/data/mnist.
        tflops: how fast a network is worked through, 10¹² operations a second; half of the rate of
            matrix products on this machine, if not given.
        json_: print JSON for machines.
    """
    study = read_study(file, _places(place))
    if tflops is not None and not 0 < tflops < float("inf"):
        raise JincError(f"--tflops: {tflops} is not a finite number above 0")
    costs = study_cost(study)
    rate = measured_tflops() if tflops is None else tflops
    hours = [1e3 * cost.pflop / rate / 3600 for cost in costs]
    facts = {
        "networks": len(costs),
        "cells": len(study.cells),
        "pflop": round(sum(cost.pflop for cost in costs), 3),
        "tflops": round(rate, 3),
        "hours": round(sum(hours), 2),
    }
    if json_:
        print(json.dumps(facts))
        return
    shown = Shown(title=escape(study.what or study.name))
    for head in ("network", "parameters", "training, PFLOP", "sampling, PFLOP", "hours"):
        shown.add_column(head, justify="left" if head == "network" else "right")
    for cost, each in zip(costs, hours, strict=True):
        numbers = (f"{cost.training_pflop:.3g}", f"{cost.sampling_pflop:.3g}", f"{each:.2g}")
        shown.add_row(escape(cost.cell.name), f"{cost.parameters:,}", *numbers)
    Console().print(shown)
    print(f"{len(costs)} networks: {facts['hours']:.1f} h at {rate:.3g} TFLOP/s, on one device")


@app.command
def run(
    file: Path,
    /,
    *,
    out: Path,
    place: Where = (),
    jobs: int = 1,
    ray: str | None = None,
    gpus: float | None = None,
    json_: AsJson = False,
) -> None:
    """Fill the table of a study: train, sample and score what is missing. It may be killed.

    Args:
        file: the study, YAML.
        out: folder for runs/, cells/ and table.json and table.md.
        place: what the names in it that begin with $ stand for: mnist=/data/mnist.
        jobs: networks at a time, each in a process of its own; they may share a device.
        ray: address of a Ray cluster that does it, whose machines see the folder; or local.
        gpus: that each network takes on it, as a share: 0.25 puts four on one; a whole one where
            there are any, if not given.
        json_: print JSON for machines.
    """
    if jobs < 1:
        raise JincError(f"--jobs: {jobs} is not at least 1")
    if gpus is not None and not 0 <= gpus < float("inf"):
        raise JincError(f"--gpus: {gpus} is not a finite number of at least 0")
    check_folder(out)
    study = read_study(file, _places(place))
    make_folder(out)
    keep_freed_memory()
    places = Places(out)
    with writing(out / "study.yaml") as copy:
        copy.write(file.read_bytes())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        whole = bar.add_task("networks", total=open_units(study, places))
        part = bar.add_task("", total=None, visible=jobs == 1 and ray is None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(part, description=escape(what), completed=done, total=total or None)

        if ray is not None:
            walk = run_on_ray(study, places, ray, gpus)
        elif jobs > 1:
            walk = run_in_processes(study, places, jobs)
        else:
            walk = run_here(study, places, show)
        failures = []
        for done in walk:
            bar.advance(whole)
            if done.failure is None:
                _write_table(make_table(study, places), places)
            else:
                failures.append(done)
                bar.console.print(f"failed: {escape(done.failure)}", highlight=False)
    found = make_table(study, places)
    _write_table(found, places)
    _show(found, json_)
    if failures:
        first = failures[0]
        count = "1 network" if len(failures) == 1 else f"{len(failures)} networks"
        raise JincError(f"{count} failed, such as {first.name}: {first.failure}")
    print(f"table: {places.folder / 'table.md'}", file=sys.stderr)


@app.command
def table(file: Path, /, *, out: Path, place: Where = (), json_: AsJson = False) -> None:
    """Show the table of a study, as far as it is filled.

    Args:
        file: the study, YAML.
        out: the folder that it was run in.
        place: what the names in it that begin with $ stand for: mnist=/data/mnist.
        json_: print JSON for machines.
    """
    if not (out / "study.yaml").is_file():
        raise JincError(f"--out: {out}: no study was run there")
    _show(make_table(read_study(file, _places(place)), Places(out)), json_)


def _show(found: Table, json_: bool) -> None:
    if json_:
        print(json.dumps(found.facts(), ensure_ascii=False))
        return
    _print_table(found)
    if found.missing:
        print(f"{len(found.missing)} cells are empty, such as {found.missing[0]}")


def _write_table(found: Table, places: Places) -> None:
    """Write the table for machines and for documents."""
    text = json.dumps(found.facts(), indent=2, ensure_ascii=False)
    for name, words in (("table.json", text + "\n"), ("table.md", as_markdown(found))):
        with writing(places.folder / name) as file:
            file.write(words.encode())


def _print_table(found: Table) -> None:
    shown = Shown(title=escape(found.study.what or found.study.name))
    shown.add_column("")
    for column in found.columns:
        arrow = "↓" if column.lower_is_better else "↑"
        shown.add_column(escape(f"{column.data}: {column.name} {arrow}"), justify="right")
    for variant in dict.fromkeys(cell.variant for cell in found.study.cells):
        mark = " (baseline)" if variant == found.study.baseline else ""
        words = [figure_words(column.entries.get(variant)) for column in found.columns]
        shown.add_row(escape(variant + mark), *words)
    Console().print(shown)
    print("± standard error over seeds; + better, − worse than the baseline, at 95 %")


def _places(words: tuple[str, ...]) -> dict[str, str]:
    """Read `name=path`.

    Raises:
        JincError: a word is none of these.
    """
    found = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or not name or not path:
            raise JincError(f"--place: {word!r} is not name=path")
        found[name] = path
    return found
