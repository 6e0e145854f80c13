"""Batches of images, timesteps and noise: step k's batch is a function of (seed, k) alone.

So a run resumes exactly without a generator to save, and each of several processes draws its own
rows of a batch without asking the others.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.data import ImageSet, to_float
from jinc.diffusion import Move, MoveKind, random_move
from jinc.nn import NO_CLASS
from jinc.signal.tables import to_device
from jinc.streams import Stream, stream
from jinc.train.augment import Augmentation
from jinc.types import Images, Steps

_HOLDOUT = 4  # outside `streams`, since it defines what existing runs hold out


@dataclass(frozen=True, eq=False)
class Batch:
    """The inputs of a training step.

    Args:
        x0: clean images, `[B, C, H, W]`.
        t: timesteps, `[B]`.
        eps: white noise, shaped like `x0`.
        labels: classes, `[B]`, `NO_CLASS` for none.
        augment: augmentation labels, `[B, numbers]`.
        move: moves of the equivariance loss; None without it.
        level: timesteps of the noise on low-resolution images, `[B]`; None for 0.
        low_noise: white noise for them, `[B, C, h, w]`.
    """

    x0: Images
    t: Steps
    eps: Images
    labels: Tensor
    augment: Tensor
    move: Move | None = None
    level: Steps | None = None
    low_noise: Images | None = None

    def parts(self, count: int) -> Iterator[Self]:
        """Yield so many consecutive parts of equal size."""
        size = len(self.t) // count
        for first in range(0, len(self.t), size):
            yield self._rows(slice(first, first + size))

    def _rows(self, rows: slice) -> Self:
        move = self.move and self.move.rows(rows)
        return replace(self.each(lambda tensor: tensor[rows]), move=move)

    def each(self, change: Callable[[Tensor], Tensor]) -> Self:
        """Return it with each tensor but those of the move changed."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "move"}
        changed: dict[str, Any]
        changed = {n: change(value) for n, value in values.items() if value is not None}
        return replace(self, **changed)


