"""Effects that change one prediction: its range, its noise amplitude, or what is known of it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from jinc.diffusion.effects.effect import Adjustment
from jinc.diffusion.process import eps_of, with_noise_scaled
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.shapes import check_same_shape, mask_for
from jinc.errors import JincError
from jinc.signal import block_mean, repeat_pixels
from jinc.types import Images, Steps


@dataclass(frozen=True)
class clip(Adjustment):
    """Clip predictions to the range of images, which keeps long sampling chains from drifting.

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
        return x0_hat.clamp(self.low, self.high)


@dataclass(frozen=True)
class dynamic_threshold(Adjustment):
    """Dynamic thresholding: scale down predictions that exceed [−1, 1], instead of clipping them.

    With s the amplitude below which a share `quantile` of an image's values lies, but at least 1,
    the image becomes `clamp(x0, −s, s)/s`. An image with nearly all values in range is only
    clipped; strong guidance, which saturates under `clip`, keeps its detail.

    Args:
        denoiser: whose predictions are limited.
        quantile: share of an image's values, over all channels, in (0, 1]; 1 clips nothing.
        largest: upper bound of s, ≥ 1; 1 is plain clipping. DeepFloyd IF uses 1.5.

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
        amplitudes = x0_hat.abs().flatten(1)
        # `torch.quantile` refuses more than 16 million values; this is the value at that rank.
        rank = math.ceil(self.quantile * amplitudes.shape[1])
        s = amplitudes.kthvalue(rank, dim=1).values.clamp(1, self.largest).view(-1, 1, 1, 1)
        return x0_hat.clamp(-s, s) / s


@dataclass(frozen=True)
class calibrate(Adjustment):
    """Correct the amplitude of the predicted noise to that of the noisy image.

    For networks that normalise their input away, as the published U-Net does: they know the
    direction of the noise in an image but not its amplitude, which differs from image to image by
    1/√(2n) for n numbers. Deterministic sampling accumulates the error to pale or garish images.

    With ε = a d, d being the prediction, ⟨x_t, d⟩ = √(1−ᾱ) a ⟨d, d⟩ + √ᾱ ⟨x0, d⟩, and ⟨x0, d⟩ is
    near zero. The amplitude measured so errs with variance ᾱ/(1−ᾱ)·m/n, m being the mean square of
    x0; a itself varies by 1/(2n) about 1. The best estimate of a weighs the two, and for m = ½ the
    weight of the measurement is 1 − ᾱ: n cancels, and a share ᾱ of the squared error is left.

    Args:
        denoiser: whose predictions are corrected; a scale-aware network does not need it.
        schedule: the one it was trained with.
    """

    schedule: Schedule

    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        noise_power = (1 - self.schedule.alpha_bar(t)).to(x_t.dtype).view(-1, 1, 1, 1)
        eps = eps_of(self.schedule, "x0", x_t, t, x0_hat)
        power = eps.square().sum((1, 2, 3), keepdim=True)
        measured = (x_t * eps).sum((1, 2, 3), keepdim=True) / (noise_power.sqrt() * power)
        measured = torch.where(power > 0, measured, 1.0)  # no noise at all has no amplitude
        factor = 1 + noise_power * (measured - 1)
        return with_noise_scaled(self.schedule, x_t, t, x0_hat, factor)


@dataclass(frozen=True, eq=False)
class consistent(Adjustment):
    """Make predictions consistent with a small image: `x0 = x0_hat + R(low − M x0_hat)`.

    M takes means of blocks and R repeats pixels. M R is the identity, so that the block means of x0
    are exactly the small image; and R is the transpose of M up to a factor, so that x0 is the
    nearest of all images with these means. If `low` is true, the real image is one of them, and x0
    is no farther from it than x0_hat.

    Args:
        denoiser: whose predictions are changed.
        low: small images, `[B, C, h, w]`.
        factor: pixels a side of a block, ≥ 1; images must be `factor` times as large as `low`.

    Source: the null-space part is left to the denoiser, as in DDNM (arXiv 2212.00490), section 3.

    >>> import torch
    >>> ramp = lambda x_t, t: torch.tensor([[[[0.0, 0.0], [1.0, 1.0]]]])
    >>> held = consistent(ramp, low=torch.full((1, 1, 1, 1), 0.75), factor=2)
    >>> held(torch.zeros(1, 1, 2, 2), torch.tensor([5])).tolist()
    [[[[0.25, 0.25], [1.25, 1.25]]]]
    """

    low: Images
    factor: int

    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        means = block_mean(x0_hat, self.factor)
        low = self.low.to(means)
        check_same_shape(means, low, "low")
        return x0_hat + repeat_pixels(low - means, self.factor)


@dataclass(frozen=True, eq=False)
class project(Adjustment):
    """Replace predicted pixels by known ones: `x0 = w·onto + (1−w)·x0_hat`.

    The result has the known pixels exactly where w is 1. Its surroundings fit them only as far as
    the denoiser makes them; `replace` with RePaint's jumps fits them better.

    Args:
        denoiser: whose predictions are changed.
        onto: clean images, `[B, C, H, W]`, or `[1, C, H, W]` for all.
        where: w, 0 … 1: `[H, W]`, or `[B, 1, H, W]`.

    >>> import torch
    >>> grey = lambda x_t, t: 0 * x_t
    >>> half = project(grey, onto=torch.ones(1, 1, 1, 2), where=torch.tensor([[1.0, 0.0]]))
    >>> half(torch.zeros(1, 1, 1, 2), torch.tensor([5])).tolist()
    [[[[1.0, 0.0]]]]
    """

    onto: Images
    where: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", mask_for(self.onto, self.where, "where"))

    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        where, known = self.where.to(x_t), (self.where * self.onto).to(x_t)
        check_same_shape(x_t, known, "onto")
        return known + (1 - where) * x0_hat
