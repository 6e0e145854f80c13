"""EQ-T, its fractional form, and EQ-R: equivariance of generated images as StyleGAN3 measures it.

Every image is moved by an amount of its own, and counts on a disc that nothing enters from beyond
an edge. Instead of the input of a synthesis network it is the noise of a sampler that is moved.

Source: StyleGAN3 (arXiv 2106.12423), section 3 and appendix E.
"""

import numpy as np
import torch

from jinc.diffusion import Rotation, Shift, mismatch
from jinc.metrics.decibels import decibels
from jinc.metrics.equivariance.of_sampling import Replay, Sampling, moved, moved_start
from jinc.signal import disc
from jinc.signal.pseudo_rotation import pseudo_rotate, rotate_in_band
from jinc.signal.rotate import UNTORN

RIM = 2
"""Pixels next to what a turn tears, into which the edge of the band carries it."""


def eq_t(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
    """Measure equivariance under shifts by whole pixels, up to an eighth of the side.

    Of 8×8 images that is one pixel, and a quarter of them stand still.

    Args:
        sampling: on the disc, of square images; else all of them.
        replay: its noise.
        random: draws the shifts, uniformly.

    Returns:
        10·log10(2²/E[mask·(difference)²]), dB.
    """
    height, width = sampling.like.shape[-2:]
    size = torch.tensor([height, width], dtype=torch.float64)
    drawn = Shift.draw(random, len(sampling.like))
    whole = Shift((drawn.amounts * size).round() / size)
    return moved_start(sampling, replay, [whole])[0]


def eq_t_frac(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
    """Measure equivariance under shifts by any distance, up to an eighth of the side.

    Fourier shifts lose nothing, so that nothing has to be made up for. A denoiser that clips
    does make frequencies beyond the grid, which no shift can follow.

    Args:
        sampling: of square images.
        replay: its noise.
        random: draws the shifts, uniformly.

    Returns:
        10·log10(2²/E[mask·(difference)²]), dB.
    """
    return moved_start(sampling, replay, [Shift.draw(random, len(sampling.like))])[0]


def eq_r(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
    """Measure equivariance under turns by any angle.

    Both images count below the frequencies that a pixel grid holds at every angle only: the one
    is turned within that band, and from the other is taken the same (`pseudo_rotate`).

    Args:
        sampling: of square images.
        replay: its noise.
        random: draws the angles, uniformly from −π … π.

    Returns:
        10·log10(2²/E[mask·(difference)²]), dB.
    """
    turn = Rotation.draw(random, len(sampling.like))
    still, turned = sampling.run(replay()), sampling.run(moved(replay(), turn))
    expected = rotate_in_band(still, turn.amounts)
    size = still.shape[-1]
    inside = disc(size, UNTORN - 2 * RIM / size, still.device)
    difference = mismatch(pseudo_rotate(turned), expected, inside)
    return decibels(float(difference.mean()))
