"""Equivariance of sampling: moved noise should give the moved image.

Either the noise is moved before sampling, or the state is moved a little after every step
(configuration E of arXiv 2411.09174). Both are compared with the image sampled without moves, and
moved at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from jinc.diffusion import Method, Move, Moving, Schedule, ddim, following, generate, mismatch
from jinc.diffusion.samplers.sampler import After
from jinc.metrics.decibels import decibels
from jinc.signal import disc
from jinc.signal.rotate import UNTORN
from jinc.types import Denoiser, Images, Noise

Replay = Callable[[], Noise]
"""Restarts the same noise at every call."""


@dataclass(frozen=True, eq=False)
class Sampling:
    """A sampling configuration without its noise.

    Args:
        denoiser: `(x_t, t) -> x0_hat`.
        schedule: the one it was trained with.
        like: a tensor of the shape, type and device of the images, `[B, C, H, W]`.
        method: of sampling.
        steps: as `diffusion.sample` takes them.
    """

    denoiser: Denoiser
    schedule: Schedule
    like: Images
    method: Method = field(default_factory=ddim)
    steps: int | Sequence[int] | None = 50

    def run(self, noise: Noise, after: After | None = None) -> Images:
        """Generate images from the first draw of the noise."""
        return generate(
            self.denoiser,
            self.schedule,
            noise(self.like),
            method=self.method,
            steps=self.steps,
            noise=noise,
            after=after,
        )


def moved_start(sampling: Sampling, replay: Replay, moves: Sequence[Move]) -> list[float]:
    """Compare `S(U z)` with `U S(z)`, moving every draw of the noise z.

    Args:
        sampling: S.
        replay: z.
        moves: U, each for all images; pixels outside of its mask do not count.

    Returns:
        PSNR in dB of peak 2, one per move, over all images.
    """
    still = sampling.run(replay())
    size = still.shape[-2:]
    return [
        _psnr(sampling.run(moved(replay(), move)), move(still), move.mask(*size)) for move in moves
    ]


def moved_on_the_way(
    sampling: Sampling, replay: Replay, movings: Sequence[Moving]
) -> Iterator[tuple[Images, float]]:
    """Compare moving after every step with moving at the end.

    Fresh noise is moved as far as the image, so that only the denoiser, and the loss of many small
    moves, can make a difference.

    Args:
        sampling: the sampler.
        replay: its noise.
        movings: each over the levels that the sampler visits.

    Yields:
        for each, the images moved during sampling, and their PSNR in dB of peak 2, on the disc that
        a rotation keeps, over all images.
    """
    still = sampling.run(replay())
    height, width = still.shape[-2:]
    inside = disc(width, UNTORN, still.device) if height == width else None
    for moving in movings:
        noise = following(replay(), moving)
        images = sampling.run(noise, noise.after)
        yield images, _psnr(images, moving.by(still, moving.pace(1.0)), inside)


def moved(noise: Noise, move: Move) -> Noise:
    """Return noise that moves every draw."""
    return lambda like: move(noise(like))


def _psnr(a: Images, b: Images, mask: Tensor | None) -> float:
    with torch.no_grad():
        return decibels(float(mismatch(a, b, mask).mean()))
