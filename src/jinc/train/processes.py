"""The processes of a run: one, or as many as torchrun has started, on one node or several.

All see the same run folder, in which only the main process writes. What fails on one process and
not on the others, as its writing, is done `together`, so that none waits for one that has left. A
process that is killed, or fails on its own in the middle of a step, is torchrun's to notice; it
ends the others.

torchrun passes SIGTERM and SIGINT on to all, and SIGUSR1 with `--signals-to-handle`; it kills those
that have not saved after 30 s, or `--shutdown-timeout`. Whatever the exit codes of the processes,
its own is 1 unless all are 0.
"""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import torch
import torch.distributed as dist
from accelerate import PartialState
from torch import Tensor, nn

from jinc.errors import JincError, ToldElsewhere, told_once
from jinc.files import one_line
from jinc.models import choose_device
from jinc.train.config import TrainConfig

PATIENCE = timedelta(hours=12)
"""How long processes wait for one another, as for the main one to decode a large data set."""


@dataclass(frozen=True)
class Processes:
    """Which process this is, and what it computes on; as a context, left in order at its end.

    Args:
        device: of this process.
        rank: its number, from 0.
        count: how many there are.
        leaving: what else to do when all leave, as to let go of the group of processes. Its threads
            end with the last that holds it; those that outlive the interpreter may abort.
    """

    device: torch.device
    rank: int = 0
    count: int = 1
    leaving: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)

    @classmethod
    def join(cls, device: str) -> Self:
        """Find the others, where torchrun says that there are any.

        Args:
            device: as `choose_device` takes it; of many processes each takes a device of that kind.

        Raises:
            JincError: no such device.
        """
        with told_once():
            chosen = choose_device(device)
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls(chosen)
        on_cpu = chosen.type == "cpu"
        try:
            state = PartialState(cpu=on_cpu, timeout=PATIENCE)
        except (ValueError, RuntimeError) as error:
            reason = f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but processes cannot be joined"
            raise JincError(
                f"{reason} ({one_line(error)}); start them by torchrun, or unset WORLD_SIZE"
            ) from None
        return cls(chosen if on_cpu else state.device, state.process_index, state.num_processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave when all do, but at once after an error, of which the others may not know."""
        if self.count > 1 and error is None:
            self.wait()
            dist.destroy_process_group()
            self.leaving.close()
            gc.collect()  # for what is no longer used may hold it too

    def check(self, config: TrainConfig) -> None:
        """Refuse what cannot be dealt out.

        Raises:
            JincError: a batch that has no equal shares, or a loss that needs all of it at once.
        """
        share, rest = divmod(config.batch_size, self.count)
        if rest:
            raise JincError(
                f"batch_size: {config.batch_size} is no multiple of {self.count} processes"
            )
        if share % config.accumulation:
            raise JincError(
                f"accumulation: {share} images a process have no {config.accumulation} parts"
            )
        if config.complexity == "published" and self.count > 1:
            raise JincError("complexity: the published form needs whole batches, on one process")

    @property
    def is_main(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice:
        """Return which rows of a batch this process takes."""
        share = batch_size // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    def add(self, values: Tensor) -> Tensor:
        """Add values `[n]` up over the processes, in place, on the device."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def gather(self, number: int) -> list[int]:
        """Wait until all have told a number, and return all of them, by rank."""
        numbers = torch.zeros(self.count, dtype=torch.int64, device=self.device)
        numbers[self.rank] = number
        told: list[int] = self.add(numbers).tolist()
        return told

    def wait(self) -> None:
        """Wait until all have come here."""
        self.gather(0)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Do what may fail on one process only, inside without the others; then all fail.

        Raises:
            ToldElsewhere: it failed on another, which raises the error itself.
        """
        problem: Exception | None = None
        try:
            yield
        except Exception as error:
            problem = error
        codes = self.gather(_exit_code(problem) if problem else 0)
        first = next((rank for rank, code in enumerate(codes) if code), None)
        if problem is not None and first == self.rank:
            raise problem
        if first is not None:
            raise ToldElsewhere(codes[first])

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Let the main process through first, as to fill a cache that the others read.

        Raises:
            ToldElsewhere: as `together`.
        """
        for turn in (True, False):
            with self.together():
                if self.is_main == turn:
                    yield


def _exit_code(error: Exception) -> int:
    if isinstance(error, JincError):
        return error.exit_code
    return JincError.exit_code if isinstance(error, OSError) else 1


def copies(network: nn.Module, processes: Processes) -> nn.Module:
    """Let every process train its copy of a network, gradients averaged over all of them.

    Statistics of a batch normalisation stay those of each process's share, and the main process's
    are saved: a network with such norms learns otherwise on many processes than on one.
    """
    if processes.count == 1:
        return network
    if processes.is_main and any(isinstance(m, nn.BatchNorm2d) for m in network.modules()):
        message = "batch normalisation sees each process's share only: not what one would train"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    device = processes.device
    with warnings.catch_warnings():  # torch before 2.13 has no other name for it
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated")
        return nn.parallel.DistributedDataParallel(
            network,
            device_ids=[device.index] if device.index is not None else None,
            broadcast_buffers=False,
            gradient_as_bucket_view=True,
        )


@contextmanager
def gradients_apart(network: nn.Module, apart: bool) -> Iterator[None]:
    """Leave gradients where they are for now, as for all parts of a batch but the last."""
    if isinstance(network, nn.parallel.DistributedDataParallel):
        with network.no_sync() if apart else nullcontext():
            yield
        return
    sharded: Any = network
    if hasattr(network, "set_requires_gradient_sync"):  # it is sharded
        sharded.set_requires_gradient_sync(not apart)
    yield
