"""What is not finite is never applied; and what a run says when it keeps happening."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import write_json
from jinc.plain import number_or_none
from jinc.train.buffers import kept_buffers

LIMIT = 5
"""Steps with a loss or a gradient that is no number, in a row, after which training stops."""

Norms: TypeAlias = dict[str, float | None]
"""By the names of a network's parts; None where one is no number."""


class NotFinite(JincError):
    """Loss or gradient were no numbers several times in a row."""

    exit_code = 3


@dataclass(frozen=True)
class NotFiniteReport:
    """What a run looked like when it stopped; numbers that are none are None.

    Args:
        step: number of the step, from 1.
        loss: of it.
        gradient_norm: of it.
        indices: which images it saw.
        t: at which noise levels, likewise.
        weight_norms: by block of the network.
        gradient_norms: by block of the network.
        learning_rate: of the step.
    """

    step: int
    loss: float | None
    gradient_norm: float | None
    indices: list[int]
    t: list[int]
    weight_norms: Norms
    gradient_norms: Norms
    learning_rate: float

    def write(self, file: Path) -> None:
        """Write it as JSON; raise a JincError where that cannot be done."""
        write_json(file, asdict(self))


def norms_of_blocks(network: nn.Module) -> tuple[Norms, Norms]:
    """Return the norms of weights and gradients, by the names of the network's parts."""
    weights: dict[str, list[Tensor]] = {}
    gradients: dict[str, list[Tensor]] = {}
    for name, weight in network.named_parameters():
        block = ".".join(part for part in name.split(".")[:2] if part not in ("weight", "bias"))
        weights.setdefault(block, []).append(weight.detach())
        if weight.grad is not None:
            gradients.setdefault(block, []).append(weight.grad)
    return _norms(weights), _norms(gradients)


class Unchanged:
    """Put back what a forward pass changed in a network, if the step turns out to be none.

    Args:
        network: its buffers are remembered, as the running means of a batch normalisation.
    """

    def __init__(self, network: nn.Module) -> None:
        """Find what there is to remember."""
        self._buffers = kept_buffers(network)
        self._copies: list[Tensor] = []

    def remember(self) -> None:
        """Copy the buffers."""
        self._copies = [buffer.clone() for buffer in self._buffers]

    def restore_unless(self, finite: Tensor) -> None:
        """Put them back where a boolean `[]`, on the device, is false."""
        for buffer, copy in zip(self._buffers, self._copies, strict=True):
            buffer.copy_(torch.where(finite, buffer, copy))


def _norms(tensors: dict[str, list[Tensor]]) -> Norms:
    norm = torch.nn.utils.get_total_norm
    return {name: number_or_none(float(norm(each))) for name, each in tensors.items()}
