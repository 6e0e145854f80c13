"""Keeping predictions in the range of images: by a fixed range, or by each image's own."""

import math
from dataclasses import dataclass

from jinc.diffusion.effects.effect import Adjustment
from jinc.errors import JincError
from jinc.types import Images, Steps


@dataclass(frozen=True)
class clip(Adjustment):
    """Keep predictions in the range of images; keeps long chains of steps from drifting off.

    Args:
        denoiser: whose predictions are clipped.
        low: least value.
        high: greatest value, above low.

    >>> import torch
    >>> loud = lambda x_t, t: 3 * torch.ones_like(x_t)
    >>> float(clip(loud)(torch.zeros(1, 1, 2, 2), torch.tensor([5])).max())
    1.0
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise JincError(f"clip needs low < high, got {self.low} and {self.high}")

    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        """The answer, clipped."""
        return x0_hat.clamp(self.low, self.high)


@dataclass(frozen=True)
class dynamic_threshold(Adjustment):
    """Keep predictions in [−1, 1] by darkening an image that is too loud, instead of cutting it.

    With s the amplitude that a share `quantile` of an image's values keeps to, or 1 if that is
    less, the image becomes `clamp(x0, −s, s)/s`. One whose values are nearly all in range is only
    clipped; strong guidance, which `clip` lets saturate, keeps its detail.

    Args:
        denoiser: whose predictions are kept in range.
        quantile: share of an image's values, over all channels, in (0, 1]; at 1 nothing is cut.
        largest: that s is held to, ≥ 1; at 1 images are clipped and no more. DeepFloyd IF has 1.5.

    Source: Imagen (arXiv 2205.11487), section 2.3.

    >>> import torch
    >>> loud = lambda x_t, t: torch.tensor([[[[-4.0, 0.0, 1.0, 2.0]]]])
    >>> dynamic_threshold(loud, quantile=0.75)(torch.zeros(1, 1, 1, 4), torch.tensor([5])).tolist()
    [[[[-1.0, 0.0, 0.5, 1.0]]]]
    """

    quantile: float = 0.995
    largest: float = math.inf

    def __post_init__(self) -> None:
        if not 0 < self.quantile <= 1:
            raise JincError(f"quantile must be in (0, 1], got {self.quantile}")
        if not self.largest >= 1:
            raise JincError(f"largest must be 1 or more, got {self.largest}")

    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        """The answer, each image in the range of its own amplitude."""
        amplitudes = x0_hat.abs().flatten(1)
        # The value itself at that rank: `torch.quantile` refuses more than 16 million of them.
        rank = math.ceil(self.quantile * amplitudes.shape[1])
        s = amplitudes.kthvalue(rank, dim=1).values.clamp(1, self.largest).view(-1, 1, 1, 1)
        return x0_hat.clamp(-s, s) / s
