"""The interface of a training objective: its loss on a batch, and the model it makes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jinc.nn import Network
from jinc.train.batches import Batch

Predict: TypeAlias = Callable[..., Tensor]
"""The network in training: wrapped for several processes, in the precision of the run."""


class Package(Protocol):
    """A network with all that is needed to use it, saved as a folder."""

    @property
    def network(self) -> Network:
        """The network."""

    def save(self, folder: str | Path) -> None:
        """Write the folder, or replace it atomically."""


P = TypeVar("P", bound=Package)


class Task(Protocol[P]):
    """A network and its training objective."""

    package: P
    """The model, untrained."""

    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the loss of every image of a batch, `[B]`, differentiable."""

    def packaged(self, network: Network) -> P:
        """Return the model with another network, such as an average of the weights."""

    def draw(self, package: P) -> Iterator[NDArray[np.uint8] | None]:
        """Draw a picture of what it can do for each sampler; None while that goes on."""
