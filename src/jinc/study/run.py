"""Running a study in this process or on a cluster. What fails stops nothing else."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from jinc.errors import JincError
from jinc.files import one_line
from jinc.locks import Taken
from jinc.study.plan import Cell, Study
from jinc.study.work import Places, Progress, fill


@dataclass(frozen=True)
class Done:
    """A network that nothing more is done about.

    Args:
        name: of its first cell.
        failure: what went wrong, in a line; None where nothing did.
        taken: whether it was left to another process, which is at it.
    """

    name: str
    failure: str | None = None
    taken: bool = False


def run_here(study: Study, places: Places, progress: Progress) -> Generator[Done]:
    """Fill the table one network after another.

    Yields:
        Every network when it is done, or has failed.
    """
    for unit in open_units(study, places):
        yield _tried(unit, places, partial(_of, unit, progress))


def run_on_ray(
    study: Study, places: Places, address: str, gpus: float | None = None
) -> Generator[Done]:
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
        JincError: Ray is not installed, or the cluster has too few GPUs, for which Ray would wait.
    """
    try:
        import ray
    except ImportError:
        raise JincError("--ray: needs pip install 'jinc[study]'") from None
    remote: Any = ray
    remote.init(address=None if address == "local" else address, log_to_driver=False)
    try:
        there = float(remote.cluster_resources().get("GPU", 0.0))
        gpus = min(1.0, there) if gpus is None else gpus
        if gpus > there:
            raise JincError(f"--gpus: {gpus:g} for each network, the cluster has {there:g} in all")
        task = remote.remote(num_gpus=gpus, max_retries=3)(filled_quietly)
        waiting = {task.remote(u, places): u[0].name for u in open_units(study, places)}
        while waiting:
            done, _ = remote.wait([*waiting])
            for each in done:
                yield _answer(remote, each, waiting.pop(each))
    finally:
        remote.shutdown()


def open_units(study: Study, places: Places) -> list[list[Cell]]:
    """Return the cells of every network that is not done yet."""
    return [
        unit for unit in study.units() if not all(places.scores(cell).is_file() for cell in unit)
    ]


def filled_quietly(unit: Sequence[Cell], places: Places) -> Done:
    """Fill the cells of a network in a process of its own."""
    return _tried(unit, places, _nobody)


def _of(unit: Sequence[Cell], progress: Progress, what: str, done: int, total: int) -> None:
    progress(f"{unit[0].name}: {what}", done, total)


def _answer(remote: Any, task: Any, name: str) -> Done:
    """Return how a task of Ray's ended, or what went wrong with its machine."""
    try:
        done: Done = remote.get(task)
    except remote.exceptions.RayError as error:
        return Done(name, one_line(error))
    return done


def _tried(unit: Sequence[Cell], places: Places, progress: Progress) -> Done:
    """Fill some cells; tell what went wrong with it, be it a device's memory or a full disk."""
    name = unit[0].name
    try:
        fill(unit, places, progress)
    except Taken:
        return Done(name, taken=True)
    except JincError as error:
        return Done(name, str(error))
    except (RuntimeError, OSError) as error:
        return Done(name, f"{name}: {one_line(error)}")
    return Done(name)


def _nobody(what: str, done: int, total: int) -> None:
    """Nobody watches."""
