"""Cutoffs and another design at each level, from `--config` to what is said of a trained model."""

import json

import pytest

NAME = "D@12/0.2,B@6"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("levels") / "run"


def without_config(words: tuple[str, ...]) -> tuple[str, ...]:
    at = words.index("--config")
    return words[:at] + words[at + 2 :]


def test_the_name_goes_all_the_way(jinc, tiny, run) -> None:
    trained = jinc("train", "--out", run, *without_config(tiny), "--config", NAME)
    assert trained.code == 0, trained
    assert f"\n{NAME} with" in trained.err
    assert json.loads(jinc("info", run, "--json").out)["config"] == NAME
    assert NAME in jinc("info", run).out
    again = jinc("train", "--out", run, "--resume", "--steps", 9)
    assert (again.code, f"{NAME} with" in again.err) == (0, True), again
    quick = ("-n", 2, "--steps", 2, "--only", "network", "--device", "cpu")
    assert f"{NAME}, measured on 2" in jinc("probe", run, *quick).out


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("D@6,D@7", "write D@6 or D@8"),
        ("D@6/0.4", "outside (0, 0.25]"),
        ("D@6,", "level 1 has no design"),
        ("D@6,A,D@6", "designs for 3 levels, this network has 2"),
    ],
)
def test_other_names_are_one_line(refused, tiny, tmp_path, name, says) -> None:
    words = (*without_config(tiny), "--config", name)
    refused("train", "--out", tmp_path / "run", *words, says=says)


def test_filters_of_each_level(jinc, tmp_path) -> None:
    said = jinc("filters", NAME, "--out", tmp_path / "f.png")
    assert (said.code, said.err) == (0, "")
    assert (tmp_path / "f.png").is_file()
