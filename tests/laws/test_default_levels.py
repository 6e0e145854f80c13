"""The levels that solvers visit by default are those that come nearest in 10 and 20 calls."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from jinc.diffusion import SAMPLERS, Schedule, gaussian, sampler_by_name, sampler_fn, spaced

RESULTS = Path(__file__).parents[2] / "results" / "solvers.json"
VARIANCES, MEANS = np.geomspace(1, 1e-4, 16), np.linspace(-0.5, 0.5, 16)
SCHEDULES = {"linear": Schedule.linear(), "cosine": Schedule.cosine()}


def off(name: str, schedule: Schedule, levels: list[int]) -> float:
    """How far from the end of the flow, root mean square over white noise: it is linear in it."""
    a = float(schedule.alpha_bars[-1])
    x_T = torch.special.ndtri((torch.arange(256, dtype=torch.float64) + 0.5) / 256)[:, None]
    means, variances = torch.tensor(MEANS), torch.tensor(VARIANCES)
    end = means + (x_T - np.sqrt(a) * means) * (variances / (a * variances + 1 - a)).sqrt()
    oracle = gaussian(schedule, means.view(1, 4, 4), torch.diag(variances))
    start = x_T.expand(-1, 16).reshape(-1, 1, 4, 4)
    *_, last = sampler_fn(name)(oracle, schedule, start, steps=levels)
    return float((last.x_t.flatten(1) - end).square().mean().sqrt())


def test_defaults_are_the_nearest_of_the_table() -> None:
    nearest = json.loads(RESULTS.read_text())["nearest_in_10_and_20_calls"]
    for name in ("heun", "dpm++", "unipc", "deis"):
        assert SAMPLERS[name].spacing == nearest[name]
    assert nearest["ddim"] == SAMPLERS["euler"].spacing  # the same moves


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("name", ["dpm++", "unipc"])
def test_few_calls_go_far(name, kind) -> None:
    """At most a quarter of the error of even levels, and at 20 calls of Karras' levels."""
    schedule = SCHEDULES[kind]
    own = {
        calls: off(name, schedule, sampler_by_name(name).levels(schedule, calls))
        for calls in (10, 20)
    }
    for calls in (10, 20):
        assert own[calls] < off(name, schedule, spaced(schedule, calls, "even")) / 4
    assert own[20] < off(name, schedule, spaced(schedule, 20, "karras")) / 4
    assert own[20] < 0.005


def test_the_table_is_what_is_measured() -> None:
    table = json.loads(RESULTS.read_text())["samplers"]
    for name, spacing in (("unipc", "flow"), ("dpm++", "karras"), ("ddim", "even")):
        found = off(name, SCHEDULES["linear"], spaced(SCHEDULES["linear"], 20, spacing))
        written = table[name][spacing]["gaussian"]["linear"]["20"]
        assert found == pytest.approx(written, rel=1e-5)
