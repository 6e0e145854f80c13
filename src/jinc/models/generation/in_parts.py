"""A denoiser of more images than a network is shown at once."""

import torch

from jinc.models.generation.shaping import Shaping
from jinc.models.generation.sweep import PIXELS, ROWS
from jinc.models.pixel_model import PixelModel
from jinc.types import Denoiser, Images, Steps


def in_parts(model: PixelModel, shaping: Shaping, count: int) -> Denoiser:
    """Return the denoiser of images 0 … count − 1, which asks the network for some after others.

    Args:
        model: what is asked.
        shaping: what is asked of it; prompts are dealt out by the number of an image.
        count: how many images there are, ≥ 1.
    """
    height, width = model.image_size
    size = min(ROWS, max(1, PIXELS // (height * width)))
    parts = [
        shaping.denoiser(model, range(count)[first : first + size])
        for first in range(0, count, size)
    ]

    def denoiser(x_t: Images, t: Steps) -> Images:
        split = zip(parts, x_t.split(size), t.split(size), strict=True)  # type: ignore[no-untyped-call]
        return torch.cat([part(x, level) for part, x, level in split])

    return denoiser
