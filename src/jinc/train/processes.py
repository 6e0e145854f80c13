"""The processes of a run: one, or those that torchrun started on one node or several.

All see the same run folder, in which only the main process writes. Work that can fail on one
process alone, such as writing, is done `together`, so that none waits for one that has left.
torchrun notices a process that is killed, or fails in the middle of a step, and ends the others.

torchrun forwards SIGTERM and SIGINT to all, and SIGUSR1 with `--signals-to-handle`; it kills those
that have not saved after 30 s, or `--shutdown-timeout`. Its exit code is 1 unless all are 0.
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
from torch import Tensor, nn

from jinc.errors import JincError, ToldElsewhere, told_once
from jinc.files import one_line
from jinc.models import choose_device
from jinc.train.config import TrainConfig

with warnings.catch_warnings():  # in notebooks, its progress bars ask for ipywidgets
    warnings.filterwarnings("ignore", "IProgress not found")
    from accelerate import PartialState

PATIENCE = timedelta(hours=12)
"""Timeout of processes that wait, e.g. while the main one decodes a large data set."""


@dataclass(frozen=True)
class Processes:
    """The rank and device of this process; as a context manager it leaves the group at the end.

    Args:
        device: of this process.
        rank: from 0.
        count: of processes.
        leaving: callbacks of the end, which release the process group: its threads end with the
            last reference, and may abort the process if they outlive the interpreter.
    """

    device: torch.device
    rank: int = 0
    count: int = 1
    leaving: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)

    @classmethod
    def join(cls, device: str) -> Self:
        """Join the process group that torchrun started, if any; each process takes one device.

        Raises:
            JincError: there is no such device, or the processes cannot connect.
        """
        with told_once():
            chosen = choose_device(device)
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls(chosen)
        on_cpu = chosen.type == "cpu"
        try:
            state = PartialState(cpu=on_cpu, timeout=PATIENCE)
        except (ValueError, RuntimeError) as error:
            reason = f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but processes cannot connect"
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
        if self.count > 1 and error is None:
            self.wait()
            dist.destroy_process_group()
            self.leaving.close()
            gc.collect()  # garbage may hold the group too

    def check(self, config: TrainConfig) -> None:
        """Check that batches can be split over the processes.

        Raises:
            JincError: a batch has no equal shares, or the loss needs it whole.
        """
        (share, rest), parts = divmod(config.batch_size, self.count), config.accumulation
        if rest:
            several = f"{self.count} processes"
            raise JincError(f"batch_size: {config.batch_size} is not a multiple of {several}")
        if share % parts:
            raise JincError(f"accumulation: {share} images per process do not split into {parts}")
        if config.complexity == "published" and self.count > 1:
            raise JincError("complexity: published needs whole batches, on one process")

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice:
        """Return this process's rows of a batch."""
        share = batch_size // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    def add(self, values: Tensor) -> Tensor:
        """Sum values `[n]` over the processes, in place, on the device."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def gather(self, number: int) -> list[int]:
        """Return a number of each process, by rank, once all have sent theirs."""
        numbers = torch.zeros(self.count, dtype=torch.int64, device=self.device)
        numbers[self.rank] = number
        gathered: list[int] = self.add(numbers).tolist()
        return gathered

    def wait(self) -> None:
        """Wait for all processes."""
        self.gather(0)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Run a block that may fail on one process alone; then all fail.

        Raises:
            ToldElsewhere: it failed on another process, which raises the error itself.
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
        """Run a block on the main process first, e.g. to fill a cache; errors as `together`."""
        for turn in (True, False):
            with self.together():
                if self.is_main == turn:
                    yield


def _exit_code(error: Exception) -> int:
    if isinstance(error, JincError):
        return error.exit_code
    return JincError.exit_code if isinstance(error, OSError) else 1


def copies(network: nn.Module, processes: Processes) -> nn.Module:
    """Replicate a network over the processes, with averaged gradients (DDP).

    Batch normalisation uses the statistics of each process's share, and the main process's are
    saved, so that such a network trains differently on several processes.
    """
    if processes.count == 1:
        return network
    if processes.is_main and any(isinstance(m, nn.BatchNorm2d) for m in network.modules()):
        message = "batch normalisation sees each process's share only, unlike on one process"
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
    """Postpone the exchange of gradients, as for all parts of a batch but the last."""
    if isinstance(network, nn.parallel.DistributedDataParallel):
        with network.no_sync() if apart else nullcontext():
            yield
        return
    sharded: Any = network
    if hasattr(network, "set_requires_gradient_sync"):  # it is sharded
        sharded.set_requires_gradient_sync(not apart)
    yield
