"""What a network is trained to do: its error on a batch, and what becomes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jinc.nn import Network
from jinc.train.batches import Batch

Predict: TypeAlias = Callable[..., Tensor]
"""The network as it is trained: wrapped for many processes, in the precision of the run."""


class Package(Protocol):
    """A network with all that using it takes, as a folder."""

    @property
    def network(self) -> Network:
        """The network."""

    def save(self, folder: str | Path) -> None:
        """Write the folder, or replace it whole."""


P = TypeVar("P", bound=Package)


class Task(Protocol[P]):
    """A network and what it is trained to do."""

    package: P
    """The network, untrained, with what goes with it."""

    def losses(self, predict: Predict, batch: Batch) -> Tensor:
        """Return the error of every image of a batch, `[B]`, differentiable."""

    def packaged(self, network: Network) -> P:
        """Return another network of this kind, as an average of its weights, ready for use."""

    def draw(self, package: P) -> Iterator[NDArray[np.uint8] | None]:
        """Draw a picture of what it can do for each sampler; None while that goes on."""
