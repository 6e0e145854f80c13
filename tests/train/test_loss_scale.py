"""The factor halves where gradients overflow, and doubles after a long time without."""

import pytest
import torch

from jinc.train.update import FIRST, PATIENCE, LossScale

CPU = torch.device("cpu")


def after(finite: list[bool], scale: LossScale | None = None) -> LossScale:
    scale = scale or LossScale(True, CPU)
    for each in finite:
        scale.update(torch.tensor(each))
    return scale


@pytest.mark.parametrize("overflows", [0, 1, 5, 16, 17, 40])
def test_it_halves_down_to_one(overflows) -> None:
    assert float(after([False] * overflows).factor) == max(1.0, FIRST / 2**overflows)


def test_it_doubles_after_patience_and_only_then() -> None:
    scale = after([True] * (PATIENCE - 1))
    assert float(scale.factor) == FIRST
    assert float(after([True], scale).factor) == 2 * FIRST
    assert float(after([True] * (PATIENCE - 1), scale).factor) == 2 * FIRST
    assert float(after([False], scale).factor) == FIRST
    assert float(after([True] * (PATIENCE - 1), scale).factor) == FIRST  # counted from zero again
    assert float(after([True], scale).factor) == 2 * FIRST


def test_without_fp16_it_stays_one() -> None:
    scale = after([True, False] * 10, LossScale(False, CPU))
    assert float(scale.factor) == 1


def test_it_resumes_from_its_state() -> None:
    line = [True] * 1500 + [False] + [True] * (PATIENCE + 10)
    straight = after(line).tensors()
    for cut in (3, 1500, 1501 + PATIENCE - 1):
        saved = {name: t.clone() for name, t in after(line[:cut]).tensors().items()}
        resumed = LossScale(True, CPU)
        resumed.load(saved)
        found = after(line[cut:], resumed).tensors()
        assert all(torch.equal(found[name], straight[name]) for name in straight)
