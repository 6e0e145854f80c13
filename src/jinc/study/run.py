"""Running a study: in this process, in several processes, or on a Ray cluster.

A network that fails stops no other. In processes, each network has one of its own, so that one that
is killed, e.g. for lack of memory, affects no other and frees all its memory.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import torch

from jinc.errors import JincError
from jinc.files import one_line
from jinc.locks import Taken
from jinc.study.folder import StudyFolder
from jinc.study.plan import Cell, Study
from jinc.study.work import Progress, fill


@dataclass(frozen=True)
class Done:
    """The outcome of a network.

    Args:
        name: of its first cell.
        failure: the error, in a line; None for success.
        taken: whether another process is working on it.
    """

    name: str
    failure: str | None = None
    taken: bool = False


def run_here(study: Study, folder: StudyFolder, progress: Progress) -> Generator[Done]:
    """Run one network after another in this process, and yield the outcome of each."""
    for unit in folder.open_units(study):
        name = unit[0].name

        def show(what: str, done: int, total: int, name: str = name) -> None:
            progress(f"{name}: {what}", done, total)

        yield _try_to_fill(unit, folder, show)


def run_in_processes(study: Study, folder: StudyFolder, jobs: int) -> Generator[Done]:
    """Run networks in several processes, which share the cores, and yield the outcome of each.

    The processes end with this one, and with the generator; finished work stays, and unfinished
    networks can be continued later.
    """
    threads = max(1, torch.get_num_threads() // jobs)
    units = iter(folder.open_units(study))
    running: dict[Connection, _Worker] = {}
    try:
        while True:
            for unit in islice(units, jobs - len(running)):
                worker = _Worker.start(unit, folder, threads)
                running[worker.answers] = worker
            if not running:
                return
            for answers in wait([*running]):
                assert isinstance(answers, Connection)
                yield running.pop(answers).done()
    finally:
        for worker in running.values():
            worker.process.kill()


def run_on_ray(
    study: Study, folder: StudyFolder, address: str, gpus: float | None = None
) -> Generator[Done]:
    """Run networks on a Ray cluster whose machines see the folder under the same path.

    Args:
        study: the study.
        folder: of the study.
        address: of the cluster; `local` starts one on this machine.
        gpus: GPUs per network; 0.25 puts four networks on one (default: 1 if there are any).

    Yields:
        The outcome of each network.

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
            raise JincError(f"--gpus: {gpus:g} per network, but the cluster has {there:g} in all")
        task = remote.remote(num_gpus=gpus, max_retries=3)(fill_silently)
        waiting = {task.remote(u, folder): u[0].name for u in folder.open_units(study)}
        while waiting:
            done, _ = remote.wait([*waiting])
            for each in done:
                name = waiting.pop(each)
                try:
                    outcome: Done = remote.get(each)
                except remote.exceptions.RayError as error:
                    outcome = Done(name, one_line(error))
                yield outcome
    finally:
        remote.shutdown()


def fill_silently(unit: Sequence[Cell], folder: StudyFolder) -> Done:
    """Fill the cells of a network in another process, without progress."""
    return _try_to_fill(unit, folder, lambda what, done, total: None)


def _try_to_fill(unit: Sequence[Cell], folder: StudyFolder, progress: Progress) -> Done:
    """Fill some cells; errors, out of memory and full disks included, become outcomes."""
    name = unit[0].name
    try:
        fill(unit, folder, progress)
    except Taken:
        return Done(name, taken=True)
    except JincError as error:
        return Done(name, str(error))
    except (RuntimeError, OSError) as error:
        return Done(name, f"{name}: {one_line(error)}")
    return Done(name)


@dataclass(frozen=True, eq=False)
class _Worker:
    """A process that fills the cells of one network."""

    name: str
    process: SpawnProcess
    answers: Connection

    @classmethod
    def start(cls, unit: Sequence[Cell], folder: StudyFolder, threads: int) -> "_Worker":
        """Start a process that ignores SIGINT, since the parent ends it."""
        spawn = multiprocessing.get_context("spawn")
        answers, ours = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_work, args=(unit, folder, threads, ours), daemon=True)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it inherits the mask
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            ours.close()
        return cls(unit[0].name, process, answers)

    def done(self) -> Done:
        """Return the outcome that it sent, or how it ended without one."""
        try:
            answer: Done | None = self.answers.recv()
        except EOFError:
            answer = None
        self.answers.close()
        self.process.join()
        if answer is not None:
            return answer
        reason = "its process was killed, perhaps for lack of memory; reduce --jobs"
        if (self.process.exitcode or 0) > 0:
            reason = "its process ended with the error printed above"
        return Done(self.name, f"{self.name}: {reason}")


def _work(unit: Sequence[Cell], folder: StudyFolder, threads: int, answers: Connection) -> None:
    tie_to_parent()
    torch.set_num_threads(threads)
    answers.send(fill_silently(unit, folder))


def tie_to_parent() -> None:
    """End this process as soon as its parent has ended, in whatever way."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
