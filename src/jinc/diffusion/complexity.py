"""Complexity maps of images, and a loss that weights errors by them.

The loss adds λ·mean(C·|eps_hat − eps|) to the usual one, C being the gradient magnitude of the
image. No gradient flows into the maps.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.signal import extend
from jinc.types import Images


@torch.no_grad()
def complexity_published(x_t: Images) -> Tensor:
    """Gradient magnitude of the noisy image, as published, to reproduce the source.

    In each channel, the steps to the right, [[−1, 1], [0, 0]], and down, [[−1, 0], [1, 0]], of an
    image with a border of zeros; their magnitude divided by one L2 norm over batch, channels and
    pixels (+ 1e-8); and from (H+1)×(W+1) bilinearly back to H×W, pixels being areas (torch's
    `align_corners=False`).

    It measures mostly noise, which is equally strong everywhere; the frame counts as an edge; and
    the mean of C² is 1/(B C (H+1)(W+1)) before resizing, so that the term vanishes
    as 1/√B, to 2e-5 at B = 128 on one channel. The source needs three channels (`groups=3`); other
    numbers of channels follow the same formula here.

    Args:
        x_t: noisy images, `[B, C, H, W]`.

    Returns:
        `[B, C, H, W]`, ≥ 0; it depends on all images of the batch.

    Source: the complexity loss of Improved-DDIM, with λ = 0.1.
    """
    height, width = x_t.shape[-2:]
    bordered = F.pad(x_t, (1, 1, 1, 1))
    here = bordered[..., :-1, :-1]
    right, down = bordered[..., :-1, 1:] - here, bordered[..., 1:, :-1] - here
    magnitude = (right.square() + down.square()).sqrt()
    share = magnitude / (magnitude.norm() + 1e-8)
    return F.interpolate(share, size=(height, width), mode="bilinear", align_corners=False)


@torch.no_grad()
def complexity_normalised(x0: Images) -> Tensor:
    """Gradient magnitude of the clean image, divided by its mean.

    Centred differences, the image mirrored at its edges, so that the map of a flipped or quarter-
    turned image is the flipped or turned map; squares added up over directions and channels. Like
    every centred difference it does not see a checkerboard of single pixels.

    Args:
        x0: clean images, `[B, C, H, W]`.

    Returns:
        `[B, 1, H, W]`, ≥ 0, of mean 1 in every image, whatever its brightness, its contrast and its
        neighbours in the batch; all ones for a constant image.
    """
    around = extend(x0, 1, 1, "reflect")
    right = (around[..., 1:-1, 2:] - around[..., 1:-1, :-2]) / 2
    down = (around[..., 2:, 1:-1] - around[..., :-2, 1:-1]) / 2
    magnitude = (right.square() + down.square()).sum(1, keepdim=True).sqrt()
    mean = magnitude.mean((2, 3), keepdim=True)
    return torch.where(mean > 0, magnitude / mean, torch.ones_like(magnitude))


def complexity_term(complexity: Tensor, eps_hat: Images, eps: Images) -> Tensor:
    """The weighted error of the noise: mean(C·|eps_hat − eps|).

    Args:
        complexity: C, `[B, 1 or C, H, W]`: one map for all channels, or one each.
        eps_hat: predicted noise, `[B, C, H, W]`.
        eps: the true one, `[B, C, H, W]`.

    Returns:
        `[B]`, ≥ 0, to be multiplied by λ and added to the loss.
    """
    return (complexity * (eps_hat - eps).abs()).mean((1, 2, 3))
