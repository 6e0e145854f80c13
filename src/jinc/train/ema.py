"""Exponential moving averages of weights, which sample better than the weights themselves."""

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from jinc.train.buffers import kept_buffers
from jinc.train.sharding import local

N = TypeVar("N", bound=nn.Module)


class Ema(Generic[N]):
    """Keep a slowly following copy of a network.

    The decay grows from 0.1 with the steps, so that the random start is soon forgotten. What is no
    weight, such as the running means of a batch normalisation, is copied as it is.

    Args:
        network: the one that is trained.
        decay: how slowly the copy follows at last, [0, 1); 0 makes it the network, to rounding.
        average: the copy, where it was made before; made now if not given.
    """

    def __init__(self, network: N, decay: float, average: N | None = None) -> None:
        """Copy the network as it is now."""
        self.decay = decay
        self.network: N = copy.deepcopy(network) if average is None else average
        self.network.eval().requires_grad_(False)
        self._averages: list[Tensor] = local(self.network.parameters())
        self._weights: list[Tensor] = local(network.parameters())
        self._copies, self._buffers = kept_buffers(self.network), kept_buffers(network)

    @torch.no_grad()
    def update(self, step: int, finite: Tensor) -> None:
        """Follow the network after step number `step`, 1, 2, …

        Args:
            step: the number.
            finite: whether the step was taken, a boolean `[]` on the device, which is not waited
                for; the average stays, to the bit, where it was not.
        """
        decay = min(self.decay, step / (step + 9))
        pace = torch.where(finite, 1 - decay, 0.0)
        way = torch._foreach_sub(self._weights, self._averages)
        torch._foreach_mul_(way, pace)
        torch._foreach_add_(self._averages, way)
        if self._copies:
            torch._foreach_copy_(self._copies, self._buffers)
