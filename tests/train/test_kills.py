"""Runs killed without warning lose no more than an interval, and end where they would have."""

import runpy
from pathlib import Path

import pytest

STUDY = Path(__file__).resolve().parents[2] / "studies" / "kills.py"


@pytest.mark.slow
def test_killed_runs_end_like_others(tmp_path) -> None:
    found = runpy.run_path(str(STUDY))["study"](tmp_path, kills=4)
    assert found["kills"] == 4
    assert found["inside_a_save"] >= 1
    assert found["intervals_lost_max"] <= 1
    assert found["equal"]
