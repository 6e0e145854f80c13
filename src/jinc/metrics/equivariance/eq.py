"""EQ-T and EQ-R: equivariance of generated images to shifts and rotations, in decibels.

Every image is moved by its own amount. It is the noise of a sampler that is moved, not the input of
a synthesis network. The metrics are those of StyleGAN3, in two forms:

- `eq_t_frac` and `eq_r` use Fourier shifts and rotations, which are lossless within their band, on
  a disc that nothing enters from beyond the edges;
- `eq_t_frac_stylegan3` and `eq_r_stylegan3` use StyleGAN3's Lanczos filters, on the pixels where
  these are defined; use them to compare with published results. A finely detailed scene of 32×32
  pixels that rotates exactly has 31 dB by `eq_r_stylegan3` and 44 dB by `eq_r`.

Shifts by whole pixels need no filter, so that there is one `eq_t`.

Every metric takes a sampler of images, `[B, C, H, W]`, square for rotations; its noise; and a
generator that draws shifts or angles uniformly. It returns 10·log10(2²/E[mask·(difference)²]), dB.

Source: StyleGAN3 (arXiv 2106.12423), section 3 and appendix E.
"""

import numpy as np
import torch
from torch import Tensor

from jinc.diffusion import Rotation, Shift, mismatch
from jinc.metrics.decibels import decibels
from jinc.metrics.equivariance.measures import Replay, Sampling, moved, moved_start
from jinc.signal import disc, stylegan3
from jinc.signal.pseudo_rotation import pseudo_rotate, rotate_in_band
from jinc.signal.rotate import UNTORN
from jinc.types import Images

RIM = 2
"""Pixels inside of the disc that a rotation keeps, blurred by the band limit."""

SMALLEST = 2 * stylegan3.REACH + 1
"""Smallest side with pixels where StyleGAN3's rotation filter is defined."""


def eq_t(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
    """Measure equivariance to shifts by whole pixels, up to an eighth of the side.

    For 8×8 images that is one pixel at most, and a quarter of them do not move.
    """
    height, width = sampling.like.shape[-2:]
    size = torch.tensor([height, width], dtype=torch.float64)
    drawn = Shift.draw(random, len(sampling.like))
    whole = Shift((drawn.amounts * size).round() / size)
    return moved_start(sampling, replay, [whole])[0]


def eq_t_frac(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
    """Measure equivariance to shifts by any distance, up to an eighth of the side, by Fourier.

    Clipping in the denoiser creates frequencies beyond the grid, which no shift preserves.
    """
    return moved_start(sampling, replay, [Shift.draw(random, len(sampling.like))])[0]


def eq_t_frac_stylegan3(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
    """Measure `eq_t_frac` with StyleGAN3's Lanczos shifts, for sides of `SMALLEST` pixels or more.

    Source: arXiv 2106.12423, appendix E.2.
    """
    shift = Shift.draw(random, len(sampling.like))
    still, shifted = sampling.run(replay()), sampling.moved(shift).run(moved(replay(), shift))
    return shifted_psnr_stylegan3(still, shifted, shift.amounts)


def eq_r(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
    """Measure equivariance to rotations by any angle, −π … π, within a disc of frequencies.

    Only frequencies that a pixel grid holds at every angle count: one image is rotated within
    that band, and all others are removed from the other one (`pseudo_rotate`).
    """
    return turned_psnr(*_turned(sampling, replay, random))


def eq_r_stylegan3(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
    """Measure `eq_r` with StyleGAN3's operators, for sides of `SMALLEST` pixels or more.

    Source: arXiv 2106.12423, appendix E.3.
    """
    return turned_psnr_stylegan3(*_turned(sampling, replay, random))


def turned_psnr(still: Images, turned: Images, angle: Tensor) -> float:
    """Compare images of rotated scenes with the rotated images, as `eq_r` does.

    Args:
        still: images of scenes, `[B, C, size, size]` in [−1, 1].
        turned: images of the rotated scenes.
        angle: radians, counter-clockwise, `[B]`.

    Returns:
        PSNR in dB, of peak 2.
    """
    size = still.shape[-1]
    inside = disc(size, UNTORN - 2 * RIM / size, still.device)
    difference = mismatch(pseudo_rotate(turned), rotate_in_band(still, angle), inside)
    return decibels(float(difference.mean()))


def turned_psnr_stylegan3(still: Images, turned: Images, angle: Tensor) -> float:
    """Compare images of rotated scenes with the rotated images, as `eq_r_stylegan3` does.

    Args:
        still: images of scenes, `[B, C, size, size]` in [−1, 1].
        turned: images of the rotated scenes.
        angle: radians, counter-clockwise, `[B]`.

    Returns:
        PSNR in dB, of peak 2.
    """
    expected, known = stylegan3.turn(still, angle)
    found, also_known = stylegan3.pseudo_turn(turned, angle)
    return _psnr(found, expected, known & also_known)


def shifted_psnr_stylegan3(still: Images, shifted: Images, amounts: Tensor) -> float:
    """Compare images of shifted scenes with the shifted images, as `eq_t_frac_stylegan3` does.

    Args:
        still: images of scenes, `[B, C, H, W]` in [−1, 1].
        shifted: images of the shifted scenes.
        amounts: down and right, in shares of the height and of the width, `[B, 2]`.

    Returns:
        PSNR in dB, of peak 2.
    """
    height, width = still.shape[-2:]
    expected, known = stylegan3.shift_lanczos(still, amounts[:, 0] * height, amounts[:, 1] * width)
    return _psnr(shifted, expected, known)


def _turned(
    sampling: Sampling, replay: Replay, random: np.random.Generator
) -> tuple[Images, Images, Tensor]:
    turn = Rotation.draw(random, len(sampling.like))
    still, turned = sampling.run(replay()), sampling.moved(turn).run(moved(replay(), turn))
    return still, turned, turn.amounts


def _psnr(a: Images, b: Images, known: Tensor) -> float:
    """Compare pixels where the filters are defined."""
    square = (a - b).square().mean(1, keepdim=True)
    return decibels(float(square[known].double().mean()))
