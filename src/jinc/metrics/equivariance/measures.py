"""Equivariance of a network at each noise level, and of sampling.

A network: f(U x, t) against U f(x, t). Sampling: moved noise should give the moved image; either
the noise is moved before sampling, or the state a little after every step (configuration E of arXiv
2411.09174), and the result is compared with the image sampled without moves, and moved at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias

import torch
from torch import Tensor

from jinc.diffusion import (
    Method,
    Move,
    Moving,
    Schedule,
    ddim,
    eps_of,
    following,
    forward,
    generate,
    isotropic,
    mismatch,
)
from jinc.diffusion.samplers.sampler import After
from jinc.diffusion.timesteps import only_level
from jinc.errors import JincError
from jinc.metrics.decibels import decibels
from jinc.models.trained import Frames
from jinc.signal import disc
from jinc.signal.rotate import UNTORN
from jinc.types import Denoiser, Images, Noise

Replay = Callable[[], Noise]
"""Restarts the same noise at every call."""

InFrames: TypeAlias = Callable[[Frames], Denoiser]
"""The denoiser of a model in other frames, as `Model.in_frames` takes them."""


@dataclass(frozen=True)
class AtLevel:
    """Equivariance of a network at one noise level.

    Args:
        t: the level.
        eps_db: PSNR of the predicted noise, whose own range is the peak, so that it grows slightly
            with the number of images; shows the network's layers.
        x0_db: PSNR of the predicted clean images, of peak 2; shows what is visible.
        eps_floor_db: `eps_db` of an exactly equivariant denoiser.
        x0_floor_db: `x0_db` of that.
    """

    t: int
    eps_db: float
    x0_db: float
    eps_floor_db: float
    x0_floor_db: float


@torch.no_grad()
def network_equivariance(
    denoiser: Denoiser,
    schedule: Schedule,
    x0: Images,
    eps: Images,
    move: Move,
    levels: Sequence[int],
    in_frames: InFrames | None = None,
) -> list[AtLevel]:
    """Compare predictions from moved noisy images with moved predictions.

    The floor is that of `isotropic`, fitted to the images: an exactly equivariant denoiser, limited
    only by the pixel grid and the edges; for flips, quarter turns and Fourier shifts by float32.

    A low value is the network's fault only if the ideal denoiser is equivariant, as on shift- and
    rotation-invariant data.

    Args:
        denoiser: `(x_t, t) -> x0_hat`.
        schedule: the one it was trained with.
        x0: clean images, `[B, C, H, W]`.
        eps: white noise, likewise.
        move: one for each image; pixels outside of its mask do not count.
        levels: timesteps, 0 … T−1.
        in_frames: of the denoiser, if it takes a frame, which then moves with the images.

    Returns:
        one result per level, over all images.
    """
    mask = move.mask(*x0.shape[-2:])
    floor = isotropic.fit(schedule, x0)
    there = denoiser if in_frames is None else in_frames(_frames_of(move, x0))
    pairs = (denoiser, there), (floor, floor)
    found = []
    for level in levels:
        if not 0 <= level < len(schedule):
            raise JincError(f"levels: {level} is not in 0 … {len(schedule) - 1}")
        t = torch.full((len(x0),), level, device=x0.device)
        x_t = forward(schedule, x0, t, eps)
        seen = [_compare(pair, schedule, x_t, t, move, mask) for pair in pairs]
        (eps_db, x0_db), (eps_floor, x0_floor) = seen
        found.append(AtLevel(level, eps_db, x0_db, eps_floor, x0_floor))
    return found


def _frames_of(move: Move, images: Images) -> Frames:
    """Return the frames of moved images, the same at every step."""
    frame = move.frame(*images.shape[-2:])
    return lambda t: frame


def _compare(
    pair: tuple[Denoiser, Denoiser],
    schedule: Schedule,
    x_t: Images,
    t: Tensor,
    move: Move,
    mask: Tensor | None,
) -> tuple[float, float]:
    """Compare predicted noise and images, by a denoiser of still and one of moved images."""
    (still, there), moved = pair, move(x_t)
    x0_hat, x0_moved = still(x_t, t), there(moved, t)
    eps_hat = eps_of(schedule, "x0", x_t, t, x0_hat)
    eps_moved = eps_of(schedule, "x0", moved, t, x0_moved)
    expected = move(eps_hat)
    peak = float(expected.max() - expected.min())
    of_eps = decibels(float(mismatch(eps_moved, expected, mask).mean()), peak)
    return of_eps, decibels(float(mismatch(x0_moved, move(x0_hat), mask).mean()))


@dataclass(frozen=True, eq=False)
class Sampling:
    """A sampling configuration without its noise.

    Args:
        denoiser: `(x_t, t) -> x0_hat`.
        schedule: the one it was trained with.
        like: a tensor of the shape, type and device of the images, `[B, C, H, W]`.
        method: of sampling.
        steps: as `diffusion.sample` takes them.
        in_frames: of the denoiser, if it takes a frame, which then moves with the images.
    """

    denoiser: Denoiser
    schedule: Schedule
    like: Images
    method: Method = field(default_factory=ddim)
    steps: int | Sequence[int] | None = 50
    in_frames: InFrames | None = None

    def moved(self, move: Move) -> Self:
        """Return the sampling of moved images."""
        return self._in(_frames_of(move, self.like))

    def along(self, moving: Moving) -> Self:
        """Return the sampling of images that move during sampling."""
        return self._in(lambda t: moving.frame(moving.made(only_level(t))))

    def _in(self, frames: Frames) -> Self:
        return self if self.in_frames is None else replace(self, denoiser=self.in_frames(frames))

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
        _psnr(sampling.moved(move).run(moved(replay(), move)), move(still), move.mask(*size))
        for move in moves
    ]


def moved_during_sampling(
    sampling: Sampling, replay: Replay, movings: Sequence[Moving]
) -> Iterator[tuple[Images, float]]:
    """Compare moving after every step with moving at the end.

    Fresh noise moves with the image, so that only the denoiser, and the loss of many small moves,
    make a difference.

    Args:
        sampling: the sampler.
        replay: its noise.
        movings: each over the levels that the sampler visits.

    Yields:
        for each, the images moved during sampling, and their PSNR in dB of peak 2, on the disc that
        a rotation keeps, over all images.
    """
    still = sampling.run(replay())
    for moving in movings:
        noise = following(replay(), moving)
        images = sampling.along(moving).run(noise, noise.after)
        yield images, consistency(still, images, moving)


def consistency(still: Images, moved: Images, moving: Moving) -> float:
    """Compare images moved during sampling with those moved at the end.

    Args:
        still: generated without moves, `[B, C, H, W]`.
        moved: generated with them.
        moving: the moves.

    Returns:
        PSNR in dB of peak 2, on the disc that a rotation keeps, over all images.
    """
    height, width = still.shape[-2:]
    inside = disc(width, UNTORN, still.device) if height == width else None
    return _psnr(moved, moving.by(still, moving.pace(1.0)), inside)


def moved(noise: Noise, move: Move) -> Noise:
    """Return noise that moves every draw."""
    return lambda like: move(noise(like))


def _psnr(a: Images, b: Images, mask: Tensor | None) -> float:
    with torch.no_grad():
        return decibels(float(mismatch(a, b, mask).mean()))
