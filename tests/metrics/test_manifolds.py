"""Precision, recall, density and coverage: image by image, and where the answer is known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.metrics import manifold_scores
from jinc.metrics.scores import manifolds as module


def features(seed: int, count: int, dimension: int = 3, shift: float = 0.0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimension, generator=random) + shift


def image_by_image(x: Tensor, y: Tensor, k: int, k_density: int) -> list[float]:
    """All four from the definitions."""
    apart = lambda a, b: (a.double()[:, None] - b.double()).norm(dim=-1).tolist()  # noqa: E731

    def radius(a: Tensor, i: int, k: int) -> float:
        return sorted(d for j, d in enumerate(apart(a, a)[i]) if j != i)[k - 1]

    real, made, d = range(len(x)), range(len(y)), apart(y, x)
    rx, ry = [radius(x, i, k) for i in real], [radius(y, j, k) for j in made]
    wide = [radius(x, i, k_density) for i in real]
    precision = np.mean([any(d[j][i] <= rx[i] for i in real) for j in made])
    recall = np.mean([any(d[j][i] <= ry[j] for j in made) for i in real])
    inside = np.array([[d[j][i] < wide[i] for i in real] for j in made])
    return [precision, recall, inside.sum() / k_density / len(y), inside.any(0).mean()]


def values(found: module.ManifoldScores) -> list[float]:
    four = (found.precision, found.recall, found.density, found.coverage)
    return [each.value for each in four]


@pytest.mark.parametrize("block", [7, 1024])
def test_image_by_image(monkeypatch, block) -> None:
    real, made = features(0, 40), features(1, 33, shift=0.5)
    monkeypatch.setattr(module.squared_distances, "__defaults__", (block,))
    found = manifold_scores(real, made, k_precision=2, k_density=4)
    assert values(found) == pytest.approx(image_by_image(real, made, 2, 4), rel=1e-12)


@pytest.mark.parametrize("spare", [0, 12])
def test_errors_are_those_of_leaving_out_tenths(monkeypatch, spare) -> None:
    """Recomputed from nothing without each part; no spare neighbours makes the fallback work."""
    monkeypatch.setattr(module, "SPARE", spare)
    real, made = features(0, 60), features(1, 50, shift=0.7)
    found = manifold_scores(real, made, seed=5)
    group = np.random.default_rng(5).permutation(50) % 10
    four = np.array([image_by_image(real, made[group != g], 3, 5) for g in range(10)])
    error = np.sqrt(0.9 * np.square(four - four.mean(0)).sum(0))
    assert found.recall.error == pytest.approx(error[1], rel=1e-10)
    assert found.coverage.error == pytest.approx(error[3], rel=1e-10)
    p = found.precision.value
    assert found.precision.error == pytest.approx((p * (1 - p) / 49) ** 0.5, rel=1e-10)
    assert found.precision.error == pytest.approx(error[0], rel=0.4)
    assert found.density.error == pytest.approx(error[2], rel=0.4)


def test_one_distribution_twice() -> None:
    """Density and coverage are then known: 1, and 1 − (1/2)^k about."""
    found = manifold_scores(features(0, 2000), features(1, 2000))
    assert found.density.value == pytest.approx(1, abs=0.05)
    assert found.coverage.value == pytest.approx(1 - 2**-5, abs=0.015)
    assert min(found.precision.value, found.recall.value) > 0.9


def test_good_but_of_one_kind() -> None:
    """Real images in two heaps, generated ones in one of them: precise, half recalled."""
    real = torch.cat([features(0, 300), features(1, 300, shift=50)])
    found = manifold_scores(real, features(2, 300))
    assert found.precision.value > 0.9
    assert found.recall.value == pytest.approx(0.5, abs=0.05)
    assert found.coverage.value == pytest.approx(0.5, abs=0.05)


def test_nowhere_near() -> None:
    assert values(manifold_scores(features(0, 50), features(1, 50, shift=1000))) == [0, 0, 0, 0]


def test_what_is_refused() -> None:
    for real, made in ((11, 50), (50, 11)):
        with pytest.raises(JincError, match="12 images or more"):
            manifold_scores(features(0, real), features(1, made))
    assert len(values(manifold_scores(features(0, 12), features(1, 12)))) == 4


def test_where_all_images_agree_nothing_is_certain() -> None:
    """None of 100 is no proof of 0: the error is what one more image would make."""
    random = torch.Generator().manual_seed(0)
    real, far = torch.randn(100, 4, generator=random), torch.randn(60, 4, generator=random) + 1e3
    found = manifold_scores(real, far)
    assert [getattr(found, k).value for k in ("precision", "recall", "density", "coverage")] == [
        0
    ] * 4
    assert found.precision.error == pytest.approx(1 / 61)
    assert found.density.error == pytest.approx(1 / 61 / 5)
    assert (found.recall.error, found.coverage.error) == pytest.approx((1 / 101, 1 / 101))
    assert manifold_scores(real, real).precision.error == pytest.approx(1 / 101)


@pytest.mark.parametrize("spread", [1, 1e-3, 1e4])
def test_a_set_and_itself(spread) -> None:
    """Ties are ties although distances round in another order: density 1, not 1.055."""
    real = features(0, 300, 64, shift=5) * spread
    assert values(manifold_scores(real, real.clone())) == [1, 1, 1, 1]
    assert values(manifold_scores(real, real.flip(0))) == [1, 1, 1, 1]


@pytest.mark.parametrize("value", [0.0, 0.3, 1e5])
def test_equal_images_cover_each_other(value) -> None:
    equal = torch.full((50, 7), value)
    found = values(manifold_scores(equal, equal.clone()))
    assert (found[0], found[1], found[3]) == (1, 1, 1)
    assert values(manifold_scores(equal, equal + 1))[3] == 0
