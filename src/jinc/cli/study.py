"""`jinc study`: many networks and one table."""

import json
import sys
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Printed

from jinc.cli.features import AllowTorchScript
from jinc.cli.places import check_folder, make_folder
from jinc.cli.progress import say_what_was_read
from jinc.cli.sampling import SEVERAL
from jinc.cli.study_tables import show_table
from jinc.errors import JincError, counted, unknown
from jinc.models import keep_freed_memory
from jinc.study import (
    Done,
    Study,
    StudyFolder,
    UnitCost,
    check_study,
    make_table,
    measured_tflops,
    read_study,
    run_here,
    run_in_processes,
    run_on_ray,
    study_cost,
)

app = App(name="study", help="Train, sample and score many networks, and compare them in a table.")

Paths = Annotated[tuple[str, ...], SEVERAL, Parameter(name="--place")]
AsJson = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def plan(
    file: Path, /, *, place: Paths = (), tflops: float | None = None, json_: AsJson = False
) -> None:
    """Estimate the cost of a study.

    Args:
        file: the study, a YAML file.
        place: paths for the $names in the file, as mnist=/data/mnist for $mnist.
        tflops: training speed, 10¹² operations per second, of one network at a time (default: half
            the throughput of matrix products, measured on this machine).
        json_: print JSON.
    """
    study = _read(file, place, scored=False)
    if tflops is not None and not 0 < tflops < float("inf"):
        raise JincError(f"--tflops: {tflops} is not a finite number above 0")
    costs = study_cost(study)
    rate = measured_tflops() if tflops is None else tflops
    hours = [1e3 * cost.pflop / rate / 3600 for cost in costs]
    if json_:
        facts = {
            "networks": len(costs),
            "cells": len(study.cells),
            "pflop": round(sum(cost.pflop for cost in costs), 3),
            "tflops": round(rate, 3),
            "hours": round(sum(hours), 2),
        }
        print(json.dumps(facts))
        return
    Console().print(_cost_table(study, costs, hours))
    total = f"{_hours(sum(hours))} h at {rate:.3g} TFLOP/s, on one device"
    print(f"{counted(len(costs), 'networks')}: {total}")


@app.command
def run(
    file: Path,
    /,
    *,
    out: Path,
    place: Paths = (),
    jobs: int = 1,
    ray: str | None = None,
    gpus: float | None = None,
    allow_torchscript: AllowTorchScript = False,
    json_: AsJson = False,
) -> None:
    """Run a study: train, sample and score whatever is missing in its folder.

    It can be stopped at any time; the same command continues it.

    Args:
        file: the study, a YAML file.
        out: folder for runs/, cells/, table.json, table.md, study.yaml and places.json.
        place: paths for the $names in the file, as mnist=/data/mnist for $mnist
            (default: those of the previous run in this folder).
        jobs: number of networks at a time, each in its own process; they may share a device.
        ray: address of a Ray cluster whose machines see the folder under the same path; local
            starts one on this machine.
        gpus: with --ray, GPUs per network; 0.25 puts four on one (default: 1 if there are any).
        json_: print the table as JSON.
    """
    if jobs < 1:
        raise JincError(f"--jobs: {jobs} is not at least 1")
    if gpus is not None and not 0 <= gpus < float("inf"):
        raise JincError(f"--gpus: {gpus} is not a finite number of at least 0")
    check_folder(out)
    if (out / "config.yaml").is_file():
        raise JincError(f"--out: {out}: is a training run, not a study")
    study, folder = _read(file, place, out), StudyFolder(out, allow_torchscript)
    summaries = check_study(study, folder)
    folder.refuse_loss(study, file)
    make_folder(out)
    for summary in summaries:
        say_what_was_read(Console(stderr=True), summary)
    keep_freed_memory()
    before = folder.name()
    if before not in (None, study.name):
        print(f"note: {study.name} replaces the table of {before} in {out}", file=sys.stderr)
    folder.write_study(study, file)
    unfinished = _run(study, folder, jobs, ray, gpus)
    found = make_table(study, folder)
    found.write(folder)
    show_table(found, json_)
    _report_unfinished(unfinished, {unit[0].name for unit in folder.open_units(study)})
    print(f"table: {out / 'table.md'}", file=sys.stderr)


