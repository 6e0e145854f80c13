"""`jinc study`: many networks and one table."""

import json
import sys
from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Shown

from jinc.cli.places import check_folder, make_folder
from jinc.cli.progress import say_what_was_read
from jinc.cli.sampling import SEVERAL
from jinc.cli.study_tables import print_table
from jinc.cli.torchscript import AllowTorchScript
from jinc.errors import JincError, unknown
from jinc.models import keep_freed_memory
from jinc.study import (
    Done,
    Places,
    Study,
    Table,
    check_study,
    is_kept,
    keep_study,
    keep_table,
    kept_name,
    kept_places,
    make_table,
    measured_tflops,
    open_units,
    read_study,
    refuse_loss,
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
        place: what the names of data in it that begin with $ stand for: mnist=/data/mnist.
        tflops: how fast a network is worked through, 10¹² operations a second; half of the rate of
            matrix products on this machine, if not given.
        json_: print JSON for machines.
    """
    study = _read(file, place, judged=False)
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
    for head in ("network", "parameters", "training, PFLOP", "sampling, PFLOP (estimate)", "hours"):
        shown.add_column(head, justify="left" if head == "network" else "right")
    for cost, each in zip(costs, hours, strict=True):
        numbers = (f"{cost.training_pflop:.3g}", f"{cost.sampling_pflop:.3g}", _hours(each))
        shown.add_row(escape(cost.cell.name), f"{cost.parameters:,}", *numbers)
    Console().print(shown)
    networks = _count(len(costs), "network")
    print(f"{networks}: {_hours(sum(hours))} h at {rate:.3g} TFLOP/s, on one device")


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
    allow_torchscript: AllowTorchScript = False,
    json_: AsJson = False,
) -> None:
    """Fill the table of a study: train, sample and score what is missing. It may be killed.

    Args:
        file: the study, YAML.
        out: folder for runs/, cells/, table.json and table.md, study.yaml and places.json.
        place: what the names in it that begin with $ stand for: mnist=/data/mnist; those that were
            given when it was run in this folder before, if not given.
        jobs: networks at a time, each in a process of its own; they may share a device.
        ray: address of a Ray cluster that does it, whose machines see the folder; or local.
        gpus: that each network takes on it, as a share: 0.25 puts four on one; a whole one where
            there are any, if not given.
        allow_torchscript: run the programs that the study names as features, torchscript:PATH; they
            can write files and take all memory. Only the command line sets it.
        json_: print JSON for machines.
    """
    if jobs < 1:
        raise JincError(f"--jobs: {jobs} is not at least 1")
    if gpus is not None and not 0 <= gpus < float("inf"):
        raise JincError(f"--gpus: {gpus} is not a finite number of at least 0")
    check_folder(out)
    if (out / "config.yaml").is_file():
        raise JincError(f"--out: {out}: is a training run, and no study")
    study, places = _read(file, place, out), Places(out, allow_torchscript)
    summaries = check_study(study, places)
    refuse_loss(study, file, places)
    make_folder(out)
    for summary in summaries:
        say_what_was_read(Console(stderr=True), summary)
    keep_freed_memory()
    before = kept_name(out)
    if before not in (None, study.name):
        print(f"note: {out} held the table of {before}, {study.name} replaces it", file=sys.stderr)
    keep_study(study, file, places)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        whole = bar.add_task("networks", total=len(open_units(study, places)))
        part = bar.add_task("", total=None, visible=jobs == 1 and ray is None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(part, description=escape(what), completed=done, total=total or None)

        walk: Generator[Done]
        if ray is not None:
            walk = run_on_ray(study, places, ray, gpus)
        elif jobs > 1:
            walk = run_in_processes(study, places, jobs)
        else:
            walk = run_here(study, places, show)
        left = []
        with closing(walk):
            for done in walk:
                bar.advance(whole)
                if done.failure is not None:
                    bar.console.print(f"failed: {escape(done.failure)}", highlight=False)
                if done.failure is None and not done.taken:
                    keep_table(make_table(study, places), places)
                else:
                    left.append(done)
    found = make_table(study, places)
    keep_table(found, places)
    _show(found, json_)
    _refuse_failures(left, {unit[0].name for unit in open_units(study, places)})
    print(f"table: {places.folder / 'table.md'}", file=sys.stderr)


@app.command
def table(file: Path, /, *, out: Path, place: Where = (), json_: AsJson = False) -> None:
    """Show the table of a study, as far as it is filled, and write it into table.json and table.md.

    The places that are given are kept for next time.

    Args:
        file: the study, YAML.
        out: the folder that it was run in.
        place: what the names in it that begin with $ stand for: mnist=/data/mnist; those that were
            given when it was run, if not given.
        json_: print JSON for machines.
    """
    if not (out / "study.yaml").is_file():
        raise JincError(f"--out: {out}: no study was run there")
    study, places = _read(file, place, out), Places(out)
    refuse_loss(study, file, places)
    found = make_table(study, places)
    _show(found, json_)
    if is_kept(file, places):
        keep_study(study, file, places)
        keep_table(found, places)
    else:
        print(f"not written: {out / 'study.yaml'} is another study", file=sys.stderr)


def _read(
    file: Path, place: Sequence[str], out: Path | None = None, *, judged: bool = True
) -> Study:
    """Read a study with the places that are given, and those that were given before.

    Raises:
        JincError: as `read_study`; or a place is given that the study does not ask for.
    """
    given = _places(place)
    kept = {} if out is None else kept_places(out)
    study = read_study(file, kept | given, judged=judged)
    for name in given:
        if name not in study.asked:
            said = f"--place {name}: {file} asks for no such place"
            raise unknown(said, name, study.asked) if study.asked else JincError(said)
    return study


def _show(found: Table, json_: bool) -> None:
    if json_:
        print(json.dumps(found.facts(), ensure_ascii=False))
        return
    print_table(found)
    if found.missing:
        verb = "is" if len(found.missing) == 1 else "are"
        cells = _count(len(found.missing), "cell")
        print(f"{cells} {verb} empty, such as {found.missing[0]}")


def _refuse_failures(left: Sequence[Done], still_open: Collection[str]) -> None:
    """End with what went wrong, or with what another process has not done yet.

    Raises:
        JincError: there is such.
    """
    failed = [done for done in left if done.failure is not None]
    if failed:
        first = failed[0]
        raise JincError(
            f"{_count(len(failed), 'network')} failed, such as {first.name}: {first.failure}"
        )
    taken = [done for done in left if done.taken and done.name in still_open]
    if taken:
        verb = "is" if len(taken) == 1 else "are"
        raise JincError(
            f"{_count(len(taken), 'network')} {verb} left to another process that is at it, "
            f"such as {taken[0].name}; run this again when that has ended"
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _hours(hours: float) -> str:
    """Write hours as people say them.

    >>> [_hours(hours) for hours in (1234.5, 180.2, 3.25, 0.012, 1e-5)]
    ['1,234', '180', '3.2', '0.012', 'under 0.001']
    """
    if hours >= 10:
        return f"{hours:,.0f}"
    return f"{hours:.2g}" if hours >= 0.001 else "under 0.001"


def _places(words: Sequence[str]) -> dict[str, str]:
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
