"""A denoiser of more images than a network is shown at once."""

import torch

from jinc.models.generation.plan import SamplingPlan
from jinc.models.generation.sweep import PIXELS, ROWS
from jinc.models.pixel_model import PixelModel
from jinc.types import Denoiser, Images, Steps


def in_parts(model: PixelModel, plan: SamplingPlan) -> Denoiser:
    """Return the denoiser of all images of a plan, which asks the network for some after others.

    Args:
        model: what is asked.
        plan: which images, and how.
    """
    height, width = model.image_size
    size = min(ROWS, max(1, PIXELS // (height * width)))
    parts = [
        plan.denoiser(model, range(plan.number)[first : first + size])
        for first in range(0, plan.number, size)
    ]

    def denoiser(x_t: Images, t: Steps) -> Images:
        split = zip(parts, x_t.split(size), t.split(size), strict=True)  # type: ignore[no-untyped-call]
        return torch.cat([part(x, level) for part, x, level in split])

    return denoiser
