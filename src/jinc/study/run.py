"""Running a study: here, in several processes, or on a cluster."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

from jinc.errors import JincError
from jinc.study.plan import Cell, Study
from jinc.study.work import Places, Progress, fill


def run_here(study: Study, places: Places, progress: Progress) -> Iterator[int]:
    """Fill the table one network after another.

    Yields:
        How many networks are done.
    """
    for number, unit in enumerate(_open_units(study, places)):
        fill(unit, places, partial(_of, unit, progress))
        yield number + 1


def run_in_processes(study: Study, places: Places, jobs: int) -> Iterator[int]:
    """Fill it in several processes on this machine, which may share a device.

    Yields:
        How many networks are done.

    Raises:
        JincError: a process failed; what others have done is kept.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, max_tasks_per_child=1) as pool:
        units = _open_units(study, places)
        waiting = [pool.submit(_fill_quietly, unit, places.folder) for unit in units]
        for number, done in enumerate(as_completed(waiting)):
            failure = done.result()
            if failure is not None:
                pool.shutdown(cancel_futures=True)
                raise JincError(failure)
            yield number + 1


def run_on_ray(study: Study, places: Places, address: str, gpus: float) -> Iterator[int]:
    """Fill it on a Ray cluster, whose machines see the folder under the same path.

    Args:
        study: the table.
        places: where everything goes.
        address: of the cluster; `local` starts one on this machine.
        gpus: that each network takes, as a share: 0.25 puts four on one.

    Yields:
        How many networks are done.

    Raises:
        JincError: Ray is not installed, or a task failed.
    """
    try:
        import ray
    except ImportError:
        raise JincError("--ray: needs pip install 'jinc[study]'") from None
    remote: Any = ray
    remote.init(address=None if address == "local" else address, log_to_driver=False)
    try:
        task = remote.remote(num_gpus=gpus, max_retries=3)(_fill_quietly)
        waiting = [task.remote(u, places.folder) for u in _open_units(study, places)]
        total = len(waiting)
        while waiting:
            done, waiting = remote.wait(waiting)
            for failure in remote.get(done):
                if failure is not None:
                    raise JincError(failure)
            yield total - len(waiting)
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


def _fill_quietly(unit: list[Cell], folder: Path) -> str | None:
    """Work in a process of its own; return what went wrong."""
    try:
        fill(unit, Places(folder), _nobody)
    except JincError as error:
        return str(error)
    return None


def _nobody(what: str, done: int, total: int) -> None:
    """Nobody watches."""
