"""Reproducible noise: an independent stream for each image of a run."""

from collections.abc import Sequence

import numpy as np
import torch

from jinc.errors import JincError
from jinc.streams import Stream, stream
from jinc.types import Images

SEEDS = 2**32
"""Seeds and indices are below it."""


def check_seed(name: str, seed: int) -> None:
    """Refuse numbers outside of 0 … 2³²−1."""
    if not 0 <= seed < SEEDS:
        raise JincError(f"{name}: {seed} is not from 0 to {SEEDS - 1}")


class SeededNoise:
    """White noise in which image i has its own stream, seeded by (seed, i): a `Noise`.

    An image's noise depends neither on its neighbours in the batch nor on torch's global
    generator, and a new object replays it. Noise is drawn in float32 on the CPU, so that device and
    type change its rounding only.

    The streams are NumPy's, for torch's CPU generator uses only the lowest 32 bits of a seed:
    among 50,000 images two would share their noise in one run out of four. NumPy makes a state of
    four words of 32 bits, one to one, and (seed, i) is two of them, so that no two pairs share a
    stream. Larger numbers would be several words each: 2³² and 0 those of 0 and 1.

    Args:
        seed: of the run, 0 … 2³²−1.
        indices: the number of each image of the batch within the run, 0 … 2³²−1; the same number
            twice is the same noise twice.
        which: another use of noise of the same seed.

    >>> like = torch.zeros(2, 1, 4, 4)
    >>> both = SeededNoise(seed=0, indices=[3, 8])(like)
    >>> torch.equal(SeededNoise(seed=0, indices=[8])(like[:1]), both[1:])
    True
    """

    def __init__(self, seed: int, indices: Sequence[int], which: Stream | None = None) -> None:
        check_seed("seed", seed)
        ends = indices[:: max(1, len(indices) - 1)] if isinstance(indices, range) else indices
        for index in ends:
            check_seed("index", index)
        own = ((seed, int(i)) if which is None else stream(seed, which, int(i)) for i in indices)
        self._streams = [np.random.default_rng(each) for each in own]

    def __call__(self, like: Images) -> Images:
        """Draw the next noise of every image.

        Args:
            like: gives shape, type and device, `[B, C, H, W]` with B = len(indices).

        Returns:
            independent normal values, `[B, C, H, W]`.
        """
        if len(like) != len(self._streams):
            raise JincError(f"noise: made for {len(self._streams)} images, got {len(like)}")
        # From pinned memory a copy to a GPU is asynchronous.
        drawn = torch.empty(like.shape, dtype=torch.float32, pin_memory=like.is_cuda)
        for random, image in zip(self._streams, drawn.numpy(), strict=True):
            random.standard_normal(dtype=np.float32, out=image)
        return drawn.to(like.device, non_blocking=like.is_cuda).to(like.dtype)
