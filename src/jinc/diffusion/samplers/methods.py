"""Single moves from level t to t' < t: DDPM, its strided posterior, and DDIM.

All are `x_t' = a x0_hat + b x_t + σ z` with fresh noise z. `ᾱ` is written `alpha_bar`, and
what belongs to the new level t' ends in `_next`.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, get_args

from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError
from jinc.types import Images, Noise

Variance = Literal["beta", "posterior"]


class Method(Protocol):
    """A move to a lower level, and the default levels."""

    def levels(self, T: int) -> list[int]:
        """The default levels on a schedule of T steps, falling, without the final −1."""

    def __call__(
        self, schedule: Schedule, x_t: Images, x0_hat: Images, t: int, t_next: int, noise: Noise
    ) -> Images:
        """Return the images at level t_next, `[B, C, H, W]`.

        Args:
            schedule: gives `alpha_bar_t`.
            x_t: images at level t, `[B, C, H, W]`.
            x0_hat: the prediction from them, `[B, C, H, W]`.
            t: their level, 0 … T−1.
            t_next: the new level, −1 … t−1.
            noise: white noise on demand; not called if its coefficient is 0.
        """


class Coefficients(NamedTuple):
    """Of a move `x_t' = a x0_hat + b x_t + σ z`."""

    a: float
    b: float
    sigma: float = 0.0


class Affine(ABC):
    """A `Method` given by its coefficients; by default it visits every level."""

    def levels(self, T: int) -> list[int]:
        """Every level."""
        return list(range(T - 1, -1, -1))

    @abstractmethod
    def coefficients(self, schedule: Schedule, t: int, t_next: int) -> Coefficients:
        """The move from level t, 0 … T−1, to t_next, −1 … t−1."""

    def __call__(
        self, schedule: Schedule, x_t: Images, x0_hat: Images, t: int, t_next: int, noise: Noise
    ) -> Images:
        """Move from level t down to t_next; see `Method`."""
        a, b, sigma = self.coefficients(schedule, t, t_next)
        x = a * x0_hat + b * x_t
        return x + sigma * noise(x_t) if sigma > 0 else x


@dataclass(frozen=True)
class ddpm(Affine):
    """Ancestral sampling as published: T steps with fresh noise.

    Args:
        variance: `beta`, the published choice, exact for data like white noise; or `posterior`,
            exact for a single image. Over T steps they are close.

    Source: DDPM (arXiv 2006.11239), algorithm 2 and section 3.2.
    """

    variance: Variance = "beta"

    def __post_init__(self) -> None:
        if self.variance not in get_args(Variance):
            raise JincError(f"variance must be 'beta' or 'posterior', got {self.variance!r}")

    def coefficients(self, schedule: Schedule, t: int, t_next: int) -> Coefficients:
        """The posterior's mean and the chosen variance."""
        return _ancestral(schedule, t, t_next, self.variance)


@dataclass(frozen=True)
class ddpm_published(Affine):
    """Ancestral sampling exactly as arXiv 2411.09174 has it: T−1 steps, from t = T−1 to t = 1.

    Level 0 is not visited: the mean of the step from t = 1 to it is the image, without fresh noise.
    Elsewhere this is `ddpm("beta")`. It is the published sampler if predictions are used as the
    network makes them, neither clipped nor calibrated.

    Source: DDPM (arXiv 2006.11239), algorithm 2, with t counted from 0 and the last step left out.
    """

    def levels(self, T: int) -> list[int]:
        """Every level but 0."""
        return list(range(T - 1, 0, -1))

    def coefficients(self, schedule: Schedule, t: int, t_next: int) -> Coefficients:
        """As of `ddpm`; the clean image is the mean at level 0."""
        if t_next == -1:
            return _posterior_mean(schedule, t, 0)
        return _ancestral(schedule, t, t_next, "beta")