@app.command
def table(file: Path, /, *, out: Path, place: Paths = (), json_: AsJson = False) -> None:
    """Show the table of a study, as far as it is filled, and update table.json and table.md.

    Args:
        file: the study, a YAML file.
        out: folder of the study.
        place: paths for the $names in the file, as mnist=/data/mnist for $mnist
            (default: those of the previous run in this folder).
        json_: print JSON.
    """
    folder = StudyFolder(out)
    if not folder.study.is_file():
        raise JincError(f"--out: {out}: no study was run there")
    study = _read(file, place, out)
    folder.refuse_loss(study, file)
    found = make_table(study, folder)
    show_table(found, json_)
    if folder.holds(file):
        folder.write_study(study, file)
        found.write(folder)
    else:
        print(f"not written: {folder.study} differs from {file}", file=sys.stderr)


def _run(
    study: Study, folder: StudyFolder, jobs: int, ray: str | None, gpus: float | None
) -> list[Done]:
    """Run all unfinished networks with progress bars; return the outcomes that leave cells open."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    unfinished = []
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        whole = bar.add_task("networks", total=len(folder.open_units(study)))
        part = bar.add_task("", total=None, visible=jobs == 1 and ray is None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(part, description=escape(what), completed=done, total=total or None)

        if ray is not None:
            outcomes = run_on_ray(study, folder, ray, gpus)
        elif jobs > 1:
            outcomes = run_in_processes(study, folder, jobs)
        else:
            outcomes = run_here(study, folder, show)
        with closing(outcomes):
            for done in outcomes:
                bar.advance(whole)
                if done.failure is not None:
                    bar.console.print(f"failed: {escape(done.failure)}", highlight=False)
                if done.failure is None and not done.taken:
                    make_table(study, folder).write(folder)
                else:
                    unfinished.append(done)
    return unfinished


def _read(
    file: Path, place: Sequence[str], out: Path | None = None, *, scored: bool = True
) -> Study:
    """Read a study with the paths given, and those of its previous run in a folder."""
    given = {}
    for word in place:
        name, equals, path = word.partition("=")
        if not equals or not name or not path:
            raise JincError(f"--place: {word!r} is not name=path")
        given[name] = path
    before = {} if out is None else StudyFolder(out).places()
    study = read_study(file, before | given, scored=scored)
    for name in given:
        if name not in study.asked:
            said = f"--place {name}: {file} has no ${name}"
            raise unknown(said, name, study.asked) if study.asked else JincError(said)
    return study


def _cost_table(study: Study, costs: Sequence[UnitCost], hours: Sequence[float]) -> Printed:
    printed = Printed(title=escape(study.what or study.name))
    for head in ("network", "parameters", "training, PFLOP", "sampling, PFLOP (estimate)", "hours"):
        printed.add_column(head, justify="left" if head == "network" else "right")
    for cost, each in zip(costs, hours, strict=True):
        numbers = (f"{cost.training_pflop:.3g}", f"{cost.sampling_pflop:.3g}", _hours(each))
        printed.add_row(escape(cost.cell.name), f"{cost.parameters:,}", *numbers)
    return printed


def _report_unfinished(unfinished: Sequence[Done], still_open: Collection[str]) -> None:
    """Raise an error for networks that failed, or that another process has not finished yet."""
    failed = [done for done in unfinished if done.failure is not None]
    if failed:
        count = counted(len(failed), "networks")
        raise JincError(f"{count} failed, such as {failed[0].name}: {failed[0].failure}")
    taken = [done for done in unfinished if done.taken and done.name in still_open]
    if taken:
        raise JincError(
            f"another process is still running {counted(len(taken), 'networks')}, such as "
            f"{taken[0].name}; repeat this command when it has ended"
        )


def _hours(hours: float) -> str:
    """Write hours to about two digits.

    >>> [_hours(hours) for hours in (1234.5, 180.2, 3.25, 0.012, 1e-5)]
    ['1,234', '180', '3.2', '0.012', 'under 0.001']
    """
    if hours >= 10:
        return f"{hours:,.0f}"
    return f"{hours:.2g}" if hours >= 0.001 else "under 0.001"
