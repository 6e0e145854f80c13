"""A study says what it is made of, and what it cannot be made of."""

import pytest
import yaml

from jinc.documents import read_yaml
from jinc.errors import JincError
from jinc.models import SamplingPlan
from jinc.study import cost, read_study, study_cost
from jinc.study.plan import sampling_settings

PLACES = {"judge": "somewhere"}


def scored(**settings) -> dict:
    """Return a study's data that are scored in a way."""
    return {"data": {"d": {"data": "digits", "score": settings}}}


def test_every_cell_is_there_once(file) -> None:
    study = read_study(file, PLACES)
    assert (study.name, study.baseline, len(study.cells)) == ("tiny", "A", 6)
    assert len({cell.name for cell in study.cells}) == 6
    for cell in study.cells:
        assert (cell.config.seed, cell.config.width, cell.config.data) == (cell.seed, 4, "digits")
        assert cell.config.config == ("A" if cell.variant == "A" else "D@6")
        assert cell.sampling.steps == (4 if cell.variant == "D, 4 steps" else 2)
        assert (cell.scoring.features, cell.scoring.split) == ("somewhere", "all")


def test_cells_that_train_alike_share_a_network(file) -> None:
    units = read_study(file, PLACES).units()
    assert [[cell.variant for cell in unit] for unit in units] == [["A"], ["D", "D, 4 steps"]] * 2


def test_other_settings_are_another_cell(file, tmp_path) -> None:
    """What was made by an older form of the study is never taken for the new one's."""
    before = {cell.folder_name for cell in read_study(file, PLACES).cells}
    for change in ({"sample": {"number": 64, "steps": 2}}, {"scores": ["kernel"]}):
        found = {**yaml.safe_load(file.read_text()), **change}
        (tmp_path / "other.yaml").write_text(yaml.safe_dump(found))
        after = {cell.folder_name for cell in read_study(tmp_path / "other.yaml", PLACES).cells}
        assert not before & after
    assert not before & {c.folder_name for c in read_study(file, {"judge": "another"}).cells}


def test_names_that_look_alike_in_a_path(file, tmp_path) -> None:
    found = yaml.safe_load(file.read_text())
    found["variants"] = {"a/b": {"config": "A"}, "a-b": {"config": "D@6"}}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(found))
    cells = read_study(tmp_path / "other.yaml", PLACES).cells
    assert len({cell.folder_name for cell in cells}) == len(cells)


def test_variants_of_some_data_sets(file, tmp_path) -> None:
    found = yaml.safe_load(file.read_text())
    found["data"]["turned"] = found["data"]["digits"] | {"augment": ["spin"]}
    found["variants"]["D"]["on"] = ["turned"]
    (tmp_path / "on.yaml").write_text(yaml.safe_dump(found, sort_keys=False))
    study = read_study(tmp_path / "on.yaml", PLACES)
    assert len(study.units()) == len(study_cost(study)) == 8
    there = [(cell.data, cell.variant) for cell in study.cells if cell.seed == 0]
    assert there == [
        *(("digits", name) for name in ("A", "D, 4 steps")),
        *(("turned", name) for name in ("A", "D", "D, 4 steps")),
    ]
    plain = {cell.folder_name for cell in read_study(file, PLACES).cells}
    assert {c.folder_name for c in study.cells if c.data == "digits"} < plain


def test_configs_are_variants(file, tmp_path) -> None:
    found = yaml.safe_load(file.read_text())
    del found["variants"]
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({**found, "configs": ["D-2N", "A"]}))
    study = read_study(tmp_path / "c.yaml", PLACES)
    assert [cell.config.config for cell in study.cells] == ["D-2N", "A"] * 2
    assert study.baseline == "D-2N"


@pytest.mark.parametrize(
    ("configs", "says"),
    [(["A", "A"], "configs: A, A has a repeated entry"), (["A", "Z@6"], "'Z@6'")],
)
def test_configs_that_make_no_table(file, tmp_path, configs, says) -> None:
    found = yaml.safe_load(file.read_text())
    del found["variants"]
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({**found, "configs": configs}))
    with pytest.raises(JincError, match=says):
        read_study(tmp_path / "c.yaml", PLACES)


