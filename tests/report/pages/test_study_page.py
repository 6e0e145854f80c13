"""The page of a study says first whether it is better, and by how much; plainly, and rightly."""

import json
import shutil
import statistics
from importlib.resources import files

import pytest

from jinc.errors import JincError
from jinc.report.pages import study_cells, study_page

BETTER = {"A": [15.0, 16.1, 14.2], "D": [12.3, 13.5, 11.6]}
PRECISION = {"A": [0.61, 0.62, 0.60], "D": [0.55, 0.57, 0.545]}


@pytest.fixture
def page_of(study, taken_apart):
    def make(*args, **kwargs):
        return taken_apart(study_page(study(*args, **kwargs)))

    return make


def first_words(page) -> str:
    """What is read before everything else: the sentences of the first screen."""
    return page.text.partition("± is one standard error")[0]


def test_a_better_variant(page_of) -> None:
    words = first_words(page_of(BETTER))
    differences = [d - a for d, a in zip(BETTER["D"], BETTER["A"], strict=True)]
    error = statistics.stdev(differences) / 3**0.5
    amount = f"{-statistics.mean(differences):.3f} ± {error:.3f}"
    assert (
        f"On digits, D is better by {amount} over 3 seeds: "
        "it scores 12.47 ± 0.55 against 15.10 ± 0.55 for A "
        "(Fréchet distance (mnist-classifier), lower is better)."
    ) in words


def test_a_worse_variant(page_of) -> None:
    words = first_words(page_of({"A": BETTER["D"], "D": BETTER["A"]}))
    assert "worse by 2.633 ± 0.033 over 3 seeds" in words
    assert "better by" not in words


def test_a_score_of_which_higher_is_better(page_of) -> None:
    page = page_of(BETTER, PRECISION)
    assert "D is worse by 0.0550 ± 0.0029 over 3 seeds: it scores" in page.text
    assert "for A (precision, higher is better)." in page.text


def test_a_difference_that_is_not_significant(page_of) -> None:
    words = first_words(page_of({"A": [10.0, 12.0, 11.0], "D": [11.0, 10.0, 12.0]}))
    assert "no significant difference over 3 seeds (0.0 ± 1.0)" in words
    assert "better by" not in words
    assert "worse by" not in words


def test_one_seed_may_be_chance(page_of) -> None:
    words = first_words(page_of({"A": [10.0], "D": [9.0]}))
    assert "better by 1 in the only seed, which may be chance" in words
    assert "±" not in words


def test_one_seed_and_no_difference(page_of) -> None:
    words = first_words(page_of({"A": [10.0], "D": [10.0]}))
    assert "D makes no difference in the only seed: it scores 10 against 10 for A" in words


def test_the_best_of_several_variants(page_of) -> None:
    several = BETTER | {"E": [10.0, 20.0, 9.0], "C": [11.0, 12.1, 10.25], "B": [16.0, 17.0, 15.3]}
    words = first_words(page_of(several))
    assert "On digits, C, the best of 4, is better by 3.983 ± 0.017" in words
    after = words.partition("Also better: ")[2]
    assert after.startswith("D (−2.633 ± 0.033). Worse: B (+1.000 ± 0.058). Not significant: E (")


def test_several_variants_none_of_which_is_better(page_of) -> None:
    several = {"A": BETTER["A"], "B": [16.0, 17.0, 15.3], "C": [15.5, 15.5, 14.9]}
    words = first_words(page_of(several))
    assert "On digits, none of 2 is significantly better than A. The best, C, makes no" in words


def test_a_seed_is_missing(page_of) -> None:
    page = page_of({"A": BETTER["A"], "D": BETTER["D"][:2]})
    assert "better by 2.650 ± 0.050 over the 2 shared seeds" in first_words(page)
    assert "1 cell: is not finished: digits D 2" in page.text


def test_a_variant_is_missing(page_of) -> None:
    words = first_words(page_of({"A": BETTER["A"], "D": []}))
    assert "A scores 15.10 ± 0.55" in words
    assert "there is no other variant to compare yet" in words


def test_the_baseline_is_missing(page_of) -> None:
    words = first_words(page_of({"A": [], "D": BETTER["D"]}))
    assert "A, the baseline, has no score yet" in words


