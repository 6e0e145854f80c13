"""A search by measurement: against a network whose levels err independently."""

import math

import pytest
import torch

from jinc.diffusion import make_schedule
from jinc.metrics.search import (
    Measured,
    best_within,
    evaluations,
    front,
    joined,
    measure_denoiser,
    search,
)

ERRORS = (1.0, 0.3, 0.01)
"""Error power of each level; designs leave a share of it, and take time."""
LEFT = {"A": 1.0, "D@6": 0.01, "D@12": 0.001}
TIME = {"A": 0.0, "D@6": 0.1, "D@12": 0.3}


def measure(config: str) -> Measured:
    designs = config.split(",")
    designs += [designs[-1]] * (len(ERRORS) - len(designs))
    error = sum(e * LEFT[d] for e, d in zip(ERRORS, designs, strict=True))
    time = 1 + sum(TIME[d] for d in designs)
    return Measured(config, time, -10 * math.log10(error), 0.05)


def test_levels_are_added_by_decibels_for_time() -> None:
    asked = []

    def counted(config: str) -> Measured:
        asked.append(config)
        return measure(config)

    found = list(search(counted, len(ERRORS), ["D@6", "D@12"]))
    names = [each.config for each in found]
    assert names == asked  # each once
    assert len(set(names)) == len(names) <= evaluations(3, 2)
    assert {"A", "D@6", "D@12", "D@6,A", "A,D@6,A", "A,A,D@6"} <= {*names}
    assert "D@6,D@6,A" in names  # the two worst levels, by the cheaper design
    assert best_within(found, 1.25).config == "D@6,D@6,A"
    assert best_within(found, 1.0).config == "A"


def test_the_front_is_exceeded_by_none() -> None:
    found = list(search(measure, len(ERRORS), ["D@6", "D@12"]))
    best = front(found)
    assert [x.time for x in best] == sorted({x.time for x in best})
    for each in found:
        beaten = any(x.time <= each.time and x.half_pixel_db >= each.half_pixel_db for x in best)
        assert beaten


@pytest.mark.parametrize(
    ("designs", "name"), [("AAA", "A"), ("DDA", "D,D,A"), ("DAA", "D,A"), ("ADD", "A,D")]
)
def test_names(designs, name) -> None:
    assert joined(designs) == name


def test_an_exact_denoiser_has_no_error() -> None:
    x0 = torch.rand(2, 1, 8, 12) * 2 - 1
    eps = torch.randn(x0.shape)
    schedule = make_schedule("linear", 50)
    found = measure_denoiser("A", lambda x_t, t: x0, lambda x_t, t: x0, schedule, x0, eps, 1)
    assert found.loss < 1e-8
    blind = measure_denoiser("A", lambda x_t, t: 0 * x_t, lambda x_t, t: x_t, schedule, x0, eps, 1)
    assert blind.half_pixel_db > 100
    assert blind.time > 0
