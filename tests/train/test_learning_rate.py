"""The learning rate rises in a line, stays or falls along half a cosine, and is never nothing."""

from itertools import pairwise

import pytest

from jinc.train.settings import OptimiserSettings
from jinc.train.update import learning_rate

TOTAL = 120


def rates(lr_schedule: str, warmup: int, total: int = TOTAL) -> list[float]:
    settings = OptimiserSettings(learning_rate=0.5, lr_schedule=lr_schedule, warmup=warmup)
    return [learning_rate(settings, step, total) for step in range(total)]


@pytest.mark.parametrize("lr_schedule", ["constant", "cosine"])
@pytest.mark.parametrize("warmup", [0, 1, 20])
def test_warmup_is_linear(lr_schedule, warmup) -> None:
    found = rates(lr_schedule, warmup)
    assert found[warmup] == max(found) == 0.5
    differences = [after - before for before, after in pairwise([0.0, *found[: warmup + 1]])]
    assert differences == pytest.approx([0.5 / (warmup + 1)] * (warmup + 1), rel=1e-12)
    assert min(found) > 0


@pytest.mark.parametrize("warmup", [0, 20])
def test_a_constant_schedule(warmup) -> None:
    assert set(rates("constant", warmup)[warmup:]) == {0.5}


@pytest.mark.parametrize("warmup", [0, 20])
def test_a_cosine_falls_to_zero(warmup) -> None:
    found = rates("cosine", warmup)[warmup:]
    assert all(after < before for before, after in pairwise(found))
    assert found[len(found) // 2] == pytest.approx(0.25, rel=1e-12)
    # What it has lost by k it still has k before the end.
    assert [a + b for a, b in zip(found[1:], reversed(found[1:]), strict=True)] == pytest.approx(
        [0.5] * (len(found) - 1), rel=1e-12
    )
    assert found[-1] < 0.5 * (2 / len(found)) ** 2 * 2


@pytest.mark.parametrize("lr_schedule", ["constant", "cosine"])
@pytest.mark.parametrize("total", [1, 3, 20, 21])
def test_a_run_shorter_than_its_warmup(lr_schedule, total) -> None:
    found = rates(lr_schedule, 20, total)
    assert found == pytest.approx([0.5 * (k + 1) / 21 for k in range(total)], rel=1e-12)
