"""Whether what is generated follows: the same noise, moved, gives the same image, moved.

Two ways to move: the noise is moved before sampling begins, or the state on the way, a little
after every step (configuration E of arXiv 2411.09174). Both are compared with the image that was
generated without moving, and moved when it was finished.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from jinc.diffusion import Method, Move, Moving, Schedule, ddim, following, generate, mismatch
from jinc.diffusion.samplers.sample import After
from jinc.metrics.decibels import decibels
from jinc.signal import disc
from jinc.signal.rotate import UNTORN
from jinc.types import Denoiser, Images, Noise

Replay = Callable[[], Noise]
"""Gives the same noise from its beginning, each time it is called."""


@dataclass(frozen=True, eq=False)
class Sampling:
    """All that decides what is generated, but the noise.

    Args:
        denoiser: `(x_t, t) -> x0_hat`.
        schedule: the one it was trained with.
        like: gives shape, type and device of what is generated, `[B, C, H, W]`.
        method: of sampling.
        steps: as `diffusion.sample` takes them.
    """

    denoiser: Denoiser
    schedule: Schedule
    like: Images
    method: Method = field(default_factory=ddim)
    steps: int | Sequence[int] | None = 50

    def run(self, noise: Noise, after: After | None = None) -> Images:
        """Generate, the start being the first noise that is drawn."""
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
    """Compare `S(U z)` with `U S(z)`, all noise z of a run being moved alike.

    Args:
        sampling: S.
        replay: gives z.
        moves: U, each for all images; the pixels outside of a move's mask do not count.

    Returns:
        PSNR in dB, images being in [−1, 1], one figure a move, over all images.
    """
    still = sampling.run(replay())
    size = still.shape[-2:]
    return [
        _psnr(sampling.run(moved(replay(), move)), move(still), move.mask(*size)) for move in moves
    ]


def moved_on_the_way(
    sampling: Sampling, replay: Replay, movings: Sequence[Moving]
) -> Iterator[tuple[Images, float]]:
    """Compare what is moved after every step with what is moved at the end.

    Fresh noise is moved as far as the image has been, so that nothing but the denoiser, and what
    the many small moves lose, can make a difference.

    Args:
        sampling: what is generated.
        replay: its noise.
        movings: each over the levels that the sampler visits.

    Yields:
        for each, the images that were moved on the way, and their PSNR in dB on the disc that a
        turn does not tear, of peak 2, over all images.
    """
    still = sampling.run(replay())
    height, width = still.shape[-2:]
    inside = disc(width, UNTORN, still.device) if height == width else None
    for moving in movings:
        noise = following(replay(), moving)
        images = sampling.run(noise, noise.after)
        yield images, _psnr(images, moving.by(still, moving.pace(1.0)), inside)


def moved(noise: Noise, move: Move) -> Noise:
    """Return noise of which every draw is moved."""
    return lambda like: move(noise(like))


def _psnr(a: Images, b: Images, mask: Tensor | None) -> float:
    with torch.no_grad():
        return decibels(float(mismatch(a, b, mask).mean()))
