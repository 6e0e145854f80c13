"""The Fréchet distance: closed forms, well-known implementations, and errors that are true."""

import math

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from jinc.errors import JincError
from jinc.metrics import Statistics, extrapolated_frechet, frechet_distance, frechet_error
from jinc.metrics.scores.frechet import linearised_error


def features(seed: int, count: int, dimension: int, mix: float = 0.5) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(count, dimension, generator=random, dtype=torch.float64)
    mixing = torch.eye(dimension) + mix * torch.randn(dimension, dimension, generator=random) / 4
    return x @ mixing.double() + torch.randn(dimension, generator=random).double() / 3


def gaussian(mean: list[float], covariance: list[list[float]], count: int = 100) -> Statistics:
    scatter = torch.tensor(covariance, dtype=torch.float64) * (count - 1)
    return Statistics(count, torch.tensor(mean, dtype=torch.float64), scatter)


def by_sqrtm(a: Statistics, b: Statistics) -> float:
    """The textbook form."""
    x, y = a.covariance.numpy(), b.covariance.numpy()
    root = linalg.sqrtm(x @ y)
    apart = (a.mean - b.mean).numpy()
    return float(apart @ apart + np.trace(x + y - 2 * np.real(root)))


def test_gaussians_along_the_axes() -> None:
    a, b = gaussian([0, 1], [[4, 0], [0, 9]]), gaussian([2, 1], [[1, 0], [0, 16]])
    assert frechet_distance(a, b) == pytest.approx(2**2 + (2 - 1) ** 2 + (3 - 4) ** 2, rel=1e-12)


def test_two_dimensional_gaussians_of_any_shape() -> None:
    """For 2×2, tr √(AB) = √(tr AB + 2 √det AB)."""
    x, y = [[2.0, 0.9], [0.9, 1.0]], [[1.0, -0.7], [-0.7, 3.0]]
    product = np.array(x) @ np.array(y)
    root = math.sqrt(np.trace(product) + 2 * math.sqrt(np.linalg.det(product)))
    expected = 0.5**2 + 3 + 4 - 2 * root
    found = frechet_distance(gaussian([0, 0], x), gaussian([0.5, 0], y))
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dimension", [3, 64])
def test_scipys_square_root_of_a_matrix(dimension) -> None:
    a = Statistics.of(features(0, 500, dimension))
    b = Statistics.of(features(1, 300, dimension))
    assert frechet_distance(a, b) == pytest.approx(by_sqrtm(a, b), rel=1e-8)


class AsTheyAre(nn.Module):
    """Features that come as images, `[n, 1, 1, D]`."""

    num_features = 16

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def test_torchmetrics() -> None:
    real, made = features(0, 700, 16), features(1, 500, 16)
    other = FrechetInceptionDistance(AsTheyAre(), input_img_size=(1, 1, 16))
    other.set_dtype(torch.float64)
    other.update(real[:, None, None], real=True)
    other.update(made[:, None, None], real=False)
    found = frechet_distance(Statistics.of(real), Statistics.of(made))
    assert found == pytest.approx(float(other.compute()), rel=1e-6)


def test_covariances_of_few_images_are_singular() -> None:
    """Of 20 images in 64 dimensions the span is known: there the distance is that of 2 bases."""
    a, b = Statistics.of(features(0, 20, 64)), Statistics.of(features(1, 30, 64))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-10)
    x, y = features(0, 20, 64), features(1, 30, 64)
    x, y = (x - x.mean(0)) / 19**0.5, (y - y.mean(0)) / 29**0.5
    overlap = torch.linalg.matrix_norm(x @ y.T, "nuc")  # Σ = xᵀx needs no root at all
    expected = (a.mean - b.mean).square().sum() + x.square().sum() + y.square().sum() - 2 * overlap
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-10)


def test_it_is_a_distance_whatever_the_axes() -> None:
    a, b = Statistics.of(features(0, 200, 8)), Statistics.of(features(1, 200, 8))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)
    turn = torch.linalg.qr(features(2, 8, 8)).Q
    turned = [Statistics.of(features(s, 200, 8) @ turn * 3 + 5) for s in (0, 1)]
    assert frechet_distance(*turned) == pytest.approx(9 * frechet_distance(a, b), rel=1e-10)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_error_is_what_other_images_show(shift) -> None:
    """The bootstrap, its linear form, and the spread over 200 fresh sets of images."""
    reference = Statistics.of(features(0, 4000, 5))
    random = torch.Generator().manual_seed(3)

    def fresh() -> Tensor:
        x = torch.randn(600, 5, generator=random, dtype=torch.float64)
        return x * torch.tensor([1, 2, 0.5, 1, 1]) + shift

    spread = np.std([frechet_distance(reference, Statistics.of(fresh())) for _ in range(200)])
    one = fresh()
    bootstrapped, by = frechet_error(reference, one, repeats=150)
    assert by == "bootstrap"
    assert bootstrapped == pytest.approx(spread, rel=0.25)
    assert linearised_error(reference, one) == pytest.approx(spread, rel=0.25)
    assert linearised_error(reference, one) == pytest.approx(bootstrapped, rel=0.15)


def test_the_error_is_cautious_where_sets_are_alike() -> None:
    """Both are then known to be too large, but by no more than 2."""
    random = torch.Generator().manual_seed(4)
    fresh = lambda count: torch.randn(count, 8, generator=random)  # noqa: E731
    reference = Statistics.of(fresh(4000))
    spread = np.std([frechet_distance(reference, Statistics.of(fresh(500))) for _ in range(150)])
    sets = [fresh(500) for _ in range(6)]
    bootstrapped = np.mean([frechet_error(reference, each, repeats=60)[0] for each in sets])
    linear = np.mean([linearised_error(reference, each) for each in sets])
    assert 1 < linear / spread < bootstrapped / spread < 2


def test_many_numbers_an_image_are_linearised() -> None:
    error, by = frechet_error(Statistics.of(features(0, 50, 300)), features(1, 40, 300))
    assert by == "linearised"
    assert 0 < error < math.inf


def test_the_bias_is_extrapolated_away() -> None:
    """Equal distributions: the distance is 0, what is measured is about slope/n."""
    reference = gaussian([0.0] * 12, np.eye(12).tolist())
    random = torch.Generator().manual_seed(0)
    lines = [
        extrapolated_frechet(
            reference, torch.randn(800, 12, generator=random, dtype=torch.float64), seed=seed
        )
        for seed in range(20)
    ]
    measured = np.mean([line.distances[-1] for line in lines])
    unlimited = np.mean([line.distance for line in lines])
    assert measured > 0.055  # the mean's D/n, and the covariance's D(D + 1)/4n
    assert abs(unlimited) < measured / 6
    slope = np.mean([line.slope for line in lines])
    assert slope == pytest.approx(12 + 12 * 13 / 4, rel=0.15)
    line = lines[0]
    assert line.counts[-1] == 800
    assert len(line.counts) == len(line.distances) == 15


def test_too_few_images() -> None:
    reference = Statistics.of(features(0, 100, 16))
    with pytest.raises(JincError, match="70 images are too few to extrapolate, 80 are needed"):
        extrapolated_frechet(reference, features(1, 70, 16))
    with pytest.raises(JincError, match="one image has no covariance"):
        frechet_distance(reference, Statistics.of(features(1, 1, 16)))
    with pytest.raises(JincError, match="16 beside 8 numbers an image"):
        frechet_distance(reference, Statistics.of(features(1, 9, 8)))
