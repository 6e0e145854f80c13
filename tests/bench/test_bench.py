"""Benchmarks run on tiny sizes, their figures agree, and published operators keep their laws."""

import json
import math
import sys

import breakdown
import cost
import published
import pytest
import start
import step
import tables
import torch
from timing import Size, Times, side_by_side

import report
from jinc.nn import UNet
from jinc.train import forward_gflop

TINY = Size(rounds=1, batch=1, side=16, width=8)


@pytest.mark.parametrize(
    ("operator", "taps"),
    [
        (published.stylegan3, published.STYLEGAN3),
        (published.alias_free_torch, published.ALIAS_FREE_TORCH),
    ],
)
def test_published_operators_filter_a_tone(operator, taps) -> None:
    """Both passes together are a filter, and a square adds a constant and the double frequency."""
    n, f = 64, 1 / 16
    place = torch.arange(12) - 5.5

    def gain(frequency: float) -> float:
        return float((taps * torch.cos(2 * math.pi * frequency * place)).sum())

    def seen(x: torch.Tensor) -> torch.Tensor:
        return x[..., n // 2, 16:-16].flatten()

    turn = 2 * math.pi * f * torch.arange(n, dtype=torch.float64) + 0.3
    x = turn.cos().expand(1, 1, n, n)
    whole = gain(f / 2) ** 2 + gain(f / 2 + 0.5) ** 2
    torch.testing.assert_close(seen(operator(x, lambda u: u)), whole * seen(x))
    squared = gain(f / 2) ** 2 / 2 * (1 + gain(f) * (2 * turn).cos()).expand_as(x)
    torch.testing.assert_close(seen(operator(x, torch.square)), seen(squared), atol=2e-5, rtol=0)


def test_ratios_are_those_within_a_round() -> None:
    times = Times({"a": [1, 20, 9], "b": [2, 10, 3]})
    assert (times.ratio("a", "b"), times.median("a"), times.rounds) == (2, 9, 3)
    ticks = iter(range(100))
    assert side_by_side({"a": int}, 9, seconds=0, clock=lambda: next(ticks)) == {"a": [1]}


def test_the_operations_of_a_step_are_those_of_three_forward_passes() -> None:
    forward = forward_gflop(UNet("A", width=8), (16, 16))
    assert 2.9 < sum(breakdown.gflop_of(TINY).values()) / forward < 3


def test_report(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tables, "QUICK", TINY)
    monkeypatch.setattr(step, "NETWORKS", ("A", "D@12", "A circular", "D@12 naive"))
    monkeypatch.setattr(start, "run", len)
    monkeypatch.setattr(cost, "SIDES", (1,))
    monkeypatch.setattr(cost, "BATCHES", (1,))
    monkeypatch.setattr(sys, "argv", ["report", "--quick", f"--out={tmp_path}"])
    report.main()
    text = (tmp_path / "report.md").read_text()
    charts = [file.name for file in tmp_path.glob("*.png")]
    assert len(charts) == 3
    assert all(f"]({chart})" in text for chart in charts)
    found = json.loads((tmp_path / "report.json").read_text())["tables"]
    assert all(f"## {title}\n" in text for title in found)
    rows = [row for table in found.values() for row in table["rows"].values()]
    assert all(value > 0 for row in rows for name, value in row.items() if "share" not in name)

    parts = [row["share of time"] for row in found["A training step of A"]["rows"].values()]
    assert sum(parts) == pytest.approx(2)  # the step, and its parts
    steps = found["Training step, batch 1, 3×16×16, width 8"]["rows"]
    assert steps["A"]["over A"] == steps["D@12"]["D@12 over it"] == 1
    assert steps["A circular"]["over zeros"] == pytest.approx(steps["A circular"]["over A"])
