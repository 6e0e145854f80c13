"""A single-step denoiser beside classical filters."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from jinc.diffusion import SeededNoise
from jinc.models import SingleStep
from jinc.signal import gaussian_blur, median

BATCH = 250


@torch.no_grad()
def denoise_at(
    denoiser: SingleStep, clean: Tensor, sigmas: Sequence[float], seed: int, shown: int
) -> tuple[dict[str, Tensor], dict[str, list[float]]]:
    """Denoise images at several noise levels, by filters and by a network.

    Args:
        denoiser: the network.
        clean: images in [0, 1], `[N, C, H, W]`.
        sigmas: standard deviations of the noise, `[S]`.
        seed: of the noise, the same for all levels up to its scale.
        shown: how many images to return.

    Returns:
        by method, the first images, `[S, shown, C, H, W]`, and the mean squared errors, `[S]`.
    """
    device = next(denoiser.network.parameters()).device
    methods: dict[str, Callable[[Tensor], Tensor]] = {
        "noisy": lambda z: z,
        "Gaussian blur": lambda z: gaussian_blur(z, 3, 0.8),
        "median 3×3": lambda z: median(z, 3),
        "network": lambda z: denoiser(z.to(device)).cpu(),
    }
    images: dict[str, list[Tensor]] = {name: [] for name in methods}
    errors: dict[str, list[float]] = {name: [] for name in methods}
    eps = SeededNoise(seed, range(len(clean)))(clean)
    for sigma in sigmas:
        noisy = clean + sigma * eps
        for name, method in methods.items():
            answer = torch.cat([method(part) for part in noisy.split(BATCH)])  # type: ignore[no-untyped-call]
            images[name].append(answer[:shown].clamp(0, 1))
            errors[name].append(float((answer - clean).square().mean()))
    return {name: torch.stack(each) for name, each in images.items()}, errors
