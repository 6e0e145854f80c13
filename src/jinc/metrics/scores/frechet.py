"""The Fréchet distance between the features of two sets (FID with Inception), and its bias."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jinc.errors import JincError
from jinc.metrics.features.statistics import Statistics
from jinc.metrics.scores.bootstrap import bootstrap_error

BOOTSTRAPPED = 256
"""Largest dimension that is bootstrapped; above, the error is linearised."""


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """Return |μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½).

    With Σ = R Rᵀ from its eigenvectors, the last trace is the sum of the singular values of
    R_aᵀ R_b: this needs no root of a non-symmetric matrix, and loses no digits for a singular
    covariance, since nothing is squared.

    Args:
        a: statistics of one set of at least 2 images.
        b: of the other.

    Returns:
        The distance, ≥ 0; biased upwards by about 1/n.

    Source: D. Dowson, B. Landau, 1982, eq. 4; FID: arXiv 1706.08500, eq. 6.

    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> frechet_distance(Statistics(2, one[0], one), Statistics(2, -one[0], 4 * one))
    5.0
    """
    return _distance(a, b, _root(a.covariance))


def frechet_error(
    a: Statistics, features: Tensor, *, repeats: int = 200, seed: int = 0
) -> tuple[float, str]:
    """Return the standard error of a Fréchet distance over draws of the generated images.

    The reference set is fixed. Up to `BOOTSTRAPPED` dimensions the distance is bootstrapped; above,
    where that would take hours, it is linearised, which is the bootstrap to first order. Both are
    conservative: for nearly equal sets they are too large by a factor up to about 2 (1.4 to 1.8 and
    1.3 to 1.5 with 500 and 1,000 images of 8 and 32 numbers from one Gaussian), since resampled
    images vary less.

    Args:
        a: statistics of the reference set.
        features: of the generated images, `[n, D]`.
        repeats: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        The error, and `bootstrap` or `linearised`.
    """
    if features.shape[1] > BOOTSTRAPPED:
        return linearised_error(a, features), "linearised"
    root, values = _root(a.covariance), features.double()

    def figure(times: NDArray[np.int64]) -> float:
        return _distance(a, _weighted(values, torch.from_numpy(times)), root)

    return bootstrap_error(figure, len(values), repeats, seed), "bootstrap"


def linearised_error(a: Statistics, features: Tensor) -> float:
    """Return the standard error of a Fréchet distance by its influence function.

    Moving a share of their weight to an image x moves the distance by
    `φ(x) = 2(μ_b − μ_a)·y + |y|² − yᵀ T y` beside a constant, y = x − μ_b, where
    `T = R_a U Vᵀ R_b⁻¹` and `U S Vᵀ = R_aᵀ R_b`: T is the map of optimal transport, and I − T the
    derivative by Σ_b. The error is that of the mean of φ.

    Args:
        a: statistics of the reference set.
        features: of the generated images, `[n, D]`.

    Returns:
        The standard error.

    Source: the infinitesimal jackknife (B. Efron, 1982, chapter 6) of the distance above.
    """
    b = Statistics.of(features)
    _check_pair(a, b)
    y = features.double() - b.mean
    values, vectors = torch.linalg.eigh(b.covariance)
    scale = values.clamp(min=0).sqrt()
    # y vanishes in directions without variance, so that any inverse will do.
    inverse = torch.where(scale > 1e-7 * scale.max(), 1 / scale, 0.0)
    root_a, root_b = _root(a.covariance), vectors * scale
    u, _, vt = torch.linalg.svd(root_a.T @ root_b)
    transported = (y @ root_a) @ (u @ vt)
    whitened = (y @ vectors) * inverse
    phi = 2 * y @ (b.mean - a.mean) + y.square().sum(1) - (transported * whitened).sum(1)
    return float(phi.std() / len(phi) ** 0.5)


def _distance(a: Statistics, b: Statistics, root_a: Tensor) -> float:
    _check_pair(a, b)
    covariance = b.covariance
    overlap = torch.linalg.svdvals(root_a.T @ _root(covariance)).sum()
    traces = root_a.square().sum() + covariance.trace()
    return max(0.0, float((a.mean - b.mean).square().sum() + traces - 2 * overlap))


def _check_pair(a: Statistics, b: Statistics) -> None:
    if a.dimension != b.dimension:
        raise JincError(f"features: {a.dimension} beside {b.dimension} numbers an image")


def _root(covariance: Tensor) -> Tensor:
    """R with R Rᵀ = Σ; eigenvalues below rounding are set to 0, since their roots matter."""
    values, vectors = torch.linalg.eigh(covariance)
    rounding = len(values) * torch.finfo(values.dtype).eps * values.max()
    root: Tensor = vectors * torch.where(values > rounding, values, 0.0).sqrt()
    return root


def _weighted(values: Tensor, times: Tensor) -> Statistics:
    """The statistics of images drawn so many times each."""
    weights = times.to(values.dtype)
    count = int(times.sum())
    mean = weights @ values / count
    centred = (values - mean) * weights.sqrt()[:, None]
    return Statistics(count, mean, centred.T @ centred)


POINTS = 15
FEWEST = 2.5
"""Images of the smallest subset per dimension: with fewer the bias is not linear in 1/n."""


@dataclass(frozen=True)
class Extrapolation:
    """A line fitted to distances over 1/n.

    Args:
        distance: its value at 1/n = 0.
        slope: the bias with n images is about slope/n.
        line_error: standard error of `distance` by the residuals.
        counts: n of each point.
        distances: at each point.
    """

    distance: float
    slope: float
    line_error: float
    counts: tuple[int, ...]
    distances: tuple[float, ...]


def images_to_extrapolate(dimension: int) -> int:
    """Return the minimum number of generated images for a dimension of features.

    >>> images_to_extrapolate(2048)
    10240
    """
    return 2 * max(math.ceil(FEWEST * dimension), 2)


def extrapolated_frechet(
    a: Statistics, features: Tensor, *, points: int = POINTS, seed: int = 0
) -> Extrapolation:
    """Extrapolate the Fréchet distance to infinitely many generated images.

    Random subsets give distances that are too large by about slope/n. The bias of the reference set
    remains, about as large as that of as many generated images.

    Args:
        a: statistics of the reference set.
        features: of the generated images, `[n, D]`.
        points: number of subsets, ≥ 3.
        seed: of the subsets.

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
