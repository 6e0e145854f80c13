"""Noise that can be drawn again: one private stream for each image of a run."""

from collections.abc import Sequence

import numpy as np
import torch

from jinc.errors import JincError
from jinc.types import Images


class SeededNoise:
    """White noise in which image i has its own stream, seeded by (seed, i): a `Noise`.

    An image's noise depends neither on its neighbours in the batch nor on torch's global
    generator, and building the object again replays it. Noise is always drawn in float32 on the
    CPU, so that device and type change its rounding and nothing else.

    The streams are NumPy's, for torch's CPU generator looks only at the lowest 32 bits of a seed:
    among 50,000 images two would share their noise in one run out of four.

    Args:
        seed: of the run, ≥ 0.
        indices: the number of each image of the batch within the run, ≥ 0; the same number twice
            is the same noise twice.

    Raises:
        JincError: a negative seed or index.

    >>> like = torch.zeros(2, 1, 4, 4)
    >>> both = SeededNoise(seed=0, indices=[3, 8])(like)
    >>> torch.equal(SeededNoise(seed=0, indices=[8])(like[:1]), both[1:])
    True
    """

    def __init__(self, seed: int, indices: Sequence[int]) -> None:
        """Open one stream for each image of the batch."""
        if seed < 0 or min(indices, default=0) < 0:
            raise JincError(f"seed and indices of noise must not be negative: {seed}, {indices}")
        self._streams = [np.random.default_rng((seed, int(i))) for i in indices]

    def __call__(self, like: Images) -> Images:
        """The next noise of every image.

        Args:
            like: gives shape, type and device, `[B, C, H, W]` with B = len(indices).

        Returns:
            independent values of mean 0 and variance 1, `[B, C, H, W]`.

        Raises:
            JincError: the batch does not have one image for each index.
        """
        if len(like) != len(self._streams):
            raise JincError(f"noise for {len(self._streams)} images was asked for {len(like)}")
        shape = tuple(like.shape[1:])
        drawn = [stream.standard_normal(shape, dtype=np.float32) for stream in self._streams]
        return torch.from_numpy(np.stack(drawn)).to(like.device, like.dtype)
