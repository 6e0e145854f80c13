"""DDIM inversion: the noise from which DDIM generates a given image."""

from collections.abc import Sequence
from itertools import pairwise

import torch

from jinc.diffusion.process import eps_of, forward, x0_of
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.shapes import check_images
from jinc.diffusion.timesteps import check_falling, path
from jinc.types import Denoiser, Images


@torch.no_grad()
def invert(
    denoiser: Denoiser, schedule: Schedule, x0: Images, steps: int | Sequence[int]
) -> Images:
    """Invert DDIM from clean images to noise; `generate` with as many steps leads back.

    A DDIM step from t' to t uses the noise predicted at t', which is unknown here. The inversion
    uses that predicted at t instead, `x_t' = √ᾱ' x0_hat + √(1−ᾱ') eps`, an error of first order:
    it halves as steps double. For the clean image it uses the noise predicted at level 0. Guidance
    above 1 makes the error grow.

    Args:
        denoiser: `(x_t, t) -> x0_hat`.
        schedule: gives T and `alpha_bar_t`.
        x0: clean images, float, `[B, C, H, W]`.
        steps: number of levels, evenly from T−1 to 0; or the falling levels themselves.

    Returns:
        x_T at the first of the levels, `[B, C, H, W]`.

    Raises:
        JincError: images that are not float, or invalid levels.

    Source: DDIM (arXiv 2010.02502), section 4.3 and eq. 13.

    >>> schedule = Schedule.linear()
    >>> known = lambda x_t, t: torch.full_like(x_t, 0.5)
    >>> bool(invert(known, schedule, torch.full((1, 1, 2, 2), 0.5), steps=10).abs().max() < 0.01)
    True
    """
    check_images(x0, "x0")
    levels = path(len(schedule), steps)
    check_falling(levels)
    x = x0
    for t, t_next in pairwise(reversed(levels)):
        level = max(t, 0)
        x0_hat = denoiser(x, torch.full((len(x),), level, device=x.device))
        eps = eps_of(schedule, "x0", x, level, x0_hat)
        x = forward(schedule, x0_of(schedule, "eps", x, t, eps), t_next, eps)
    return x
