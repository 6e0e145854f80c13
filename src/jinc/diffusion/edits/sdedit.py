"""SDEdit: sampling starts from a noisy photograph; the more noise, the less of it is left.

Each function returns `x_t, levels` for `sample(denoiser, schedule, x_t, steps=levels)`.
"""

import math
from collections.abc import Sequence

from jinc.diffusion.process import forward
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.timesteps import check_falling, strided, timesteps
from jinc.errors import JincError
from jinc.types import Images, Noise


def sdedit_start(
    schedule: Schedule,
    photo: Images,
    strength: float,
    noise: Noise,
    steps: int | Sequence[int] = 50,
) -> tuple[Images, list[int]]:
    """Start at a share of the levels: of n, the last ⌈strength·n⌉ are visited.

    Args:
        schedule: of the denoiser.
        photo: clean images, `[B, C, H, W]`.
        strength: in (0, 1]; at 1 all levels are visited.
        noise: white noise on demand, such as `SeededNoise`; called once.
        steps: the falling levels of strength 1; or their number, evenly from T−1 to 0.

    Returns:
        x_t, the photograph at the first level, `[B, C, H, W]`; and the falling levels.

    Source: SDEdit (arXiv 2108.01073), section 3.

    >>> import torch
    >>> x_t, levels = sdedit_start(
    ...     Schedule.linear(), torch.zeros(1, 1, 8, 8), 0.3, torch.randn_like, steps=10
    ... )
    >>> levels
    [222, 111, 0]
    """
    if not 0 < strength <= 1:
        raise JincError(f"strength must be in (0, 1], got {strength}")
    levels = timesteps(len(schedule), steps) if isinstance(steps, int) else steps
    visited = math.ceil(strength * len(levels) - 1e-9)  # .07·100 is 7.000000000000001 in floats
    return sdedit_start_on(schedule, photo, levels[-max(visited, 1) :], noise)


def sdedit_start_at(
    schedule: Schedule, photo: Images, level: int, noise: Noise, steps: int = 50
) -> tuple[Images, list[int]]:
    """Start at a level, and visit `steps` levels from there, or as many as there are.

    Args:
        schedule: of the denoiser.
        photo: clean images, `[B, C, H, W]`.
        level: t, 0 … T−1.
        noise: white noise on demand; called once.
        steps: number of levels, evenly from t to 0, ≥ 1.

    Source: SDEdit (arXiv 2108.01073), section 3.
    """
    if not 0 <= level < len(schedule):
        raise JincError(f"level must be 0 to {len(schedule) - 1}, got {level}")
    return sdedit_start_on(schedule, photo, timesteps(level + 1, min(steps, level + 1)), noise)


def sdedit_start_index(
    schedule: Schedule, photo: Images, index: int, noise: Noise, stride: int = 30
) -> tuple[Images, list[int]]:
    """Start at an index of strided levels, as in CS180: t = 990 − 30·index.

    Args:
        schedule: of the denoiser.
        photo: clean images, `[B, C, H, W]`.
        index: from 0 for the highest level.
        noise: white noise on demand; called once.
        stride: difference of the levels, ≥ 1.

    >>> import torch
    >>> x_t, levels = sdedit_start_index(
    ...     Schedule.linear(), torch.zeros(1, 1, 8, 8), 20, torch.randn_like
    ... )
    >>> levels[0], levels[-1], len(levels)
    (390, 0, 14)
    """
    levels = strided(len(schedule), stride)
    if not 0 <= index < len(levels):
        raise JincError(f"index must be 0 to {len(levels) - 1}, got {index}")
    return sdedit_start_on(schedule, photo, levels[index:], noise)


def sdedit_start_on(
    schedule: Schedule, photo: Images, levels: Sequence[int], noise: Noise
) -> tuple[Images, list[int]]:
    """Start at the first of given falling levels."""
    check_falling(levels)
    return forward(schedule, photo, levels[0], noise(photo)), list(levels)
