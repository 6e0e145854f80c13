"""Keeping small fp16 gradients from vanishing: a factor on the loss that finds its own size."""

import torch
from torch import Tensor

from jinc.train.checkpoint import Tensors

FIRST = 2.0**16
PATIENCE = 2000
"""Good steps after which the factor is doubled."""


class LossScale:
    """A factor that halves when gradients overflow and doubles after a long time without.

    It lives on the device, so that no step waits for the host.

    Args:
        on: whether to scale at all; the factor is 1 for ever if not.
        device: of the gradients.

    Source: Micikevicius et al. 2018 (arXiv 1710.03740), section 3.2.
    """

    def __init__(self, on: bool, device: torch.device) -> None:
        """Start high."""
        self.on = on
        self.factor = torch.tensor(FIRST if on else 1.0, device=device)
        self._good = torch.zeros((), device=device)

    def update(self, finite: Tensor) -> None:
        """Learn whether the last gradients were finite, a boolean `[]`."""
        if not self.on:
            return
        good = torch.where(finite, self._good + 1, 0)
        grown = torch.where(good == PATIENCE, self.factor * 2, self.factor)
        self.factor = torch.where(finite, grown, (self.factor / 2).clamp_min(1.0))
        self._good = torch.where(good == PATIENCE, 0, good)

    def tensors(self) -> dict[str, Tensor]:
        """Return what a checkpoint has to hold."""
        return {"factor": self.factor, "good": self._good}

    def load(self, tensors: Tensors) -> None:
        """Put back what `tensors` returned."""
        self.factor = tensors["factor"].to(self.factor)
        self._good = tensors["good"].to(self._good)
