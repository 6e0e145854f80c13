"""The forward process, and the parametrisations of what a network predicts.

A noisy image is `x_t = s x0 + n ε` with s = √ᾱ_t and n = √(1−ᾱ_t); what a network predicts is
`p = a x0 + b ε`. With d = s b − n a, the determinant of the two equations,

    x0 = (b x_t − n p)/d,    ε = (s p − a x_t)/d.

Coefficients are computed in float64 and cast where they meet the images. `spectral` has the fifth
parametrisation, whose coefficients depend on the frequency.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import torch
from torch import Tensor

from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError, unknown
from jinc.types import Images, Steps

Prediction: TypeAlias = Literal["eps", "x0", "v", "flow", "spectral", "edm"]
"""What a network predicts: the noise, the clean images, the velocity or the flow; or what a linear
denoiser leaves (`spectral.Spectral`), for which images have the training set's spectrum, or a white
one. Each goes with any schedule (`Schedule.flow` has the levels of flow matching), and the
network's input is x_t."""


class Parametrisation(Protocol):
    """How the output of a network, the clean images and the noise follow from one another."""

    def target(self, schedule: Schedule, x0: Images, t: int | Tensor, eps: Images) -> Images:
        """What a perfect network predicts from `forward(schedule, x0, t, eps)`."""

    def x0_of(self, schedule: Schedule, x_t: Images, t: int | Tensor, output: Images) -> Images:
        """The clean images that an output implies."""

    def eps_of(self, schedule: Schedule, x_t: Images, t: int | Tensor, output: Images) -> Images:
        """The noise that an output implies."""

    def error_scale(self, schedule: Schedule, t: Steps) -> Tensor:
        """Size of an error of the output for an error of x0_hat of size 1, `[B]`, float64."""


ZERO = 0.0
"""A coefficient that vanishes at every level: the output is the other quantity itself."""

Row: TypeAlias = tuple[Tensor | float, Tensor | float, Tensor | float]


@dataclass(frozen=True)
class Affine:
    """A parametrisation `p = a x0 + b ε`.

    Args:
        row: `(s, n) -> (a, b, d)`.
    """

    row: Callable[[Tensor, Tensor], Row]

    def target(self, schedule: Schedule, x0: Images, t: int | Tensor, eps: Images) -> Images:
        """`a x0 + b ε`."""
        a, b, _ = self.row(*_coefficients(schedule, t, x0))
        return a * x0 + b * eps

    def x0_of(self, schedule: Schedule, x_t: Images, t: int | Tensor, output: Images) -> Images:
        """`(b x_t − n p)/d`."""
        s, n = _coefficients(schedule, t, x_t)
        _, b, d = self.row(s, n)
        return output if b is ZERO else (b * x_t - n * output) / d

    def eps_of(self, schedule: Schedule, x_t: Images, t: int | Tensor, output: Images) -> Images:
        """`(s p − a x_t)/d`."""
        s, n = _coefficients(schedule, t, x_t)
        a, _, d = self.row(s, n)
        return output if a is ZERO else (s * output - a * x_t) / d

    def error_scale(self, schedule: Schedule, t: Steps) -> Tensor:
        """`|d|/n`: at one x_t an error e of x0_hat is an error −(d/n) e of the output."""
        alpha_bar = schedule.alpha_bar(t)
        n = (1 - alpha_bar).sqrt()
        return torch.as_tensor(self.row(alpha_bar.sqrt(), n)[2]).abs() / n


PARAMETRISATIONS: Mapping[str, Parametrisation] = {
    "eps": Affine(lambda s, n: (ZERO, 1.0, s)),
    "x0": Affine(lambda s, n: (1.0, ZERO, -n)),
    "v": Affine(lambda s, n: (-n, s, 1.0)),  # the determinant is s² + n²
    "flow": Affine(lambda s, n: (-1.0, 1.0, s + n)),
}
"""By name of the prediction, rows `(a, b, d)`.

- `v = √ᾱ ε − √(1−ᾱ) x0`, the velocity as signal turns into noise: (x_t, v) is (x0, ε), rotated by
  an angle φ with cos φ = √ᾱ_t. Source: progressive distillation (arXiv 2202.00512), appendix D.
- `flow = ε − x0`, the direction of the straight path `z = (1−τ) x0 + τ ε`. With τ = n/(s+n), z is
  x_t/(s+n). Source: rectified flow (arXiv 2209.03003), eq. 1; flow matching (2210.02747), eq. 23.
"""


def parametrisation(prediction: Prediction | Parametrisation) -> Parametrisation:
    """Look up a parametrisation by the name of the prediction; others are returned.

    Raises:
        JincError: an unknown prediction.
    """
    if not isinstance(prediction, str):
        return prediction
    if prediction in ("spectral", "edm"):
        raise JincError(f"prediction: {prediction} needs the spectrum of a training set")
    if prediction not in PARAMETRISATIONS:
        raise unknown(f"no prediction is called '{prediction}'", prediction, PARAMETRISATIONS)
    return PARAMETRISATIONS[prediction]