def test_every_figure_is_that_of_the_table(study, taken_apart) -> None:
    folder = study(BETTER | {"E": [10.0, 20.0, 9.0]}, PRECISION | {"E": [0.6, 0.5, 0.7]})
    page = taken_apart(study_page(folder))
    assert page.misshown() == []
    expected = set()
    for column in json.loads((folder / "table.json").read_text())["columns"]:
        for entry in column["entries"].values():
            for figure in (entry["score"], entry["difference"] or {}):
                found = {figure.get("mean"), figure.get("error")} - {None}
                assert found - {0.0} <= page.values
                expected |= found | {abs(value) for value in found}
    seconds_for_a_thousand = 1000 * 2.0 / 20
    assert page.values - expected == {24481, 6, seconds_for_a_thousand}


def test_all_sections_are_on_the_page(study, taken_apart, drawn) -> None:
    folder = study(BETTER, PRECISION)
    page = taken_apart(study_page(folder))
    assert [a["id"] for a in page.of("section")] == [
        *("figures", "table", "samples", "learning", "filters", "costs", "settings", "repeat"),
        "missing",
    ]
    assert len(page.of("img")) == 2 * 3  # a grid for each variant and seed
    # two charts of 2 + 1 rows and three scores, each with a mean and the seeds as tooltips
    assert page.section("figures").count("<title>") == 2 * 3 * (2 + 1)
    assert "<title>D: 12.3, 13.5, 11.6</title>" in page.section("figures")
    assert "Smoothed loss" in page.section("learning")
    row = page.section("settings").partition("Settings of variants")[2]
    assert row.index(">config<") < row.index("D@6")
    assert "jinc study run tiny.yaml --out" in page.text
    assert (
        "20 generated images of each network against 1,797 of digits, all; features: " in page.text
    )
    assert "mnist-classifier, 64, 28×28, resize antialiased, weights f8eeff28" in page.text


def test_losses_of_other_objectives_are_not_compared(page_of) -> None:
    variants = {"A": {"config": "A"}, "D": {"config": "A", "complexity": "normalised"}}
    says = "their losses cannot be compared"
    assert says in page_of(BETTER, variants=variants).text
    assert says not in page_of(BETTER).text


def test_names_are_escaped(study, taken_apart, drawn) -> None:
    evil = "<script>alert(1)</script>'\"&<img onerror=x>"
    data = {evil.replace("/", "-"): {"data": "digits", "score": {"features": "x", "split": "all"}}}
    folder = study(BETTER | {evil: [9.0, 9.5, 8.1]}, named=evil, what=evil, data=data)
    page = taken_apart(study_page(folder))
    own = files("jinc.report").joinpath("templates", "scrub.js").read_text().strip()
    assert page.scripts == [own]
    assert page.text.count("onerror") > 10
    assert len(page.of("img")) == 3 * 3
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert page.asks_for() == []


def test_a_study_without_images_and_runs(study, taken_apart) -> None:
    folder = study(BETTER)
    shutil.rmtree(folder / "runs")
    for images in folder.glob("cells/*/images"):
        shutil.rmtree(images)
    page = taken_apart(study_page(folder))
    assert "better by" in first_words(page)
    assert {"samples", "learning"} & {a["id"] for a in page.of("section")} == set()


def test_a_malformed_table_is_an_error(study) -> None:
    folder = study(BETTER)
    table = json.loads((folder / "table.json").read_text())
    for change, says in (
        ({"columns": [{"data": 3}]}, "columns: each needs the name of its data, and entries"),
        ({"columns": {"mnist": {}}}, "columns: .* is not a list"),
        ({"baseline": None}, "baseline: None is not a text"),
    ):
        (folder / "table.json").write_text(json.dumps(table | change))
        with pytest.raises(JincError, match=rf"table\.json: {says}"):
            study_cells(folder)
    (folder / "table.json").unlink()
    with pytest.raises(JincError, match=r"has no table\.json yet; jinc study table"):
        study_page(folder)


def test_malformed_scores_are_an_error(study) -> None:
    folder = study(BETTER)
    file = next(folder.glob("cells/*/scores.json"))
    file.write_text("{}")
    with pytest.raises(JincError, match=r"^[^:]*scores\.json: is not what jinc study writes"):
        study_page(folder)


def test_the_command_has_the_places(study, taken_apart) -> None:
    folder = study(BETTER)
    (folder / "places.json").write_text(json.dumps({"judge": "/my judges/mnist"}))
    assert "--place 'judge=/my judges/mnist'" in taken_apart(study_page(folder)).text


def test_older_tables_name_no_extractor(study, taken_apart) -> None:
    folder = study(BETTER)
    table = json.loads((folder / "table.json").read_text())
    del table["judged"]
    (folder / "table.json").write_text(json.dumps(table))
    assert "all; features" not in taken_apart(study_page(folder)).text
