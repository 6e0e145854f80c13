"""Which images, steps and noise training step k sees: a function of (seed, k), and of nothing else.

So a run that was stopped anywhere goes on exactly, with no generator to save.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet, to_float
from jinc.nn import NO_CLASS
from jinc.types import Images, Steps


@dataclass(frozen=True, eq=False)
class Batch:
    """What a training step is made of.

    Args:
        x0: clean images, `[B, C, H, W]`.
        t: steps, `[B]`.
        eps: white noise, shaped like `x0`.
        labels: classes, `[B]`, `NO_CLASS` where there is none.
    """

    x0: Images
    t: Steps
    eps: Images
    labels: Tensor


class Batches:
    """Deal out a data set, every image once an epoch, in an order drawn anew for each.

    Args:
        images: the data.
        batch_size: images a step.
        timesteps: T; steps are drawn uniformly from 0 … T − 1.
        hflip: mirror half of the images at random.
        seed: of the run.
    """

    def __init__(
        self, images: ImageSet, *, batch_size: int, timesteps: int, hflip: bool, seed: int
    ) -> None:
        """Keep the data and the seed; nothing is drawn yet."""
        self._images, self._size, self._timesteps = images, batch_size, timesteps
        self._hflip, self._seed = hflip, seed
        self._orders: dict[int, NDArray[np.int64]] = {}

    def indices(self, step: int) -> NDArray[np.int64]:
        """Return which images step number `step` ≥ 0 sees, `[B]`.

        The epochs' orders stand end to end, and batches are cut from that line; the last batch of
        an epoch may reach into the next.
        """
        place = np.arange(step * self._size, (step + 1) * self._size)
        epochs, within = np.divmod(place, len(self._images))
        return np.array([self._order(int(e))[i] for e, i in zip(epochs, within, strict=True)])

    def batch(self, step: int, device: torch.device) -> Batch:
        """Return what step number `step` ≥ 0 is made of, on a device."""
        indices = self.indices(step)
        random = np.random.default_rng((self._seed, 1, step))
        flip = torch.from_numpy(random.random(self._size) < 0.5) if self._hflip else None
        x0 = to_float(self._images.batch(indices, flip).to(device))
        t = random.integers(self._timesteps, size=self._size)
        eps = random.standard_normal(x0.shape, dtype=np.float32)
        labels = np.full(self._size, NO_CLASS)
        if self._images.labels is not None:
            labels = self._images.labels[indices]
        return Batch(
            x0,
            torch.from_numpy(t).to(device),
            torch.from_numpy(eps).to(device),
            torch.from_numpy(labels).to(device),
        )

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            self._orders = {e: o for e, o in self._orders.items() if e >= epoch - 1}
            random = np.random.default_rng((self._seed, 0, epoch))
            self._orders[epoch] = random.permutation(len(self._images))
        return self._orders[epoch]