def forward(schedule: Schedule, x0: Images, t: int | Tensor, eps: Images) -> Images:
    """Noise clean images to level t: `x_t = √ᾱ_t x0 + √(1−ᾱ_t) eps`.

    Args:
        schedule: gives `ᾱ_t`.
        x0: clean images, `[B, C, H, W]`.
        t: level, an int for all or `[B]`, −1 … T−1.
        eps: white noise of variance 1, `[B, C, H, W]`.

    Returns:
        x_t, `[B, C, H, W]`.

    Source: DDPM (arXiv 2006.11239), eq. 4.
    """
    signal, noise = _coefficients(schedule, t, x0)
    return signal * x0 + noise * eps


def step_noise(
    schedule: Schedule, x_t: Images, t: int | Tensor, t_next: int | Tensor, z: Images
) -> Images:
    """Noise images further, from level t up to t' ≥ t: `√(ᾱ_t'/ᾱ_t) x_t + √(1−ᾱ_t'/ᾱ_t) z`.

    Args:
        schedule: gives `ᾱ_t`.
        x_t: images at level t, `[B, C, H, W]`.
        t: the level they are at, an int or `[B]`, −1 (clean) … T−1.
        t_next: the level they go to, an int or `[B]`, not below t.
        z: fresh white noise of variance 1, `[B, C, H, W]`.

    Returns:
        x_t', `[B, C, H, W]`.

    Source: DDPM (arXiv 2006.11239), eq. 2, over several steps at once.
    """
    kept = schedule.alpha_bar(t_next) / schedule.alpha_bar(t)
    return _over_images(kept.sqrt(), x_t) * x_t + _over_images((1 - kept).sqrt(), x_t) * z


def target(
    schedule: Schedule,
    prediction: Prediction | Parametrisation,
    x0: Images,
    t: int | Tensor,
    eps: Images,
) -> Images:
    """The target of a network for `forward(schedule, x0, t, eps)`: `a x0 + b ε`.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: of the output.
        x0: clean images, `[B, C, H, W]`.
        t: their level, an int or `[B]`, −1 … T−1.
        eps: white noise of variance 1, `[B, C, H, W]`.

    Returns:
        `[B, C, H, W]`.
    """
    return parametrisation(prediction).target(schedule, x0, t, eps)


def x0_of(
    schedule: Schedule,
    prediction: Prediction | Parametrisation,
    x_t: Images,
    t: int | Tensor,
    output: Images,
) -> Images:
    """The clean images that a prediction implies: `(b x_t − n p)/d`.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: of the output.
        x_t: noisy images, `[B, C, H, W]`.
        t: their level, an int or `[B]`, −1 … T−1.
        output: p, the prediction, `[B, C, H, W]`.

    Returns:
        x0_hat, `[B, C, H, W]`.

    Source: of ε, DDPM (arXiv 2006.11239), eq. 15; DDIM's eq. 12 prints α for ᾱ.
    """
    return parametrisation(prediction).x0_of(schedule, x_t, t, output)


def eps_of(
    schedule: Schedule,
    prediction: Prediction | Parametrisation,
    x_t: Images,
    t: int | Tensor,
    output: Images,
) -> Images:
    """The noise that a prediction implies: `(s p − a x_t)/d`.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: of the output.
        x_t: noisy images, `[B, C, H, W]`.
        t: their level, an int or `[B]`, 0 … T−1 (there is no noise in a clean image).
        output: p, the prediction, `[B, C, H, W]`.

    Returns:
        eps_hat, `[B, C, H, W]`.
    """
    return parametrisation(prediction).eps_of(schedule, x_t, t, output)


def with_noise_scaled(
    schedule: Schedule, x_t: Images, t: int | Tensor, x0: Images, factor: Tensor
) -> Images:
    """The clean images behind x_t if its noise were `factor` times as strong as x0 implies.

    With `f eps` in place of eps, `x0' = f x0 + (1 − f) x_t/√ᾱ_t`. Pure noise, ᾱ_t = 0, says nothing
    about the image, and leaves x0 as it is.

    Args:
        schedule: gives `ᾱ_t`.
        x_t: images at level t, `[B, C, H, W]`.
        t: their level, an int or `[B]`, 0 … T−1.
        x0: clean or predicted clean images, `[B, C, H, W]`.
        factor: of the noise, `[B, 1, 1, 1]`.

    Returns:
        x0', `[B, C, H, W]`.
    """
    signal, _ = _coefficients(schedule, t, x_t)
    return torch.where(signal > 0, factor * x0 + (1 - factor) * x_t / signal, x0)


def _coefficients(schedule: Schedule, t: int | Tensor, like: Images) -> tuple[Tensor, Tensor]:
    """`√ᾱ_t` and `√(1−ᾱ_t)`, ready to multiply images."""
    alpha_bar = schedule.alpha_bar(t)
    return _over_images(alpha_bar.sqrt(), like), _over_images((1 - alpha_bar).sqrt(), like)


def _over_images(coefficient: Tensor, like: Images) -> Tensor:
    """One coefficient for all images, or one each as `[B, 1, 1, 1]`, in the images' type."""
    if coefficient.ndim == 0:  # a scalar to torch: it takes any type and device by itself
        return coefficient
    return coefficient.to(like.device, like.dtype).view(-1, 1, 1, 1)
