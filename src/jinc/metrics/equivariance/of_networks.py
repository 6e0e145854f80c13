"""Whether a network follows when its input is moved: f(U x, t) against U f(x, t), per level."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jinc.diffusion import Move, Schedule, eps_of, forward, isotropic, mismatch
from jinc.errors import JincError
from jinc.metrics.decibels import decibels
from jinc.types import Denoiser, Images


@dataclass(frozen=True)
class AtLevel:
    """How well a network follows a move at one level of noise.

    Args:
        t: the level.
        eps_db: of the noise it predicts, whose own range is the peak, so that more images make it a
            little higher; what the network's layers do.
        x0_db: of the clean images it predicts, of peak 2; what is seen.
        eps_floor_db: `eps_db` of a denoiser that follows as well as the move allows.
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
) -> list[AtLevel]:
    """Compare what is said of moved noisy images with what is said of them, moved.

    The floor is that of `isotropic`, fitted to the images: an exactly equivariant denoiser, of
    which only the pixel grid and the edges can take anything. Without one of them, as for flips,
    quarter turns and Fourier shifts, it is the floor of float32.

    A low figure is the network's fault only where the ideal denoiser is equivariant: on data
    without a place or an upright of their own.

    Args:
        denoiser: `(x_t, t) -> x0_hat`.
        schedule: the one it was trained with.
        x0: clean images, `[B, C, H, W]`.
        eps: white noise, likewise.
        move: one for each image; the pixels outside of its mask do not count.
        levels: where to look, 0 … T−1.

    Returns:
        a figure for each level, over all images.

    Raises:
        JincError: a level that is none.
    """
    mask = move.mask(*x0.shape[-2:])
    floor = isotropic.fit(schedule, x0)
    found = []
    for level in levels:
        if not 0 <= level < len(schedule):
            raise JincError(f"levels: {level} is not in 0 … {len(schedule) - 1}")
        t = torch.full((len(x0),), level, device=x0.device)
        x_t = forward(schedule, x0, t, eps)
        seen = [_compare(each, schedule, x_t, t, move, mask) for each in (denoiser, floor)]
        (eps_db, x0_db), (eps_floor, x0_floor) = seen
        found.append(AtLevel(level, eps_db, x0_db, eps_floor, x0_floor))
    return found


def _compare(
    denoiser: Denoiser, schedule: Schedule, x_t: Images, t: Tensor, move: Move, mask: Tensor | None
) -> tuple[float, float]:
    """Compare predicted noise and predicted images."""
    moved = move(x_t)
    x0_hat, x0_moved = denoiser(x_t, t), denoiser(moved, t)
    eps_hat = eps_of(schedule, "x0", x_t, t, x0_hat)
    eps_moved = eps_of(schedule, "x0", moved, t, x0_moved)
    expected = move(eps_hat)
    peak = float(expected.max() - expected.min())
    of_eps = decibels(float(mismatch(eps_moved, expected, mask).mean()), peak)
    return of_eps, decibels(float(mismatch(x0_moved, move(x0_hat), mask).mean()))