class Batches:
    """Deal out a data set, every image once an epoch, in a new random order.

    Args:
        images: the data.
        batch_size: images a step.
        timesteps: T; t is drawn uniformly from 0 … T − 1.
        seed: of the run.
        augmentation: of the images.
        label_dropout: share of labels to drop.
        moves: kind of the moves of the equivariance loss; None without it.
        most_noise: highest timestep of the noise on low-resolution images: uniform for half of
            them, 0 for the other half, as in sampling.
        factor: of super-resolution.
        among: positions of the images to use (default: all).
        rows: of each batch to return (default: all).
        device: of the batches.
        resident: keep all images there, as bytes.
        workers: threads that prefetch batches.
        ahead: images seen before step 0 beyond `batch_size` per step.
    """

    def __init__(
        self,
        images: ImageSet,
        *,
        batch_size: int,
        timesteps: int,
        seed: int,
        augmentation: Augmentation | None = None,
        label_dropout: float = 0.0,
        moves: MoveKind | None = None,
        most_noise: int = 0,
        factor: int = 1,
        among: NDArray[np.int64] | None = None,
        rows: slice | None = None,
        device: torch.device | None = None,
        resident: bool = False,
        workers: int = 0,
        ahead: int = 0,
    ) -> None:
        self._images, self._size, self._timesteps, self._seed = images, batch_size, timesteps, seed
        self._augmentation = augmentation or Augmentation(())
        self._label_dropout, self._moves = label_dropout, moves
        self._most_noise, self._factor = most_noise, factor
        every = np.arange(len(images))
        self._among = every if among is None else among
        self._rows = range(batch_size)[rows or slice(None)]
        self._device = device or torch.device("cpu")
        self._resident = images.batch(every).to(self._device) if resident else None
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._ahead: deque[tuple[int, Future[Batch]]] = deque()
        self._workers, self._seen_ahead = workers, ahead
        self._pool: ThreadPoolExecutor | None = None

    def indices(self, step: int) -> NDArray[np.int64]:
        """Return the positions of the images of step `step` ≥ 0, `[B]`.

        Batches are cut from the concatenated orders of the epochs, and may span two epochs.
        """
        place = self._seen_ahead + np.arange(step * self._size, (step + 1) * self._size)
        epochs, within = np.divmod(place, len(self._among))
        parts = [self._order(int(e))[within[epochs == e]] for e in np.unique(epochs)]
        return np.concatenate(parts)

    def times(self, step: int) -> NDArray[np.int64]:
        """Return the timesteps of step `step` ≥ 0, `[B]`."""
        return self._small(step).integers(self._timesteps, size=self._size)

    def batch(self, step: int) -> Batch:
        """Return the batch of step `step` ≥ 0, on the device."""
        drawn = self._drawn_ahead(step) if self._workers else self._draw(step)
        there = drawn.each(lambda tensor: tensor.to(self._device, non_blocking=True))
        images = there.x0 if self._resident is None else self._resident[there.x0]
        move = drawn.move
        if move is not None:
            move = replace(move, amounts=to_device(move.amounts, self._device))
        return replace(
            there,
            x0=self._augmentation.apply(to_float(images), drawn.augment),
            augment=self._augmentation.labels(there.augment),
            move=move,
        )

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
            self._ahead.clear()

    def _drawn_ahead(self, step: int) -> Batch:
        """Take a prefetched batch, and queue the next ones."""
        pool = self._pool = self._pool or ThreadPoolExecutor(self._workers)
        if not self._ahead or self._ahead[0][0] != step:
            self._ahead.clear()
        while len(self._ahead) <= 2 * self._workers:
            following = self._ahead[-1][0] + 1 if self._ahead else step
            self._ahead.append((following, pool.submit(self._draw, following)))
        return self._ahead.popleft()[1].result()

    def _draw(self, step: int) -> Batch:
        """Draw a batch on the host.

        Images are bytes, or positions if the data are resident; `augment` has parameters.
        """
        rows = slice(self._rows.start, self._rows.stop)
        random = self._small(step)
        t = random.integers(self._timesteps, size=self._size)[rows]
        hidden = random.random(self._size)[rows] < self._label_dropout
        parameters = self._augmentation.draw(random, self._size)[rows]
        move = random_move(self._moves, random, self._size).rows(rows) if self._moves else None
        indices = self.indices(step)[rows]
        labels = np.full(len(indices), NO_CLASS)
        if self._images.labels is not None:
            labels = np.where(hidden, NO_CLASS, self._images.labels[indices])
        resident = self._resident is not None
        images = torch.from_numpy(indices) if resident else self._images.batch(indices)
        times, classes = torch.from_numpy(t), torch.from_numpy(labels)
        drawn = Batch(images, times, self._noise(step), classes, parameters, move)
        if self._most_noise:
            noise = self._noise(step, Stream.LOW_NOISE, self._factor)
            drawn = replace(drawn, level=self._levels(random)[rows], low_noise=noise)
        # Pinned memory is copied to a GPU without waiting.
        return drawn.each(Tensor.pin_memory) if self._device.type == "cuda" else drawn

    def _levels(self, random: np.random.Generator) -> Tensor:
        """Draw the noise levels of low-resolution images, `[B]`, last in the stream."""
        noisy = random.random(self._size) < 0.5
        levels = random.integers(1, self._most_noise + 1, size=self._size)
        return torch.from_numpy(np.where(noisy, levels, 0))

    def _small(self, step: int) -> np.random.Generator:
        """Return the stream of all draws but noise; the first is t."""
        return np.random.default_rng(stream(self._seed, Stream.SMALL, step))

    def _noise(self, step: int, which: Stream = Stream.NOISE, factor: int = 1) -> Tensor:
        """Draw white noise, each row from its own stream, for images smaller by a factor."""
        shape = self._images.channels, *(side // factor for side in self._images.image_size)
        eps = np.empty((len(self._rows), *shape), np.float32)
        for place, row in enumerate(self._rows):
            random = np.random.default_rng(stream(self._seed, which, step, row))
            random.standard_normal(shape, np.float32, out=eps[place])
        return torch.from_numpy(eps)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        order = self._orders.get(epoch)
        if order is None:
            random = np.random.default_rng(stream(self._seed, Stream.ORDER, epoch))
            order = random.permutation(self._among)
            # A new table, since other threads may read the old one.
            recent = {e: o for e, o in self._orders.items() if e >= epoch - 1}
            self._orders = recent | {epoch: order}
        return order


def hold_out(images: int, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the positions of a data set into those to train on and `count` to validate on."""
    mixed = np.random.default_rng((seed, _HOLDOUT)).permutation(images)
    return np.sort(mixed[count:]), np.sort(mixed[:count])
