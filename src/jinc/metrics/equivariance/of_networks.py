"""Equivariance of a network: f(U x, t) against U f(x, t), per noise level."""

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

    Returns:
        one result per level, over all images.

    Raises:
        JincError: a level is out of range.
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
