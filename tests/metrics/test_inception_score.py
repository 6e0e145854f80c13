"""The class score: its bounds, a closed form, and a well-known implementation."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.inception import InceptionScore

from jinc.errors import JincError
from jinc.metrics import class_score


def logits(count: int = 400, classes: int = 10) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return 2 * torch.randn(count, classes, generator=random, dtype=torch.float64)


def test_sure_of_each_and_all_classes_alike() -> None:
    sure = 1000 * torch.eye(10, dtype=torch.float64).repeat(20, 1)
    assert class_score(sure, seed=None).score == pytest.approx(10, rel=1e-12)
    assert class_score(sure, seed=None).split_std == pytest.approx(0, abs=1e-12)


def test_sure_of_nothing_or_always_of_the_same() -> None:
    assert class_score(torch.zeros(50, 10)).score == pytest.approx(1, rel=1e-12)
    same = torch.zeros(50, 10) + 1000 * torch.eye(10)[3]
    assert class_score(same).score == pytest.approx(1, rel=1e-12)


def test_two_kinds_of_images() -> None:
    """With p = (q, 1−q) and its mirror image: exp(log 2 − H(q))."""
    q = 0.9
    pair = torch.tensor([[q, 1 - q], [1 - q, q]], dtype=torch.float64).log()
    entropy = -q * math.log(q) - (1 - q) * math.log(1 - q)
    found = class_score(pair.repeat(30, 1), splits=3, seed=None)
    assert found.score == pytest.approx(math.exp(math.log(2) - entropy), rel=1e-12)


def test_what_is_added_to_all_logits_of_an_image_does_not_count() -> None:
    x = logits()
    assert class_score(x + torch.arange(400.0)[:, None]).score == pytest.approx(
        class_score(x).score, rel=1e-12
    )


class AsTheyAre(nn.Module):
    num_features = 10

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save all")
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@pytest.mark.parametrize("splits", [1, 10])
def test_torchmetrics(splits) -> None:
    x = logits()
    other = InceptionScore(AsTheyAre(), splits=splits)
    other.set_dtype(torch.float64)
    other.update(x[:, None, None])
    torch.manual_seed(4)
    order = torch.randperm(400)
    torch.manual_seed(4)  # it shuffles with the global generator
    mean, std = other.compute()
    found = class_score(x[order], splits=splits, seed=None)
    assert found.score == pytest.approx(float(mean), rel=1e-6)
    if splits > 1:
        assert found.error == pytest.approx(float(std) / 10**0.5, rel=1e-6)


def test_the_error_is_that_of_the_mean_of_splits() -> None:
    random = torch.Generator().manual_seed(1)
    fresh = lambda: class_score(torch.randn(300, 5, generator=random))  # noqa: E731
    found = [fresh() for _ in range(100)]
    spread = np.std([each.score for each in found])
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.25)


def test_splits_are_even_and_miss_no_image() -> None:
    """Splits of one image each are each worth 1; of 7 images in 3 splits, 2, 2 and 3."""
    x = logits(7)
    assert class_score(x, splits=7).score == pytest.approx(1, rel=1e-12)
    parts = [x[:2], x[2:4], x[4:]]
    expected = np.mean([class_score(part, splits=1, seed=None).score for part in parts])
    assert class_score(x, splits=3, seed=None).score == pytest.approx(expected, rel=1e-12)


def test_what_is_refused() -> None:
    with pytest.raises(JincError, match="splits: 7 images do not split into 10"):
        class_score(logits(7))
    with pytest.raises(JincError, match="not finite"):
        class_score(torch.full((20, 3), torch.nan))
