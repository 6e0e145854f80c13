"""What a sampler asks: a model's denoiser for certain images, guided, calibrated and clipped."""

from collections.abc import Iterable, Sequence

import torch

from jinc.diffusion import calibrate, cfg, clip
from jinc.models.model import Model
from jinc.types import Denoiser


def shaped_denoiser(
    model: Model,
    numbers: Iterable[int],
    *,
    labels: Sequence[int] | None = None,
    guidance: float = 1.0,
    clipped: bool = True,
    calibrated: bool | None = None,
) -> Denoiser:
    """Return the denoiser of images of a seed, `(x_t, t) -> x0_hat`.

    Args:
        model: what generates.
        numbers: of the images, one for each of the batch; they say which gets which label.
        labels: classes dealt out in turn, image i taking `labels[i % len(labels)]`; None for none.
        guidance: γ of classifier-free guidance: 0 forgets the classes, 1 is the network as it is.
        clipped: whether predictions are kept in [−1, 1].
        calibrated: whether predictions get the amplitude that the network cannot know; if not
            given, where the network cannot know it.
    """
    network = model.network
    classes = None
    if labels is not None:
        device = next(network.parameters()).device
        classes = torch.tensor([labels[i % len(labels)] for i in numbers], device=device)
    denoiser = model.denoiser(classes)
    if classes is not None and guidance != 1:
        denoiser = cfg(denoiser, model.denoiser(), guidance)
    if not network.hears_loudness if calibrated is None else calibrated:
        denoiser = calibrate(denoiser, model.schedule)
    return clip(denoiser) if clipped else denoiser
