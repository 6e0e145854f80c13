"""The exact denoiser of data without a place or a direction: what equivariance is measured against.

It is equivariant by construction. What is found with it is not a fault of a denoiser, but what a
pixel grid and the moving itself cost.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from jinc.diffusion.schedule import Schedule
from jinc.signal.spectrum import radial_frequency, radial_power_spectrum
from jinc.types import Images, Steps


@dataclass(frozen=True, eq=False)
class isotropic:
    """The exact denoiser of periodic Gaussian data whose spectrum is the same in all directions.

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
        """Take mean and spectrum from images.

        Args:
            schedule: of the noise.
            x0: clean images, `[B, C, H, W]`.
        """
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
