"""Running a study in several processes of this machine, which end with the one that began them.

A network has a process of its own, so that one that is killed, for want of memory perhaps, takes no
other with it, and what the operating system was asked for is given back.
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

import torch

from jinc.study.plan import Cell, Study
from jinc.study.run import Done, filled_quietly, open_units
from jinc.study.work import Places


def run_in_processes(study: Study, places: Places, jobs: int) -> Generator[Done]:
    """Fill the table in several processes, which share the cores and may share a device.

    They end with this one, and with the walk: when it is closed or interrupted, what they have done
    is kept, and what they were at is left for another time.

    Yields:
        Every network when it is done, or has failed.
    """
    threads = max(1, torch.get_num_threads() // jobs)
    units = iter(open_units(study, places))
    at_work: dict[Connection, _Worker] = {}
    try:
        while True:
            for unit in islice(units, jobs - len(at_work)):
                worker = _Worker.start(unit, places, threads)
                at_work[worker.answers] = worker
            if not at_work:
                return
            for answers in wait([*at_work]):
                assert isinstance(answers, Connection)
                yield at_work.pop(answers).done()
    finally:
        for worker in at_work.values():
            worker.process.kill()


def tie_to_parent() -> None:
    """End this process as soon as the one that started it has ended, however that was."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@dataclass(frozen=True, eq=False)
class _Worker:
    """A process that fills the cells of one network.

    Args:
        name: of the first of them.
        process: itself.
        answers: where it tells how that ended.
    """

    name: str
    process: SpawnProcess
    answers: Connection

    @classmethod
    def start(cls, unit: Sequence[Cell], places: Places, threads: int) -> "_Worker":
        """Start one, which no interruption from the keyboard reaches: we end it ourselves."""
        spawn = multiprocessing.get_context("spawn")
        answers, ours = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_work, args=(unit, places, threads, ours), daemon=True)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it inherits that
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            ours.close()
        return cls(unit[0].name, process, answers)

    def done(self) -> Done:
        """Take its answer; where there is none, say how it ended."""
        try:
            answer: Done | None = self.answers.recv()
        except EOFError:
            answer = None
        self.answers.close()
        self.process.join()
        if answer is not None:
            return answer
        reason = "its process was killed, perhaps for want of memory; take fewer --jobs"
        if (self.process.exitcode or 0) > 0:
            reason = "its process ended with the error that is told above"
        return Done(self.name, f"{self.name}: {reason}")


def _work(unit: Sequence[Cell], places: Places, threads: int, answers: Connection) -> None:
    tie_to_parent()
    torch.set_num_threads(threads)
    answers.send(filled_quietly(unit, places))
