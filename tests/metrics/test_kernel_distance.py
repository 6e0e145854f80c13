"""The kernel distance: the sum over pairs spelled out, well-known implementations, its error."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.kid import KernelInceptionDistance

from jinc.errors import JincError
from jinc.metrics import kernel_distance


def features(seed: int, count: int, dimension: int = 6, shift: float = 0.0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimension, generator=random, dtype=torch.float64) + shift


def pair_by_pair(x: Tensor, y: Tensor) -> float:
    kernel = lambda a, b: (float(a @ b) / len(a) + 1) ** 3  # noqa: E731
    n, m = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j)
    within_y = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j)
    across = sum(kernel(a, b) for a in x for b in y)
    return within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * across / (n * m)


def test_pair_by_pair() -> None:
    x, y = features(0, 13), features(1, 9, shift=0.3)
    found = kernel_distance(x, y, subsets=2)
    assert found.distance == pytest.approx(pair_by_pair(x, y), rel=1e-12)
    without = [pair_by_pair(x, torch.cat([y[:j], y[j + 1 :]])) for j in range(9)]
    spread = np.square(np.array(without) - np.mean(without)).sum()
    assert found.error == pytest.approx((8 / 9 * spread) ** 0.5, rel=1e-10)


def test_the_subsets_of_torch_fidelity() -> None:
    """Its recipe: one old NumPy generator of seed 2020, real images drawn first."""
    x, y = features(0, 60), features(1, 50, shift=0.2)
    random = np.random.RandomState(2020)
    expected = []
    for _ in range(4):
        real = x[random.choice(60, 20, replace=False)]
        made = y[random.choice(50, 20, replace=False)]
        expected.append(pair_by_pair(real, made))
    found = kernel_distance(x, y, subsets=4, subset_size=20)
    assert found.subset_mean == pytest.approx(np.mean(expected), rel=1e-10)
    assert found.subset_std == pytest.approx(np.std(expected), rel=1e-10)


class AsTheyAre(nn.Module):
    num_features = 6

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all")
def test_torchmetrics() -> None:
    """A subset of all images is the same however it is drawn."""
    x, y = features(0, 300), features(1, 300, shift=0.2)
    other = KernelInceptionDistance(AsTheyAre(), subsets=2, subset_size=300)
    other.set_dtype(torch.float64)
    other.update(x[:, None, None], real=True)
    other.update(y[:, None, None], real=False)
    mean, _ = other.compute()
    found = kernel_distance(x, y, subsets=2)
    assert found.distance == pytest.approx(float(mean), rel=1e-6)
    assert found.subset_mean == pytest.approx(float(mean), rel=1e-6)
    assert found.subset_size == 300


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_it_has_no_bias_and_its_error_is_true(shift) -> None:
    """Where sets cannot be told apart the error is known to be too large by √2."""
    real = features(0, 500)
    found = [kernel_distance(real, features(s, 80, shift=shift), subsets=1) for s in range(1, 80)]
    distances = [each.distance for each in found]
    spread = np.std(distances, ddof=1)
    if shift == 0:
        assert abs(np.mean(distances)) < 3 * spread / 79**0.5
    factor = np.mean([each.error for each in found]) / spread
    assert factor == pytest.approx(1 if shift else 2**0.5, rel=0.25)


def test_what_is_refused() -> None:
    with pytest.raises(JincError, match="6 beside 3 numbers an image"):
        kernel_distance(features(0, 5), features(0, 5, 3))
    with pytest.raises(JincError, match="2 real and 3 generated"):
        kernel_distance(features(0, 5), features(0, 2))
