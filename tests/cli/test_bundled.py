"""Commands take bundled models by name, and write elsewhere."""

import json
from pathlib import Path

import pytest

from jinc.bundled import bundled_folders

FOLDER = bundled_folders()["digits"]
FEW = ("-n", 2, "--steps", 2)


def test_models_are_listed(jinc) -> None:
    listed = jinc("models")
    assert listed.code == 0
    for name, facts in json.loads(jinc("models", "--json").out).items():
        assert f"{name}: {facts['about']}\n" in listed.out
        assert facts["bytes"] < 3.2e6
        assert Path(facts["picture"]).is_file()
        assert {"value", "error", "name"} == set(facts["scores"][0])
    assert json.loads(jinc("info", "digits", "--json").out)["trained_on"] == facts_of(
        "digits", jinc
    )


def facts_of(name: str, jinc) -> str:
    return json.loads(jinc("models", "--json").out)[name]["trained_on"]


def test_results_have_a_folder_of_their_own(jinc) -> None:
    before = {file: file.stat().st_mtime_ns for file in FOLDER.parent.rglob("*.*")}
    for _ in range(2):  # the second call replaces the first one's results
        assert jinc("sample", "digits", *FEW).code == 0
        assert Path("out/digits/sample/000001.png").is_file()
    assert jinc("rotate", "digits", *FEW, "--angles", "0,90").code == 0
    assert Path("out/digits/rotate.gif").is_file()
    assert Path("out/digits/rotate.png").is_file()
    assert jinc("shift", "digits", *FEW, "--right", "1").code == 0
    words = ("--class", 6, 9, "-n", 1, "--steps", 2)
    assert jinc("illusion", "anagram", "digits", *words).code == 0
    assert Path("out/digits/anagram/sheet.png").is_file()
    after = {file: file.stat().st_mtime_ns for file in FOLDER.parent.rglob("*.*")}
    assert before == after


def test_the_package_is_not_written_to(refused, jinc, judge) -> None:
    against = ("--against", "digits", "--features", judge, "--only", "kernel")
    assert jinc("evaluate", "digits", *against, "--steps", 1, "-n", 3).code == 0
    assert [*Path("out/digits/images").iterdir()]
    refused("sample", "digits", *FEW, "--out", FOLDER, says="is sealed by its manifest")
    refused("sample", "digits", *FEW, "--out", FOLDER / "inside", says="is sealed by its manifest")
    refused("train", "--out", FOLDER / "inside", "--steps", 1, says="is sealed by its manifest")


def test_a_misspelt_name_is_one_line(refused) -> None:
    refused("sample", "digist", says="did you mean digits?")
    refused("info", "../digits", says="no such run or model folder")
    refused("upscale", "digits", "--image", "no.png", says="is a model of images, not an upscaler")


@pytest.mark.filterwarnings("default:digits")
def test_a_folder_here_has_precedence_in_one_line(jinc, trained) -> None:
    Path("digits").symlink_to(trained)
    said = jinc("sample", "digits", *FEW)
    assert said.code == 0
    assert said.err.count("is read from the working folder") == 1


def test_training_starts_from_one(jinc, tmp_path) -> None:
    words = ("--preset", "digits", "--init", "digits", "--steps", 1, "--batch-size", 2)
    assert jinc("train", "--out", tmp_path / "run", *words, "--device", "cpu").code == 0
