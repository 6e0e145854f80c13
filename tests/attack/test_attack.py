"""Hostile inputs, two writers at once, kills and full disks, a sample of each."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_sample_of_attacks(tmp_path) -> None:
    """In a process of its own, since it forks, which no process with threads should."""
    out = tmp_path / "found.json"
    words = ["-m", "tests.attack", "--number", "200", "--trials", "20", "--seed", "1"]
    subprocess.run([sys.executable, *words, "--out", str(out)], check=True, cwd=ROOT)
    found = json.loads(out.read_text())
    assert found["faults"] == {}, found["found"]
    for kind, trials in found["trials"].items():
        for name, trial in trials.items():
            bad = {what: n for what, n in trial.items() if what in BAD and n}
            assert not bad, (kind, name, trial)


BAD = ("mixed", "others", "differ", "no line of error", "tracebacks", "files left")
