"""What a Fréchet distance would be with endlessly many generated images."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.metrics.features.statistics import Statistics
from jinc.metrics.scores.frechet import frechet_distance

POINTS = 15
FEWEST = 2.5
"""Images of the smallest part, in numbers an image: with fewer the bias is not linear in 1/n."""


@dataclass(frozen=True)
class Extrapolation:
    """A line through distances over 1/n.

    Args:
        distance: where it meets 1/n = 0.
        slope: of the line: the bias with n images is about slope/n.
        line_error: standard error of `distance` by how far the points are off the line.
        counts: n of each point.
        distances: at each point.
    """

    distance: float
    slope: float
    line_error: float
    counts: tuple[int, ...]
    distances: tuple[float, ...]


def images_to_extrapolate(dimension: int) -> int:
    """Return how many generated images a line takes, of so many numbers each.

    >>> images_to_extrapolate(2048)
    10240
    """
    return 2 * max(math.ceil(FEWEST * dimension), 2)


def extrapolated_frechet(
    a: Statistics, features: Tensor, *, points: int = POINTS, seed: int = 0
) -> Extrapolation:
    """Extrapolate the Fréchet distance to endlessly many generated images.

    Parts of the images, drawn at random, give distances that are too large by about slope/n. The
    reference set is taken as it is, so that its own bias, about as large as that of as many
    generated images, remains.

    Args:
        a: statistics of the reference set.
        features: of the generated images, `[n, D]`.
        points: how many parts, ≥ 3.
        seed: of the parts.

    Returns:
        The line.

    Raises:
        JincError: there are fewer than 5 D images, too few for a line.

    Source: M. Chong, D. Forsyth, "Effectively unbiased FID and Inception score", 2020
        (arXiv 1911.07023), section 4.
    """
    count, dimension = features.shape
    needed = images_to_extrapolate(dimension)
    if count < needed:
        raise JincError(f"features: {count} images are too few to extrapolate, {needed} are needed")
    smallest = max(needed // 2, count // 10)
    random = np.random.default_rng(seed)
    counts = np.linspace(smallest, count, points).round().astype(int)
    found = []
    for part in counts:
        chosen = torch.from_numpy(random.permutation(count)[:part])
        found.append(frechet_distance(a, Statistics.of(features[chosen])))
    return _line(counts.tolist(), found)


def _line(counts: list[int], distances: list[float]) -> Extrapolation:
    """Fit by least squares."""
    design = np.stack([np.ones(len(counts)), 1 / np.array(counts)], axis=1)
    (at_zero, slope), *_ = np.linalg.lstsq(design, np.array(distances), rcond=None)
    off = np.array(distances) - design @ (at_zero, slope)
    variance = float(off @ off) / (len(counts) - 2) * np.linalg.inv(design.T @ design)[0, 0]
    return Extrapolation(
        float(at_zero), float(slope), float(variance**0.5), tuple(counts), tuple(distances)
    )
