"""The exact linear denoiser of images with a radial power spectrum: spectral preconditioning.

A network whose layers are band-limited cannot predict white noise, and does not have to. Split the
clean image into what second-order statistics know and the rest,

    x0_hat = W_t x_t + c_t F(x_t, t).

W_t is Wiener's filter, the best linear denoiser of data with mean μ and power P(f): about the mean,
wave by wave, with s² = ᾱ_t and n² = 1 − ᾱ_t,

    W_t(f) = s P(f) / (s² P(f) + n²).

What it leaves has the variance P n² / (s² P + n²) at each frequency; c_t² is its mean over all
waves, so that the target (x0 − W_t x_t) / c_t of the network F has variance 1 at every level. At
frequencies where images have little power, W_t is near 0 and so is the residual: F has nothing to
predict there. W_t is radially symmetric and commutes with shifts, rotations and flips.

With a white spectrum, P constant, W_t is a scalar: the skip connection of EDM (arXiv 2206.00364,
Table 1), c_skip and c_out for images of variance P.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from jinc.diffusion.process import eps_of, forward
from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError
from jinc.schema import build
from jinc.signal.tables import cached_table
from jinc.signal.waves import WAVES, WavesName
from jinc.types import Images, Steps

LEAST_POWER = 1e-8
"""Of a frequency, relative to the mean over all; smaller ones are rounding."""

ROUNDING = 1e-12
"""Variance of images that are one colour, after rounding."""

ROUNDED = 1e-6
"""Rounding of stored values."""

MOST_POWER = 1e9
"""Of a wave of an image in [−1, 1]: more than its number of pixels."""


@dataclass(frozen=True)
class _Facts:
    """A spectrum in plain values."""

    mean: tuple[float, ...]
    axes: tuple[tuple[float, ...], ...]
    frequency: tuple[float, ...]
    power: tuple[tuple[float, ...], ...]
    share: tuple[float, ...]
    waves: WavesName


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Second-order statistics of images: mean colour, principal colours, and power by frequency.

    Args:
        mean: of each channel, `[C]`.
        axes: orthonormal rows, `[C, C]`: the principal axes of the channels' covariance. Along
            these colours are uncorrelated over all pixels, and power is taken apart.
        frequency: increasing, cycles per pixel, `[R]`, from 0.
        power: variance of a wave of the unitary transform by principal colour and frequency,
            `[C, R]`, > 0; does not depend on the size of the images.
        share: of all waves of an image of the training set, at each frequency, `[R]`.
        waves: `fourier` for periodic images, `cosine` for images with edges.
    """

    mean: Tensor
    axes: Tensor
    frequency: Tensor
    power: Tensor
    share: Tensor
    waves: WavesName = "cosine"

    def __post_init__(self) -> None:
        for name in ("mean", "axes", "frequency", "power", "share"):
            value = getattr(self, name)
            if not value.isfinite().all():
                raise JincError(f"spectrum: {name} holds values that are not finite")
        channels, rings = len(self.mean), len(self.frequency)
        shapes = [list(each.shape) for each in (self.axes, self.power, self.share)]
        if shapes != [[channels, channels], [channels, rings], [rings]]:
            raise JincError(
                f"spectrum: axes, power and share have the shapes {shapes}, which do not fit "
                f"{channels} channels and {rings} frequencies"
            )
        square = self.axes @ self.axes.T - torch.eye(channels, dtype=self.axes.dtype)
        rising = rings > 0 and self.frequency[0] == 0 and (self.frequency.diff() > 0).all()
        valid = {
            "mean": ("within [−1, 1]", (self.mean.abs() <= 1 + ROUNDED).all()),
            "axes": ("orthonormal", square.abs().max() < ROUNDED),
            "frequency": ("increasing from 0", rising),
            "power": (f"positive and below {MOST_POWER:,.0f}", _within(self.power, MOST_POWER)),
            "share": (
                "positive parts of 1",
                _within(self.share, 2.0) and abs(self.share.sum() - 1) < ROUNDED,
            ),
        }
        for name, (words, holds) in valid.items():
            if not holds:
                raise JincError(f"spectrum: {name} must be {words}")

    @classmethod
    def fit(cls, batches: Iterable[Images], waves: WavesName = "cosine") -> Self:
        """Measure the spectrum of a data set, in constant memory.

        Args:
            batches: clean images, `[B, C, H, W]`, all of one size; read twice.
            waves: see the class.

        Raises:
            JincError: no images, or images that are all the same.
        """
        mean, covariance = _colour_moments(batches)
        _, axes = torch.linalg.eigh(covariance)
        axes = axes.T.flip(0)  # strongest first
        power, frequency, share = _ring_power(batches, mean, axes, waves)
        total = float((power * share).sum(1).mean())
        if not total > ROUNDING:
            raise JincError("data: all images are one colour, so their spectrum is zero")
        return cls(mean, axes, frequency, power.clamp(min=LEAST_POWER * total), share, waves)

    def whitened(self) -> Self:
        """Forget all but the variance: EDM's scalar preconditioning."""
        variance = (self.power * self.share).sum(1).mean()
        one = torch.ones(1, dtype=torch.float64)
        return replace(self, frequency=0 * one, power=variance.expand(len(self.mean), 1), share=one)

    def facts(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; `of_facts` reads them."""
        return {
            name: value.tolist() if isinstance(value, Tensor) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Read what `facts` returned.

        Raises:
            JincError: a value is missing, of another type or shape, not finite or not positive.
        """
        plain = build(_Facts, facts, "spectrum")
        for name in ("axes", "power"):
            if len({len(row) for row in getattr(plain, name)}) > 1:
                raise JincError(f"spectrum: rows of {name} differ in length")
        values: dict[str, Any] = {
            name: value if isinstance(value, str) else torch.tensor(value, dtype=torch.float64)
            for name, value in vars(plain).items()
        }
        return cls(**values)

    def power_map(self, height: int, width: int) -> Tensor:
        """Interpolate the power at every wave of a size of images, `[C, H, W]`, float64."""
        radius = WAVES[self.waves].frequency(height, width).clamp(max=float(self.frequency[-1]))
        above = torch.searchsorted(self.frequency, radius).clamp(1, max(len(self.frequency) - 1, 1))
        if len(self.frequency) == 1:
            return self.power[:, :1, None].expand(-1, height, width)
        low, high = self.frequency[above - 1], self.frequency[above]
        share = (radius - low) / (high - low)
        return self.power[:, above - 1] * (1 - share) + self.power[:, above] * share

    def denoise(self, x_t: Images, alpha_bar: Tensor) -> Images:
        """Apply W_t about the mean, the best linear estimate of x0.

        Args:
            x_t: noisy images, `[B, C, H, W]`.
            alpha_bar: ᾱ_t of each, `[B]`, in [0, 1].

        Returns:
            `[B, C, H, W]`.
        """
        level = alpha_bar.to(x_t)[:, None, None, None]
        signal, waves = level.sqrt(), WAVES[self.waves]
        mean, axes = self.mean[:, None, None].to(x_t), self.axes.to(x_t)
        height, width = x_t.shape[-2:]
        power = _power(self, height, width, x_t.dtype, x_t.device)
        gain = signal * power / (level * power + 1 - level)
        colours = torch.einsum("ij,bjhw->bihw", axes, x_t - signal * mean)
        filtered = waves.inverse(gain * waves.transform(colours))
        signal_part: Tensor = torch.einsum("ji,bjhw->bihw", axes, filtered)
        return mean + signal_part

    def residual_std(self, alpha_bar: Tensor) -> Tensor:
        """Return c_t, the standard deviation of a pixel of x0 − W_t x_t, float64, as ᾱ_t."""
        level = alpha_bar.cpu().double()[..., None, None]
        left = self.power * (1 - level) / (level * self.power + 1 - level)
        return (left * self.share).sum(-1).mean(-1).sqrt()


@dataclass(frozen=True, eq=False)
class Spectral:
    """The parametrisation `x0 = W_t x_t + c_t F`, with F of variance 1 at every level.

    Args:
        spectrum: of the training set.
    """

    spectrum: Spectrum

    def target(self, schedule: Schedule, x0: Images, t: int | Tensor, eps: Images) -> Images:
        """`(x0 − W_t x_t)/c_t`."""
        known, scale = self._split(schedule, forward(schedule, x0, t, eps), t)
        return (x0 - known) / scale

    def x0_of(self, schedule: Schedule, x_t: Images, t: int | Tensor, output: Images) -> Images:
        """`W_t x_t + c_t F`."""
        known, scale = self._split(schedule, x_t, t)
        return known + scale * output

    def eps_of(self, schedule: Schedule, x_t: Images, t: int | Tensor, output: Images) -> Images:
        """The noise behind `x0_of`."""
        return eps_of(schedule, "x0", x_t, t, self.x0_of(schedule, x_t, t, output))

    def error_scale(self, schedule: Schedule, t: Steps) -> Tensor:
        """`1/c_t`."""
        return 1 / self.spectrum.residual_std(schedule.alpha_bar(t))

    def _split(self, schedule: Schedule, x_t: Images, t: int | Tensor) -> tuple[Images, Tensor]:
        """Return W_t x_t, and c_t as `[B, 1, 1, 1]`."""
        level = schedule.alpha_bar(t).expand(len(x_t))
        scale = self.spectrum.residual_std(level).to(x_t)[:, None, None, None]
        return self.spectrum.denoise(x_t, level), scale


@cached_table
def _power(
    spectrum: Spectrum, height: int, width: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return `power_map` where it is needed."""
    return spectrum.power_map(height, width).to(device, dtype)


def _within(values: Tensor, most: float) -> bool:
    """Whether values are positive and at most so large."""
    return bool(((values > 0) & (values <= most)).all())


def _colour_moments(batches: Iterable[Images]) -> tuple[Tensor, Tensor]:
    """Return the mean colour `[C]` and the covariance of the channels `[C, C]`, float64."""
    count, first, second = 0, torch.zeros(()), torch.zeros(())
    for images in batches:
        pixels = images.cpu().double().movedim(1, -1).flatten(0, -2)
        count += len(pixels)
        first, second = first + pixels.sum(0), second + pixels.T @ pixels
    if not count:
        raise JincError("data: no images to measure a spectrum of")
    mean = first / count
    return mean, second / count - torch.outer(mean, mean)


def _ring_power(
    batches: Iterable[Images], mean: Tensor, axes: Tensor, name: WavesName
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean power of every ring `[C, R]`, its mean frequency and share of waves `[R]`."""
    waves, count, total = WAVES[name], 0, torch.zeros(())
    for images in batches:
        centred = images.cpu().double() - mean[:, None, None]
        colours = torch.einsum("ij,bjhw->bihw", axes, centred)
        transformed = waves.transform(colours)
        total = total + transformed.abs().square().sum(0)
        count += len(images)
    height, width = total.shape[-2:]
    radius = waves.frequency(height, width).flatten()
    ring = (radius * waves.per_cycle * min(height, width)).round().long()
    _, ring = torch.unique(ring, return_inverse=True)
    held = ring.bincount().double()
    power = torch.zeros(len(total), len(held), dtype=torch.float64)
    power.index_add_(1, ring, total.flatten(1) / count)
    frequency = torch.zeros(len(held), dtype=torch.float64).index_add_(0, ring, radius)
    return power / held, frequency / held, held / held.sum()
