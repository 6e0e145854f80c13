"""Images of any size as inputs of an upscaler."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F

from jinc.data import Picture, to_channels, to_float, to_uint8
from jinc.errors import JincError
from jinc.models.generation.upscale import UpscalingModel, factor_of
from jinc.signal import bicubic, block_mean
from jinc.types import Images


@dataclass(frozen=True, eq=False)
class SmallImage:
    """An image to upscale, padded to the smallest size that the model takes.

    Args:
        low: the padded image, `[1, C, h, w]`.
        size: height and width without padding, pixels.
        factor: of upscaling.
        real: the image that it was reduced from, `[1, C, H, W]`; None if there is none.
    """

    low: Images
    size: tuple[int, int]
    factor: int
    real: Images | None

    @classmethod
    def of(cls, picture: Picture, model: UpscalingModel, shrink: bool = False) -> Self:
        """Prepare a picture for a model, or a copy reduced by block means and rounded to 8 bits.

        Raises:
            JincError: it is too small to be reduced.
        """
        pixels = to_channels(picture.on(picture.background), model.channels)
        image = to_float(torch.from_numpy(np.array(pixels))).permute(2, 0, 1)[None]
        factor, real = factor_of(model), None
        if shrink:
            height, width = (side // factor * factor for side in image.shape[2:])
            if not height or not width:
                raise JincError(f"shrink: {picture.name} is smaller than {factor}×{factor} pixels")
            real = image[..., :height, :width]
            image = to_float(to_uint8(block_mean(real, factor)))
        height, width = image.shape[2:]
        beyond = [max(0, n - side) for n, side in zip(model.low_size, (height, width), strict=True)]
        low = F.pad(image, (0, beyond[1], 0, beyond[0]), mode="replicate")
        return cls(low, (height, width), factor, real)

    @property
    def bicubic(self) -> Images:
        """The bicubic enlargement, `[1, C, factor·h, factor·w]`."""
        return self.crop(bicubic(self.low, self.factor))

    def crop(self, images: Images) -> Images:
        """Cut the padding off upscaled images."""
        height, width = (self.factor * side for side in self.size)
        return images[..., :height, :width]
