"""Running a study: here, in several processes, or on a cluster. What fails stops nothing else."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from jinc.errors import JincError
from jinc.files import one_line
from jinc.study.plan import Cell, Study
from jinc.study.work import Places, Progress, fill


@dataclass(frozen=True)
class Done:
    """A network that nothing more is done about.

    Args:
        name: of its first cell.
        failure: what went wrong, in a line; None where nothing did.
    """

    name: str
    failure: str | None = None


def run_here(study: Study, places: Places, progress: Progress) -> Iterator[Done]:
    """Fill the table one network after another.

    Yields:
        Every network when it is done, or has failed.
    """
    for unit in _open_units(study, places):
        yield Done(unit[0].name, _tried(unit, places, partial(_of, unit, progress)))


def run_in_processes(study: Study, places: Places, jobs: int) -> Iterator[Done]:
    """Fill it in several processes on this machine, which share its cores and may share a device.

    Yields:
        Every network when it is done, or has failed.

    Raises:
        JincError: a process was killed, and the others with it; what they have done is kept.
    """
    spawn = multiprocessing.get_context("spawn")
    threads = max(1, torch.get_num_threads() // jobs)
    with ProcessPoolExecutor(
        jobs, spawn, torch.set_num_threads, (threads,), max_tasks_per_child=1
    ) as pool:
        waiting = {
            pool.submit(_fill_quietly, unit, places.folder): unit[0].name
            for unit in _open_units(study, places)
        }
        for done in as_completed(waiting):
            try:
                yield Done(waiting[done], done.result())
            except BrokenProcessPool:
                reason = "a process was killed, perhaps for want of memory; take fewer --jobs"
                raise JincError(f"{waiting[done]}: {reason}") from None


def run_on_ray(
    study: Study, places: Places, address: str, gpus: float | None = None
) -> Iterator[Done]:
    """Fill it on a Ray cluster, whose machines see the folder under the same path.

    Args:
        study: the table.
        places: where everything goes.
        address: of the cluster; `local` starts one on this machine.
        gpus: that each network takes, as a share: 0.25 puts four on one; a whole one where there
            are any, if not given.

    Yields:
        Every network when it is done, or has failed.

    Raises:
        JincError: Ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise JincError("--ray: needs pip install 'jinc[study]'") from None
    remote: Any = ray
    remote.init(address=None if address == "local" else address, log_to_driver=False)
    try:
        if gpus is None:
            gpus = min(1.0, remote.cluster_resources().get("GPU", 0.0))
        task = remote.remote(num_gpus=gpus, max_retries=3)(_fill_quietly)
        waiting = {task.remote(u, places.folder): u[0].name for u in _open_units(study, places)}
        while waiting:
            done, _ = remote.wait([*waiting])
            for each in done:
                yield Done(waiting.pop(each), _answer(remote, each))
    finally:
        remote.shutdown()


def open_units(study: Study, places: Places) -> int:
    """Tell how many networks are not done yet."""
    return len(_open_units(study, places))


def _open_units(study: Study, places: Places) -> list[list[Cell]]:
    return [
        unit for unit in study.units() if not all(places.scores(cell).is_file() for cell in unit)
    ]


def _of(unit: Sequence[Cell], progress: Progress, what: str, done: int, total: int) -> None:
    progress(f"{unit[0].name}: {what}", done, total)


def _answer(remote: Any, task: Any) -> str | None:
    """Return what went wrong in a task of Ray's, or with its machine."""
    try:
        failure: str | None = remote.get(task)
    except remote.exceptions.RayError as error:
        return one_line(error)
    return failure


def _fill_quietly(unit: list[Cell], folder: Path) -> str | None:
    """Work in a process of its own; return what went wrong."""
    return _tried(unit, Places(folder), _nobody)


def _tried(unit: Sequence[Cell], places: Places, progress: Progress) -> str | None:
    """Fill some cells; return what went wrong with it, be it the memory of a device."""
    try:
        fill(unit, places, progress)
    except JincError as error:
        return str(error)
    except RuntimeError as error:
        return f"{unit[0].name}: {one_line(error)}"
    return None


def _nobody(what: str, done: int, total: int) -> None:
    """Nobody watches."""
