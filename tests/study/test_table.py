"""The table tells means, errors, and what the seeds are sure of."""

import json
import math
import statistics

import pytest

from jinc.errors import JincError
from jinc.metrics import Entry, OverSeeds
from jinc.study import StudyFolder, figure_words, make_table, read_study

JUDGED = {
    "extractor": {
        **{"name": "mnist-classifier", "layer": "64", "weights": "f8eeff28" + "0" * 56},
        **{"channels": 1, "image_size": [28, 28], "resize": "antialiased", "low": -1.0},
        "high": 1.0,
    },
    "real": {"name": "digits", "images": 1797, "sha256": "0" * 64},
    "generated": {"name": "images", "images": 20, "sha256": "1" * 64},
}

stats = pytest.importorskip("scipy.stats")


@pytest.fixture
def filled(file, tmp_path):
    """Fill cells with given Fréchet distances, a list of two seeds for each variant."""

    def fill(values: dict[str, list[float]]):
        study, places = read_study(file, {"judge": "x"}), StudyFolder(tmp_path / "out")
        for cell in study.cells:
            if cell.variant in values:
                score = {"name": "Fréchet distance", "lower_is_better": True}
                score["value"] = values[cell.variant][cell.seed]
                facts = JUDGED | {"loss": 1.0, "scores": {"frechet": score}}
                places.scores(cell).parent.mkdir(parents=True)
                places.scores(cell).write_text(json.dumps(facts))
        return make_table(study, places)

    return fill


@pytest.mark.parametrize("count", [2, 3, 5, 11, 12, 15, 20, 40, 200])
def test_means_errors_and_intervals_are_students(count) -> None:
    values = [math.sin(7 * k) for k in range(count)]
    figure = OverSeeds.of(values)
    assert figure.mean == pytest.approx(statistics.fmean(values))
    assert figure.error == pytest.approx(float(stats.sem(values)))
    low, high = stats.t.interval(0.95, count - 1, figure.mean, figure.error)
    assert figure.reach == pytest.approx((high - low) / 2, rel=2e-3)


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


def test_worse_is_marked_and_one_seed_is_not_significant(filled) -> None:
    table = filled({"A": [10.0, 20.0], "D": [11.0, 21.1]})
    (column,) = (each for each in table.columns if each.kind == "frechet")
    assert column.entries["D"].better is False
    assert len(table.missing) == 2
    assert OverSeeds.of([3.0]).reach is None


def test_what_is_written_down(filled) -> None:
    table = filled({"A": [10.0, 20.0], "D": [11.0, 21.1]})
    lines = table.markdown().splitlines()
    assert lines[0] == "| | digits: Fréchet distance ↓ | digits: loss of training ↓ |"
    assert lines[2] == "| A (baseline) | 15.0 ± 5.0 | 1 ± 0 |"
    assert lines[3].startswith("| D | 16.1 ± 5.1 − |")
    assert not any("4 steps" in line for line in lines)  # no figures, no row
    facts = json.loads(json.dumps(table.facts()))
    assert facts["columns"][0]["entries"]["D"]["score"]["values"] == [11.0, 21.1]
    assert lines[-1] == (
        "- digits: 20 generated images of each network against 1,797 of digits, all; features: "
        "mnist-classifier, 64, 28×28, resize antialiased, weights f8eeff28"
    )
    (judged,) = facts["judged"]
    assert (judged["weights"], judged["generated"]) == (JUDGED["extractor"]["weights"], [20])
    assert judged["real"] == JUDGED["real"] | {"split": "all"}


def changed(file, **parts) -> None:
    found = json.loads(file.read_text())
    for name, facts in parts.items():
        found[name] |= facts
    file.write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (
            {"extractor": {"weights": "a1b2c3d4" + "0" * 56}},
            "weights f8eeff28, but .*a1b2c3d4; del",
        ),
        ({"real": {"sha256": "e5f6" * 16}}, "real images 00000000, but .* against e5f6e5f6; del"),
    ],
    ids=["judge", "real images"],
)
def test_figures_of_two_judges_are_never_one_mean(filled, file, tmp_path, parts, says) -> None:
    table = filled({"A": [10.0, 20.0], "D": [11.0, 21.1]})
    places = StudyFolder(tmp_path / "out")
    changed(places.scores(table.study.cells[-2]), **parts)
    with pytest.raises(JincError, match=says) as error:
        make_table(table.study, places)
    assert "\n" not in str(error.value)


NOT_FINITE = json.dumps(
    JUDGED
    | {"loss": 1.0}
    | {"scores": {"frechet": {"name": "x", "value": math.inf, "lower_is_better": True}}}
)


@pytest.mark.parametrize(
    "text", ["{}", "[]", "null", '{"scores": {"frechet": 3}}', "{", NOT_FINITE]
)
def test_scores_that_are_none(filled, tmp_path, text) -> None:
    table = filled({"A": [10.0, 20.0]})
    places = StudyFolder(tmp_path / "out")
    places.scores(table.study.cells[0]).write_text(text)
    with pytest.raises(
        JincError, match=r"scores\.json: (is not (what jinc study|valid JSON)|holds )"
    ):
        make_table(table.study, places)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.0777e-6, 1.0867e-6], "1.0822e-6 ± 0.0045e-6"),
        ([-1.0777e-6, -1.0867e-6], "-1.0822e-6 ± 0.0045e-6"),
        ([1.0822e-6], "1.082e-6"),
        ([0.0123, 0.0125], "0.01240 ± 0.00010"),
        ([1530.0, 1470.0], "1,500 ± 30"),
        ([5e-6, 5e-6], "5.000e-6 ± 0"),
    ],
)
def test_figures_can_be_read(values, says) -> None:
    assert figure_words(Entry(OverSeeds.of(values), None, None)) == says