@dataclass(frozen=True)
class posterior(Affine):
    """Ancestral sampling in strides, with the exact posterior of the skipped steps.

    Args:
        stride: the fall of t in one step, ≥ 1: T−1, T−1−stride, …; `sample(steps=…)` may name
            any other levels.

    Source: DDPM (arXiv 2006.11239), eq. 7, from t to any t' < t.
    """

    stride: int = 1

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise JincError(f"stride must be 1 or more, got {self.stride}")

    def levels(self, T: int) -> list[int]:
        """Every stride-th level, from T−1 down."""
        return list(range(T - 1, -1, -self.stride))

    def coefficients(self, schedule: Schedule, t: int, t_next: int) -> Coefficients:
        """Those of `q(x_t' | x_t, x0 = x0_hat)`."""
        return _ancestral(schedule, t, t_next, "posterior")


@dataclass(frozen=True)
class ddim(Affine):
    """DDIM, with any amount of fresh noise: for few steps, edits and inversion.

    Args:
        eta: 0 (deterministic, of first order in the step) to 1 (the posterior's variance).

    Source: DDIM (arXiv 2010.02502), eq. 12 and 16, with ᾱ where the paper writes α.
    """

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise JincError(f"eta must be in [0, 1], got {self.eta}")

    def coefficients(self, schedule: Schedule, t: int, t_next: int) -> Coefficients:
        """Those of `x_t' = √ᾱ' x0_hat + √(1−ᾱ'−σ²) ε + σ z` with `ε = (x_t − √ᾱ x0_hat)/√(1−ᾱ)`.

        ε is that of x0_hat, and not of the network, so that it fits a clipped x0_hat.
        """
        alpha_bar, alpha_bar_next = _alpha_bars(schedule, t, t_next)
        kept = alpha_bar / alpha_bar_next
        sigma = self.eta * math.sqrt((1 - alpha_bar_next) / (1 - alpha_bar) * (1 - kept))
        # Not below 0 but by rounding: σ² ≤ 1 − ᾱ', for 1 − ᾱ/ᾱ' ≤ 1 − ᾱ.
        direction = math.sqrt(max(0.0, 1 - alpha_bar_next - sigma**2))
        b = direction / math.sqrt(1 - alpha_bar)
        return Coefficients(math.sqrt(alpha_bar_next) - b * math.sqrt(alpha_bar), b, sigma)


def _ancestral(schedule: Schedule, t: int, t_next: int, variance: Variance) -> Coefficients:
    """The posterior's mean, and `√β` or the posterior's share of it, with β = 1 − ᾱ/ᾱ'."""
    mean = _posterior_mean(schedule, t, t_next)
    if t_next == -1:  # a clean image is the mean itself: z = 0 in the last step of algorithm 2
        return mean
    alpha_bar, alpha_bar_next = _alpha_bars(schedule, t, t_next)
    beta = 1 - alpha_bar / alpha_bar_next
    share = 1.0 if variance == "beta" else (1 - alpha_bar_next) / (1 - alpha_bar)
    return mean._replace(sigma=math.sqrt(share * beta))


def _posterior_mean(schedule: Schedule, t: int, t_next: int) -> Coefficients:
    """`√ᾱ' β/(1−ᾱ) x0_hat + √α (1−ᾱ')/(1−ᾱ) x_t`, with α = ᾱ/ᾱ' and β = 1 − α."""
    alpha_bar, alpha_bar_next = _alpha_bars(schedule, t, t_next)
    alpha = alpha_bar / alpha_bar_next
    a = math.sqrt(alpha_bar_next) * (1 - alpha) / (1 - alpha_bar)
    return Coefficients(a, math.sqrt(alpha) * (1 - alpha_bar_next) / (1 - alpha_bar))


def _alpha_bars(schedule: Schedule, t: int, t_next: int) -> tuple[float, float]:
    """`ᾱ_t` and `ᾱ_t'`."""
    return float(schedule.alpha_bar(t)), float(schedule.alpha_bar(t_next))
