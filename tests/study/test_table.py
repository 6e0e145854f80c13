"""The table tells means, errors, and what the seeds are sure of."""

import json
import math
import statistics

import pytest

from jinc.study import Places, as_markdown, make_table, read_study
from jinc.study.table import Figure

stats = pytest.importorskip("scipy.stats")


@pytest.fixture
def filled(file, tmp_path):
    """Fill cells with given Fréchet distances, a list of two seeds for each variant."""

    def fill(values: dict[str, list[float]]):
        study, places = read_study(file, {"judge": "x"}), Places(tmp_path / "out")
        for cell in study.cells:
            if cell.variant in values:
                score = {"name": "Fréchet distance", "lower_is_better": True}
                score["value"] = values[cell.variant][cell.seed]
                facts = {"loss": 1.0, "scores": {"frechet": score}}
                places.scores(cell).parent.mkdir(parents=True)
                places.scores(cell).write_text(json.dumps(facts))
        return make_table(study, places)

    return fill


@pytest.mark.parametrize("count", [2, 3, 5, 11, 40])
def test_means_errors_and_intervals_are_students(count) -> None:
    values = [math.sin(7 * k) for k in range(count)]
    figure = Figure.of(values)
    assert figure.mean == pytest.approx(statistics.fmean(values))
    assert figure.error == pytest.approx(float(stats.sem(values)))
    low, high = stats.t.interval(0.95, count - 1, figure.mean, figure.error)
    assert figure.reach == pytest.approx((high - low) / 2, rel=2e-2)


def test_differences_are_taken_seed_by_seed(filled) -> None:
    """Seeds that differ much hide nothing where all variants differ with them."""
    table = filled({"A": [10.0, 50.0], "D": [9.0, 48.9], "D, 4 steps": [8.0, 60.0]})
    (column,) = (each for each in table.columns if each.kind == "frechet")
    paired = column.entries["D"]
    assert paired.difference.mean == pytest.approx(-1.05)
    assert paired.difference.error == pytest.approx(0.05)
    assert paired.better is True
    assert column.entries["D, 4 steps"].better is None  # once better, once worse
    assert column.entries["A"].difference is None
    assert table.missing == ()


def test_worse_is_told_too_and_one_seed_tells_nothing(filled) -> None:
    table = filled({"A": [10.0, 20.0], "D": [11.0, 21.1]})
    (column,) = (each for each in table.columns if each.kind == "frechet")
    assert column.entries["D"].better is False
    assert len(table.missing) == 2
    assert Figure.of([3.0]).reach is None


def test_what_is_written_down(filled) -> None:
    table = filled({"A": [10.0, 20.0], "D": [11.0, 21.1]})
    lines = as_markdown(table).splitlines()
    assert lines[0] == "| | digits: Fréchet distance ↓ | digits: loss of training ↓ |"
    assert lines[2] == "| A (baseline) | 15.0 ± 5.0 | 1 ± 0 |"
    assert lines[3].startswith("| D | 16.1 ± 5.1 − |")
    assert lines[4] == "| D, 4 steps | – | – |"
    facts = json.loads(json.dumps(table.facts()))
    assert facts["columns"][0]["entries"]["D"]["score"]["values"] == [11.0, 21.1]
