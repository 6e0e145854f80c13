"""What a training step does with gradients: learning rate, loss scale, optimiser, EMA, guards."""

import copy
import math
from typing import Generic, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from jinc.plain import number_or_none
from jinc.train.checkpoint import Tensors
from jinc.train.settings import OptimiserSettings
from jinc.train.sharding import alike, local

FIRST = 2.0**16
PATIENCE = 2000
"""Finite steps after which the loss scale doubles."""

_KINDS: dict[str, type[torch.optim.Adam]] = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
N = TypeVar("N", bound=nn.Module)

Norms: TypeAlias = dict[str, float | None]
"""By the names of a network's blocks; None for a norm that is not finite."""


def learning_rate(settings: OptimiserSettings, step: int, total: int) -> float:
    """Return the learning rate of a step: linear warmup, then constant or half a cosine.

    Args:
        settings: the highest rate, the length of the warmup, and the schedule after it.
        step: number of finished steps, 0 … total − 1.
        total: number of all steps.

    Returns:
        The rate, > 0.
    """
    highest, warmup = settings.learning_rate, settings.warmup
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    if settings.lr_schedule == "constant":
        return highest
    share = (step - warmup) / max(1, total - warmup)
    return highest * (1 + math.cos(math.pi * share)) / 2


class LossScale:
    """Dynamic loss scaling for fp16: halves when gradients overflow, doubles after `PATIENCE`.

    The factor is on the device, so that no step waits for the host; it stays 1 unless `on`.

    Source: Micikevicius et al. 2018 (arXiv 1710.03740), section 3.2.
    """

    def __init__(self, on: bool, device: torch.device) -> None:
        self.on = on
        self.factor = torch.tensor(FIRST if on else 1.0, device=device)
        self._good = torch.zeros((), device=device)

    def update(self, finite: Tensor) -> None:
        """Adapt to whether the last gradients were finite, a boolean `[]`."""
        if not self.on:
            return
        good = torch.where(finite, self._good + 1, 0)
        grown = torch.where(good == PATIENCE, self.factor * 2, self.factor)
        self.factor = torch.where(finite, grown, (self.factor / 2).clamp_min(1.0))
        self._good = torch.where(good == PATIENCE, 0, good)

    def tensors(self) -> dict[str, Tensor]:
        """Return the state for a checkpoint."""
        return {"factor": self.factor, "good": self._good}

    def load(self, tensors: Tensors) -> None:
        """Restore what `tensors` returned."""
        self.factor = tensors["factor"].to(self.factor)
        self._good = tensors["good"].to(self._good)


def make_optimiser(settings: OptimiserSettings, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of all weights of a network."""
    return _KINDS[settings.optimiser](
        network.parameters(),
        lr=settings.learning_rate,
        betas=settings.adam_betas,
        weight_decay=settings.weight_decay,
        fused=True,  # one kernel, which can skip the step on the device
    )


def take_step(optimiser: torch.optim.Optimizer, finite: Tensor) -> None:
    """Update the weights where a boolean `[]` on the device is true."""
    # The fused kernels look for these two, which a gradient scaler would put there.
    optimiser.grad_scale = None  # type: ignore[attr-defined]
    optimiser.found_inf = (~finite).float()  # type: ignore[attr-defined]
    optimiser.step()


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state, named `parameter.name`."""
    state = optimiser.state_dict()["state"]
    return {f"{place}.{name}": t for place, entry in state.items() for name, t in entry.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Restore what `optimiser_tensors` returned, in the memory order of the parameters."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        place, name = key.split(".", 1)
        parameter = parameters[int(place)]
        if tensor.ndim:  # the fused step walks through memory, in whatever order it lies
            tensor = torch.empty_like(parameter).copy_(alike(tensor, parameter))
        state.setdefault(int(place), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


class Ema(Generic[N]):
    """An exponential moving average of a network's weights.

    The decay grows from 0.1 with the steps, so that the random initialisation is soon forgotten.
    Buffers, such as the running means of batch normalisation, are copied.

    Args:
        network: the network in training.
        decay: the final decay, [0, 1); 0 follows the network, to rounding.
        average: the network that holds the average; a copy of `network` by default.
    """

    def __init__(self, network: N, decay: float, average: N | None = None) -> None:
        self.decay = decay
        self.network: N = copy.deepcopy(network) if average is None else average
        self.network.eval().requires_grad_(False)
        self._averages: list[Tensor] = local(self.network.parameters())
        self._weights: list[Tensor] = local(network.parameters())
        self._copies, self._buffers = _saved_buffers(self.network), _saved_buffers(network)

    @torch.no_grad()
    def update(self, step: int, finite: Tensor) -> None:
        """Follow the network after step 1, 2, …

        Where `finite`, a boolean `[]` on the device, is false, the average stays the same to the
        bit; the device is not waited for.
        """
        decay = min(self.decay, step / (step + 9))
        pace = torch.where(finite, 1 - decay, 0.0)
        differences = torch._foreach_sub(self._weights, self._averages)
        torch._foreach_mul_(differences, pace)
        torch._foreach_add_(self._averages, differences)
        if self._copies:
            torch._foreach_copy_(self._copies, self._buffers)


class BufferGuard:
    """Restores the buffers of a network after a step that is skipped."""

    def __init__(self, network: nn.Module) -> None:
        self._buffers = _saved_buffers(network)
        self._copies: list[Tensor] = []

    def remember(self) -> None:
        """Copy the buffers before a forward pass."""
        self._copies = [buffer.clone() for buffer in self._buffers]

    def restore_unless(self, finite: Tensor) -> None:
        """Restore them where a boolean `[]`, on the device, is false."""
        for buffer, copied in zip(self._buffers, self._copies, strict=True):
            buffer.copy_(torch.where(finite, buffer, copied))


def block_norms(network: nn.Module) -> tuple[Norms, Norms]:
    """Return the Euclidean norms of weights and gradients by block."""
    weights: dict[str, list[Tensor]] = {}
    gradients: dict[str, list[Tensor]] = {}
    for name, weight in network.named_parameters():
        block = ".".join(part for part in name.split(".")[:2] if part not in ("weight", "bias"))
        weights.setdefault(block, []).append(weight.detach())
        if weight.grad is not None:
            gradients.setdefault(block, []).append(weight.grad)
    return _norms(weights), _norms(gradients)


def _norms(tensors: dict[str, list[Tensor]]) -> Norms:
    norm = torch.nn.utils.get_total_norm
    return {name: number_or_none(float(norm(each))) for name, each in tensors.items()}


def _saved_buffers(network: nn.Module) -> list[Tensor]:
    """Return the buffers that training changes, such as running means; not filter taps."""
    saved = network.state_dict(keep_vars=True)
    return [buffer for name, buffer in network.named_buffers() if name in saved]
