"""The forward process, and the four ways to say where a noisy image came from.

All of it is one line, `x_t = √ᾱ_t x0 + √(1−ᾱ_t) eps`, solved for one letter or another. The
coefficients are computed in float64 and take the images' type only when they meet them.
"""

import torch
from torch import Tensor

from jinc.diffusion.schedule import Schedule
from jinc.types import Images


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


def x0_from_eps(schedule: Schedule, x_t: Images, t: int | Tensor, eps: Images) -> Images:
    """The clean images that noise eps would have brought to x_t: `(x_t − √(1−ᾱ_t) eps)/√ᾱ_t`.

    Args:
        schedule: gives `ᾱ_t`.
        x_t: images at level t, `[B, C, H, W]`.
        t: their level, an int or `[B]`, −1 … T−1.
        eps: predicted noise, `[B, C, H, W]`.

    Returns:
        x0_hat, `[B, C, H, W]`.

    Source: DDPM (arXiv 2006.11239), eq. 15. DDIM's eq. 12 prints α for ᾱ.
    """
    signal, noise = _coefficients(schedule, t, x_t)
    return (x_t - noise * eps) / signal


def eps_from_x0(schedule: Schedule, x_t: Images, t: int | Tensor, x0: Images) -> Images:
    """The noise that would have brought x0 to x_t: `(x_t − √ᾱ_t x0)/√(1−ᾱ_t)`.

    Args:
        schedule: gives `ᾱ_t`.
        x_t: images at level t, `[B, C, H, W]`.
        t: their level, an int or `[B]`, 0 … T−1 (a clean image holds no noise to find).
        x0: clean or predicted clean images, `[B, C, H, W]`.

    Returns:
        eps, `[B, C, H, W]`.
    """
    signal, noise = _coefficients(schedule, t, x_t)
    return (x_t - signal * x0) / noise


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


def v_from_x0_eps(schedule: Schedule, x0: Images, t: int | Tensor, eps: Images) -> Images:
    """The velocity of x_t as signal turns into noise: `v = √ᾱ_t eps − √(1−ᾱ_t) x0`.

    (x_t, v) is (x0, eps) turned by an angle φ with cos φ = √ᾱ_t; the two inverses below turn back.

    Args:
        schedule: gives `ᾱ_t`.
        x0: clean images, `[B, C, H, W]`.
        t: level, an int or `[B]`, −1 … T−1.
        eps: white noise of variance 1, `[B, C, H, W]`.

    Returns:
        v, `[B, C, H, W]`.

    Source: progressive distillation (arXiv 2202.00512), appendix D.
    """
    signal, noise = _coefficients(schedule, t, x0)
    return signal * eps - noise * x0


def x0_from_v(schedule: Schedule, x_t: Images, t: int | Tensor, v: Images) -> Images:
    """The clean images behind x_t with velocity v: `√ᾱ_t x_t − √(1−ᾱ_t) v`.

    Args:
        schedule: gives `ᾱ_t`.
        x_t: images at level t, `[B, C, H, W]`.
        t: their level, an int or `[B]`, −1 … T−1.
        v: predicted velocity, `[B, C, H, W]`.

    Returns:
        x0_hat, `[B, C, H, W]`.

    Source: progressive distillation (arXiv 2202.00512), appendix D.
    """
    signal, noise = _coefficients(schedule, t, x_t)
    return signal * x_t - noise * v


def eps_from_v(schedule: Schedule, x_t: Images, t: int | Tensor, v: Images) -> Images:
    """The noise in x_t with velocity v: `√(1−ᾱ_t) x_t + √ᾱ_t v`.

    Args:
        schedule: gives `ᾱ_t`.
        x_t: images at level t, `[B, C, H, W]`.
        t: their level, an int or `[B]`, −1 … T−1.
        v: predicted velocity, `[B, C, H, W]`.

    Returns:
        eps, `[B, C, H, W]`.

    Source: progressive distillation (arXiv 2202.00512), appendix D.
    """
    signal, noise = _coefficients(schedule, t, x_t)
    return noise * x_t + signal * v


def flow_from_x0_eps(schedule: Schedule, x0: Images, t: int | Tensor, eps: Images) -> Images:
    """The direction of the straight way from image to noise, as flow matching has it: `eps − x0`.

    The way is `z = (1−τ) x0 + τ eps` with `dz/dτ = eps − x0`. With τ = σ/(α+σ), α = √ᾱ_t and
    σ = √(1−ᾱ_t), z is x_t/(α+σ): the same images, not kept at variance 1. Networks are shown x_t.

    Args:
        schedule: of the images; the direction is the same whichever it is.
        x0: clean images, `[B, C, H, W]`.
        t: level, an int or `[B]`, −1 … T−1.
        eps: white noise of variance 1, `[B, C, H, W]`.

    Returns:
        u, `[B, C, H, W]`.

    Source: rectified flow (arXiv 2209.03003), eq. 1; flow matching (arXiv 2210.02747), eq. 23.
    """
    return eps - x0


def x0_from_flow(schedule: Schedule, x_t: Images, t: int | Tensor, u: Images) -> Images:
    """The clean images behind x_t with direction u: `(x_t − √(1−ᾱ_t) u)/(√ᾱ_t + √(1−ᾱ_t))`.

    Args:
        schedule: gives `ᾱ_t`.
        x_t: images at level t, `[B, C, H, W]`.
        t: their level, an int or `[B]`, −1 … T−1.
        u: predicted direction, `[B, C, H, W]`.

    Returns:
        x0_hat, `[B, C, H, W]`.
    """
    signal, noise = _coefficients(schedule, t, x_t)
    return (x_t - noise * u) / (signal + noise)


def eps_from_flow(schedule: Schedule, x_t: Images, t: int | Tensor, u: Images) -> Images:
    """The noise in x_t with direction u: `(x_t + √ᾱ_t u)/(√ᾱ_t + √(1−ᾱ_t))`.

    Args:
        schedule: gives `ᾱ_t`.
        x_t: images at level t, `[B, C, H, W]`.
        t: their level, an int or `[B]`, −1 … T−1.
        u: predicted direction, `[B, C, H, W]`.

    Returns:
        eps, `[B, C, H, W]`.
    """
    signal, noise = _coefficients(schedule, t, x_t)
    return (x_t + signal * u) / (signal + noise)


def _coefficients(schedule: Schedule, t: int | Tensor, like: Images) -> tuple[Tensor, Tensor]:
    """`√ᾱ_t` and `√(1−ᾱ_t)`, ready to multiply images."""
    alpha_bar = schedule.alpha_bar(t)
    return _over_images(alpha_bar.sqrt(), like), _over_images((1 - alpha_bar).sqrt(), like)


def _over_images(coefficient: Tensor, like: Images) -> Tensor:
    """One coefficient for all images, or one each as `[B, 1, 1, 1]`, in the images' type."""
    if coefficient.ndim == 0:  # a scalar to torch: it takes any type and device by itself
        return coefficient
    return coefficient.to(like.device, like.dtype).view(-1, 1, 1, 1)
