"""One training step: loss, gradients, and an update that is skipped unless all is finite."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jinc.models.calls import in_precision
from jinc.nn import Network
from jinc.streams import Stream, stream
from jinc.train.batches import Batch
from jinc.train.blending import Blend
from jinc.train.checkpoint import Tensors
from jinc.train.config import TrainConfig
from jinc.train.processes import Processes, copies, gradients_apart
from jinc.train.sharding import load_whole, norm, shard, whole
from jinc.train.tasks import Task
from jinc.train.update import (
    BufferGuard,
    Ema,
    LossScale,
    Norms,
    block_norms,
    learning_rate,
    load_optimiser,
    make_optimiser,
    optimiser_tensors,
    take_step,
)


class Stepper:
    """A network in training, with its optimiser and its averages.

    Nothing here waits for the device, which decides whether a step is skipped.

    Args:
        task: the network and its objective.
        config: settings of the run.
        processes: of the run.
        total: number of all steps.
    """

    def __init__(
        self, task: Task[Any], config: TrainConfig, processes: Processes, total: int
    ) -> None:
        self._task, self._config, self._processes, self._total = task, config, processes, total
        self.network: Network = task.package.network.to(processes.device)
        twins = [copy.deepcopy(self.network) for _ in config.ema_decay]
        self._blend: Blend | None = None
        if task.original is not None:
            original = task.original.network.to(processes.device)
            self._blend = Blend(self.network, original) if config.blend else None
        self._splits = config.fsdp and processes.count > 1
        if self._splits:
            for each in (self.network, *twins):
                shard(each, processes)
            self._wrapped: nn.Module = self.network
        else:
            self._wrapped = copies(self.network, processes)
        decays = zip(config.ema_decay, twins, strict=True)
        self.averages = [Ema(self.network, decay, twin) for decay, twin in decays]
        self.optimiser = make_optimiser(config, self.network)
        self._scale = LossScale(config.precision == "fp16", processes.device)
        self._buffers = BufferGuard(self.network)
        self._drops = any(isinstance(m, nn.Dropout) and m.p for m in self.network.modules())
        called: Any = torch.compile(self._wrapped) if config.compile else self._wrapped
        self._predict = in_precision(called, config.precision)
        self.network.train()
        torch.backends.cudnn.benchmark = True  # shapes stay; GPUs only

    @property
    def averaged(self) -> Network:
        """The network with averaged weights; the network itself without EMA."""
        return self.averages[0].network if self.averages else self.network

    def step(self, number: int, batch: Batch, *, stop: bool = False) -> Tensor:
        """Take step 0, 1, 2, …; skip its update unless loss and gradients are finite.

        Args:
            number: of the step.
            batch: this process's share.
            stop: whether this process has a request to stop.

        Returns:
            `[4]` on the device: loss and gradient norm over all processes, and the numbers of
            processes that failed and that have a request to stop.
        """
        self._buffers.remember()
        loss = self.gradients(number, batch)
        size = norm(self.gradient_list())
        # An overflow of scaled gradients lowers the scale, and is no failure.
        overflow = ~size.isfinite()
        failed = ~loss.isfinite() | (overflow & (self._scale.factor <= 1))
        asked = torch.full_like(loss, float(stop))
        own = torch.stack([loss / self._processes.count, failed, overflow, asked])
        loss, failed, overflow, asked = self._processes.add(own)
        self._update(number, size, (failed == 0) & (overflow == 0))
        return torch.stack([loss, size, failed, asked])

    def gradients(self, number: int, batch: Batch) -> Tensor:
        """Compute the gradients of a batch, unscaled, and return its mean loss, `[]`."""
        self.optimiser.zero_grad(set_to_none=True)
        if self._blend is not None:
            self._blend.share = min(1.0, number / (self._config.blend * self._total))
        parts = self._config.accumulation
        total = torch.zeros((), device=self._processes.device)
        for place, part in enumerate(batch.parts(parts)):
            self._seed_dropout(number, place)
            with gradients_apart(self._wrapped, apart=place + 1 < parts):
                loss = self._task.losses(self._predict, part).mean() / parts
                (loss * self._scale.factor).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        if self._scale.on:
            torch._foreach_mul_(self.gradient_list(), 1 / self._scale.factor)
        return total

    def norms(self, number: int, batch: Batch) -> tuple[Norms, Norms]:
        """Return the norms of weights and of a batch's gradients by block; changes only those."""
        self._buffers.remember()
        self.gradients(number, batch)
        taken = torch.tensor(False, device=self._processes.device)
        self._buffers.restore_unless(taken)
        return block_norms(self.network)

    def gradient_list(self) -> list[Tensor]:
        """Return the gradients of all weights that have one."""
        return [p.grad for p in self.network.parameters() if p.grad is not None]

    def groups(self) -> dict[str, Tensors]:
        """Return the tensors of a checkpoint; every process has to call this."""
        groups: dict[str, Tensors] = {"network": whole(self.network.state_dict())}
        for place, average in enumerate(self.averages):
            groups[_group(place)] = whole(average.network.state_dict())
        groups["optimiser"] = whole(optimiser_tensors(self.optimiser))
        groups["scale"] = self._scale.tensors()
        return groups

    def load(self, groups: Mapping[str, Tensors]) -> None:
        """Restore what `groups` returned.

        Raises:
            RuntimeError, ValueError, LookupError: it belongs to another network.
        """
        load_whole(self.network, groups["network"])
        for place, average in enumerate(self.averages):
            load_whole(average.network, groups[_group(place)])
        load_optimiser(self.optimiser, groups["optimiser"])
        self._scale.load(groups["scale"])

    def whole_networks(self) -> Iterator[tuple[float, Network]]:
        """Yield every averaged network with its decay, unsharded on the main process."""
        averages = [(average.decay, average.network) for average in self.averages]
        for decay, network in averages or [(0.0, self.network)]:
            weights = whole(network.state_dict()) if self._splits else {}
            if self._splits and self._processes.is_main:
                network = type(network).of_weights(weights, **network.arguments())
            yield decay, network

    def _update(self, number: int, size: Tensor, finite: Tensor) -> None:
        most = self._config.clip_gradient
        if most:
            torch._foreach_mul_(self.gradient_list(), (most / (size + 1e-6)).clamp_max(1.0))
        rate = learning_rate(self._config, number, self._total)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        take_step(self.optimiser, finite)
        self._buffers.restore_unless(finite)
        self._scale.update(finite)
        for average in self.averages:
            average.update(number + 1, finite)

    def _seed_dropout(self, number: int, part: int) -> None:
        """Make dropout a function of seed, step, process and part: no state to save."""
        if self._drops:
            key = (number, self._processes.rank, part)
            seeds = stream(self._config.seed, Stream.DROPOUT, *key)
            torch.manual_seed(int(seeds.generate_state(1, np.uint64)[0]))


def _group(place: int) -> str:
    return f"ema-{place}" if place else "ema"
