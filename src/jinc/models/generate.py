"""Images from a trained model, each with noise of its own, whatever is generated beside it."""

from collections.abc import Iterator, Sequence

import torch

from jinc.diffusion import Method, SeededNoise, Step, ddim, sample
from jinc.models.model import Model
from jinc.models.shaped import shaped_denoiser

CHUNK = 16
"""Images generated together. Fixed, for rounding depends on the size of a batch: image i is row
i mod 16 of its chunk however many are asked for, and comes out the same, byte for byte."""

_DDIM = ddim()


def generate_images(
    model: Model,
    count: int,
    *,
    method: Method = _DDIM,
    steps: int | Sequence[int] | None = 50,
    seed: int = 0,
    labels: Sequence[int] | None = None,
    guidance: float = 1.0,
    clipped: bool = True,
    calibrated: bool | None = None,
) -> Iterator[tuple[range, Step]]:
    """Generate images 0 … count − 1 of a seed, chunk by chunk.

    Args:
        model: what generates.
        count: number of images, ≥ 1.
        method: a sampling method.
        steps: as `diffusion.sample` takes them.
        seed: with the number of an image it determines its noise, ≥ 0.
        labels: classes dealt out in turn, image i taking `labels[i % len(labels)]`; None for none.
        guidance: γ of classifier-free guidance: 0 forgets the classes, 1 is the network as it is.
        clipped: whether predictions are kept in [−1, 1].
        calibrated: whether predictions get the amplitude that the network cannot know; if not
            given, where the network cannot know it.

    Yields:
        After every step of every chunk, the numbers of its images and the step, `[n, C, H, W]`.
    """
    network = model.network
    device = next(network.parameters()).device
    for first in range(0, count, CHUNK):
        numbers = range(first, first + CHUNK)
        noise = SeededNoise(seed, numbers)
        x_T = noise(torch.empty(CHUNK, network.channels, *model.image_size, device=device))
        denoiser = shaped_denoiser(
            model,
            numbers,
            labels=labels,
            guidance=guidance,
            clipped=clipped,
            calibrated=calibrated,
        )
        asked = range(first, min(count, first + CHUNK))
        walk = sample(denoiser, model.schedule, x_T, method=method, steps=steps, noise=noise)
        for step in walk:
            n = len(asked)
            yield asked, Step(step.t, step.x_t[:n], step.x0_hat[:n])


def grid_columns(labels: Sequence[int] | None) -> int | None:
    """Return how many columns give every class its own, where they are not too many for that.

    Args:
        labels: as `generate_images` takes them.

    Returns:
        The number of columns, or None where the grid is better square.
    """
    return len(labels) if labels is not None and 2 <= len(labels) <= 20 else None
