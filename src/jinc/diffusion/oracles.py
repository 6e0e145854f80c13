"""Exact denoisers: data whose posterior mean `E[x0 | x_t]` is a formula.

With them samplers and effects can be tested and measured without a network. All follow from one
fact: given x_t, the posterior of x0 is proportional to `p(x0) N(x_t; √ᾱ x0, (1−ᾱ) I)`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from jinc.diffusion.schedule import Schedule
from jinc.signal.spectrum import radial_frequency, radial_power_spectrum
from jinc.types import Images, Steps


@dataclass(frozen=True, eq=False)
class gaussian:
    """The exact denoiser of Gaussian data.

    Args:
        schedule: of the noise.
        mean: the mean image mu, `[C, H, W]`.
        covariance: Σ of the flattened image, symmetric and not negative, `[CHW, CHW]`.

    >>> white = gaussian(Schedule.linear(), torch.zeros(1, 1, 2), torch.eye(2))
    >>> t = torch.tensor([500])  # of white data, √ᾱ_t x_t is the best guess
    >>> torch.allclose(white(torch.ones(1, 1, 1, 2), t), white.schedule.alpha_bar(t).sqrt().float())
    True
    """

    schedule: Schedule
    mean: Tensor
    covariance: Tensor

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """`mu + √ᾱ Σ (ᾱ Σ + (1−ᾱ) I)⁻¹ (x_t − √ᾱ mu)`."""
        signal, surprise, noisy = self._marginal(x_t, t)
        weighed: Tensor = torch.linalg.solve(noisy, surprise.unsqueeze(-1)).squeeze(-1)
        gain: Tensor = (signal * weighed) @ self.covariance
        return self.mean + gain.view_as(x_t)

    def log_density(self, x_t: Images, t: Steps) -> Tensor:
        """`log p(x_t) = log N(x_t; √ᾱ mu, ᾱ Σ + (1−ᾱ) I)`, `[B]`."""
        _, surprise, noisy = self._marginal(x_t, t)
        weighed: Tensor = torch.linalg.solve(noisy, surprise.unsqueeze(-1)).squeeze(-1)
        log_volume: Tensor = torch.linalg.slogdet(2 * math.pi * noisy).logabsdet
        return -((surprise * weighed).sum(-1) + log_volume) / 2

    def _marginal(self, x_t: Images, t: Steps) -> tuple[Tensor, Tensor, Tensor]:
        """`√ᾱ` as `[B, 1]`, `x_t − √ᾱ mu` as `[B, CHW]`, `ᾱ Σ + (1−ᾱ) I` as `[B, CHW, CHW]`."""
        alpha_bar = self.schedule.alpha_bar(t).to(x_t.dtype)[:, None]
        surprise = x_t.flatten(1) - alpha_bar.sqrt() * self.mean.flatten()
        white = torch.eye(surprise.shape[1], dtype=x_t.dtype, device=x_t.device)
        share = alpha_bar[..., None]
        return alpha_bar.sqrt(), surprise, share * self.covariance + (1 - share) * white


@dataclass(frozen=True, eq=False)
class mixture:
    """The exact denoiser of a mixture of Gaussians: their predictions, weighted by posteriors.

    Args:
        weights: of the parts, positive, `[K]`.
        parts: the K Gaussians, on one schedule.
    """

    weights: Tensor
    parts: Sequence[gaussian]

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """`Σ_k p(k | x_t) E[x0 | x_t, k]`."""
        answers = torch.stack([part(x_t, t) for part in self.parts])
        densities = torch.stack([part.log_density(x_t, t) for part in self.parts])
        beliefs = (self.weights.log()[:, None] + densities).softmax(0)
        return torch.einsum("kb,kbchw->bchw", beliefs, answers)


@dataclass(frozen=True, eq=False)
class points:
    """The exact denoiser of a finite set of equally likely images: perfect memory of them.

    Args:
        schedule: of the noise.
        images: the set, `[K, C, H, W]`.
    """

    schedule: Schedule
    images: Images

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """`Σ_k softmax_k(−‖x_t − √ᾱ x_k‖² / 2(1−ᾱ)) x_k`."""
        alpha_bar = self.schedule.alpha_bar(t).to(x_t.dtype)[:, None]
        offsets = x_t.flatten(1)[:, None] - alpha_bar[..., None].sqrt() * self.images.flatten(1)
        beliefs = (-offsets.square().sum(-1) / (2 * (1 - alpha_bar))).softmax(-1)
        return torch.einsum("bk,kchw->bchw", beliefs, self.images)


@dataclass(frozen=True, eq=False)
class isotropic:
    """The exact denoiser of periodic Gaussian data with an isotropic power spectrum.

    It is equivariant to shifts and rotations by construction: errors that are measured with it are
    those of the pixel grid and of the operators, not of a denoiser.

    Args:
        schedule: of the noise.
        mean: of each channel, `[C]`.
        power: variance of every wave of the unitary transform, radially symmetric, `[C, H, W]`.
            Channels are taken as independent.
    """

    schedule: Schedule
    mean: Tensor
    power: Tensor

    @classmethod
    def fit(cls, schedule: Schedule, x0: Images) -> Self:
        """Estimate mean and spectrum from clean images `[B, C, H, W]`."""
        precise = x0.cpu().double()
        mean = precise.mean((0, 2, 3))
        spectrum = radial_power_spectrum(precise - mean[:, None, None])
        frequency = radial_frequency(*x0.shape[-2:]).numpy()
        rings = spectrum.power.mean(0).numpy()
        maps = [np.interp(frequency, spectrum.frequency.numpy(), ring) for ring in rings]
        return cls(schedule, mean.to(x0), torch.from_numpy(np.stack(maps)).to(x0))

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """`mu + √ᾱ P (ᾱ P + 1−ᾱ)⁻¹ (x_t − √ᾱ mu)`, wave by wave (Wiener's filter)."""
        alpha_bar = self.schedule.alpha_bar(t).to(x_t)[:, None, None, None]
        mean, power = self.mean[:, None, None], self.power
        gain = alpha_bar.sqrt() * power / (alpha_bar * power + 1 - alpha_bar)
        waves = torch.fft.fft2(x_t - alpha_bar.sqrt() * mean)
        signal: Tensor = torch.fft.ifft2(waves * gain).real
        return mean + signal