def test_what_it_costs_does_not_depend_on_who_judges(file) -> None:
    with pytest.raises(JincError, match=r"\$judge: add --place judge"):
        read_study(file)
    unjudged = read_study(file, scored=False)
    assert (unjudged.asked, dict(unjudged.places)) == (("judge",), {})
    assert study_cost(unjudged)[0].pflop == study_cost(read_study(file, PLACES))[0].pflop


def test_what_costs_depend_on_is_counted_once(file, monkeypatch) -> None:
    """However many seeds there are."""
    calls = []
    for name in ("load_data", "count_network"):
        real = getattr(cost, name)
        monkeypatch.setattr(cost, name, lambda *a, n=name, f=real: (calls.append(n), f(*a))[1])
    study_cost(read_study(file, PLACES))
    assert sorted(calls) == ["count_network"] * 2 + ["load_data"]


def test_the_cost_is_that_of_its_parts(file) -> None:
    costs = study_cost(read_study(file, PLACES))
    assert [len(costs), costs[0].parameters] == [4, costs[2].parameters]
    first, second = costs[:2]
    ratio = first.sampling_pflop / first.training_pflop
    assert ratio == pytest.approx(20 * 2 / (3 * 6 * 4))
    # the second network is sampled from twice, once in 2 and once in 4 steps
    own = second.training_pflop / (3 * 6 * 4)
    assert second.sampling_pflop == pytest.approx(own * 20 * (2 + 4))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dta": {}}, "'dta' is not one of what, train, data"),
        ({"data": None}, "data: is missing"),
        ({"baseline": "B"}, "baseline: 'B' is not a variant; there are A, D"),
        ({"seeds": 3}, "seeds: 3 is not a list of integers"),
        ({"scores": ["fid"]}, "scores: 'fid' is not one of frechet"),
        ({"configs": ["A"]}, "has configs and variants"),
        ({"train": {"widht": 4}}, "digits A: 'widht' is no setting; did you mean width?"),
        ({"train": {"width": "wide"}}, "digits A: width: 'wide' is not a whole number"),
        ({"train": {"preset": "mnst"}}, "preset: unknown preset 'mnst'; did you mean mnist?"),
        ({"sample": {"number": 1}}, "sample: number: 1 is not at least 2"),
        ({"sample": {"sampler": "dimm"}}, "sample: sampler: 'dimm' is unknown; did you mean ddim?"),
        ({"sample": {"count": 4}}, "sample: 'count' is not one of number"),
        ({"sample": [1]}, "sample: is not a mapping of settings"),
        ({"sample": {"eta": "abc"}}, "sample: eta: 'abc' is not a finite number"),
        ({"sample": {"steps": "abc"}}, "sample: steps: 'abc' is not a whole number"),
        ({"sample": {"clip": "no"}}, "sample: clip: 'no' is not true or false"),
        ({"sample": {"seed": -3}}, "sample: seed: -3 is not from 0 to 4294967295"),
        ({"sample": {"seed": 2**32}}, "sample: seed: 4294967296 is not from 0"),
        ({"sample": {"tolerance": 0.02}}, "sample: tolerance: belongs to adaptive, not to ddim"),
        ({"sample": {"guidance": 5}}, "guidance: needs training with conditional"),
        ({"train": "small"}, "train: is not a mapping of settings"),
        ({"train": {"preset": 3}}, "train: preset: unknown preset '3'"),
        ({"train": {"data": "digits"}}, "train: data: is set by the key data only"),
        ({"variants": {"A": {"seed": 3}}}, "variants: A: seed: is set by the key seeds"),
        ({"variants": {"A": {}, "B": {"data": "x"}}}, "variants: B: data: is set by the key data"),
        ({"data": {"d": {"data": "digits", "seed": 1}}}, "data: d: seed: is set by the key seeds"),
        ({"variants": {"a\nb": {}}, "baseline": "a\nb"}, r"'a\\nb' is not a valid name"),
        ({"variants": {"n\x07": {}}, "baseline": "n\x07"}, "is not a valid name"),
        ({"variants": {" ": {}}, "baseline": " "}, "variants: ' ' is not a valid name"),
        ({"variants": {"n" * 300: {}}, "baseline": "n" * 300}, "the name is longer than"),
        ({"variants": {"A": {"on": ["digts"]}}}, "'digts' is not a data set; did you mean digits"),
        ({"variants": {"A": {"on": "digits"}}}, "variants: A: on: 'digits' is not a list of data"),
        ({"variants": {"A": {"on": []}}}, r"variants: A: on: \[\] is not a list of data sets"),
        (
            {"data": {name: {"data": "digits"} for name in "ab"}, "variants": {"A": {"on": ["a"]}}},
            "baseline: A is not trained on b",
        ),
        ({"equivariance": {"numbr": 4}}, "equivariance: 'numbr' is not one of number, sampler"),
        ({"equivariance": {"number": -3}}, "digits A: equivariance: number: -3 is not from 1 to"),
        ({"equivariance": {"number": "$judge"}}, "number: '.judge' is not a whole number"),
        ({"equivariance": "$judge"}, "equivariance: is not a mapping of settings"),
        ({"equivariance": {"sampler": "adaptive"}}, "adaptive is not one of"),
        ({"equivariance": {"steps": [5, 9]}}, r"equivariance: steps: \(5, 9\) is not a whole"),
        ({"equivariance": {"steps": 11}}, "equivariance: steps must be 1 to 10"),
        (scored(augment="$judge"), "d: score: augment: '.judge' is not true or false"),
        (scored(augment=True), "d: score: augment: training has no augment"),
        (
            scored(augment=True) | {"train": {"augment": ["hflip"], "augment_labels": True}},
            "d: score: augment: augment_labels generates unaugmented images",
        ),
        (
            {"data": {"d": {"data": "digits", "score": {"features": None}}}},
            "d: score: features: None is not a text",
        ),
        ({"seeds": [0, 0]}, "has a repeated entry"),
        ({"variants": {"Z": {"config": "Z@6"}}, "baseline": "Z"}, "digits Z: config: 'Z@6'"),
        ({"train": {"split": "al"}}, "digits A: split: 'al' is not one of train, val, test, all"),
        (
            {"data": {"d": {"data": "digits", "score": {"features": "x", "split": "al"}}}},
            "d: score: split: 'al' is not one of train, val, test, all",
        ),
        ({"scores": "frechet"}, "scores: 'frechet' is not a list"),
        (
            {"data": {"d": {"data": "digits", "score": "fid"}}},
            "d: score: is not a mapping of settings",
        ),
        ({"data": {"d": {"data": "$there"}}}, r"\$there: add --place there=PATH"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_makes_no_sense(file, tmp_path, change, says) -> None:
    found = {**yaml.safe_load(file.read_text()), **change}
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(found))
    with pytest.raises(JincError, match=says):
        read_study(tmp_path / "bad.yaml", PLACES)


@pytest.mark.parametrize("names", [("baseline", "baseline"), ("1", "'1'")])
def test_nothing_may_be_said_twice(tmp_path, names) -> None:
    """Of which the last would count, and the first be lost."""
    first, second = names
    lines = f"train:\n  {first}: A\n  {second}: D\n"
    (tmp_path / "twice.yaml").write_text(lines)
    with pytest.raises(JincError, match=rf"twice\.yaml: .*line 3: {first} is there twice"):
        read_yaml(tmp_path / "twice.yaml")


def test_merged_keys_can_be_overridden(tmp_path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  y: 3\nc:\n  <<: *b\n  x: 4\n"
    (tmp_path / "merged.yaml").write_text(text)
    assert read_yaml(tmp_path / "merged.yaml")["c"] == {"x": 4, "y": 3}


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "just words"])
def test_files_that_are_no_study(tmp_path, text) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(JincError, match=r"bad\.yaml"):
        read_study(tmp_path / "bad.yaml")


def test_a_tolerance_that_is_not_said_is_the_usual_one() -> None:
    usual, said, other = (SamplingPlan(sampler="adaptive", tolerance=t) for t in (None, 0.01, 0.02))
    assert sampling_settings(usual) == sampling_settings(said) != sampling_settings(other)
