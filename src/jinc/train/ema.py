"""The exponential moving average of weights, which samples better than the weights themselves."""

import copy

import torch
from torch import Tensor

from jinc.nn import UNet


class Ema:
    """Keep a slowly following copy of a network.

    The decay grows from 0.1 with the steps, so that the random start is soon forgotten.

    Args:
        network: the one that is trained.
        decay: how slowly the copy follows at last, [0, 1); 0 makes it the network itself.
    """

    def __init__(self, network: UNet, decay: float) -> None:
        """Copy the network as it is now."""
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._averages: list[Tensor] = list(self.network.parameters())
        self._weights: list[Tensor] = list(network.parameters())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the network after step number `step`, 1, 2, …"""
        decay = min(self.decay, step / (step + 9))
        torch._foreach_lerp_(self._averages, self._weights, 1 - decay)
