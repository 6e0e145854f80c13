"""Mean and covariance in parts: the same as at once, also far from zero."""

import numpy as np
import pytest
import torch

from jinc.errors import JincError
from jinc.metrics import Statistics


def numbers(count: int = 500, dimension: int = 7) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(count, dimension, generator=random, dtype=torch.float64)
    return x @ torch.randn(dimension, dimension, generator=random).double()


def test_as_numpy_has_it() -> None:
    x = numbers()
    found = Statistics.over(x.split([1, 99, 150, 250]))
    assert found.count == 500
    np.testing.assert_allclose(found.mean, x.numpy().mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(x.numpy().T), rtol=1e-12)


def test_parts_join_in_any_order() -> None:
    a, b, c = (Statistics.of(part) for part in numbers().split([10, 200, 290]))
    one, other = a.merged(b).merged(c), c.merged(a.merged(b))
    torch.testing.assert_close(one.mean, other.mean, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(one.scatter, other.scatter, rtol=1e-13, atol=1e-12)


def test_features_far_from_zero_keep_their_digits() -> None:
    """E[x²] − E[x]² would have nothing left of these."""
    x = numbers() + 1e9
    found = Statistics.over(x.split(50))
    np.testing.assert_allclose(found.covariance, np.cov(numbers().numpy().T), rtol=1e-5)


def test_float32_is_summed_in_float64() -> None:
    x = (numbers(20_000, 2) + 1000).float()
    found = Statistics.over(x.split(100))
    np.testing.assert_allclose(found.covariance, np.cov(x.double().numpy().T), rtol=1e-10)


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (torch.tensor([[0.0], [torch.nan], [torch.inf]]), "2 of 3 images .* first is image 1"),
        (torch.zeros(0, 3), r"must be floats \[images, D\], not float32 \[0, 3\]"),
        (torch.zeros(3), r"not float32 \[3\]"),
        (torch.zeros(3, 2, dtype=torch.int64), r"not int64 \[3, 2\]"),
    ],
)
def test_what_is_refused(features, says) -> None:
    with pytest.raises(JincError, match=says):
        Statistics.of(features)


def test_parts_that_do_not_go_together() -> None:
    with pytest.raises(JincError, match="7 beside 3 numbers an image"):
        Statistics.of(numbers()).plus(numbers(5, 3))
    with pytest.raises(JincError, match="there are none"):
        Statistics.over([])
