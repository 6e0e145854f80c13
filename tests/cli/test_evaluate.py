"""`jinc evaluate` and `jinc study`: scores as a person asks for them."""

import json

import numpy as np
import pytest
import torch

from jinc.data import load_images
from jinc.metrics import DigitClassifier, save_digit_classifier

FEW = ("--steps", 2, "--device", "cpu")


@pytest.fixture
def judge(tmp_path):
    torch.manual_seed(0)
    save_digit_classifier(tmp_path / "judge", DigitClassifier(), "mnist", {})
    return tmp_path / "judge"


@pytest.fixture
def against(judge):
    return ("--against", "digits", "--features", judge, "--only", "frechet", "precision")


def test_a_run_is_scored_and_its_images_are_kept(jinc, trained_copy, against, tmp_path) -> None:
    words = ("evaluate", trained_copy, *against, "-n", 20, *FEW, "--json")
    first = json.loads(jinc(*words).out)
    assert first["generated"]["images"] == 20
    assert first["scores"]["frechet"]["name"] == "Fréchet distance (mnist-classifier)"
    (kept,) = (trained_copy / "images").iterdir()
    before = {file: file.stat().st_mtime_ns for file in kept.iterdir()}
    assert json.loads(jinc(*words).out) == first
    assert before == {file: file.stat().st_mtime_ns for file in kept.iterdir()}
    other = json.loads(jinc(*words, "--seed", 1).out)
    assert other["scores"] != first["scores"]


def test_images_that_are_there(jinc, trained, against, tmp_path) -> None:
    out = tmp_path / "samples"
    assert jinc("sample", trained, "--out", out, "-n", 16, *FEW).code == 0
    said = jinc("evaluate", out, *against, "--json")
    assert said.code == 0, said
    folder = json.loads(said.out)
    assert (out / "grid.png").is_file()  # which is none of the images
    (out / "grid.png").unlink()
    np.savez(tmp_path / "set.npz", load_images(out, split="all").images)
    archive = json.loads(jinc("evaluate", tmp_path / "set.npz", *against, "--json").out)
    assert archive["scores"] == folder["scores"]
    assert folder["generated"]["images"] == 16


def test_tables_and_neighbours(jinc, trained_copy, against, tmp_path) -> None:
    words = ("-n", 16, *FEW, "--out", tmp_path / "o", "--neighbours")
    said = jinc("evaluate", trained_copy, *against, *words)
    assert said.code == 0
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        *("scores.json", "scores.md", "neighbours.png", "made.json")
    }
    assert (
        "| Fréchet distance (mnist-classifier) | lower is better |"
        in (tmp_path / "o" / "scores.md").read_text()
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--against", "nowhere"), "nowhere"),
        (("--against", "digits", "-n", "1"), "1 image cannot be scored"),
        (("--against", "digits", "--neighbours"), "--neighbours: needs --out"),
        (("--against", "digits", "--only", "fid"), "--only"),
    ],
    ids=str,
)
def test_bad_input(jinc, trained_copy, judge, words, says) -> None:
    said = jinc("evaluate", trained_copy, "--features", judge, *words, *FEW)
    assert (said.code, said.out) == (2, "")
    assert says in said.err.splitlines()[-1]


def test_what_is_compared_with_is_looked_for_before_images_are_made(
    jinc, trained_copy, judge
) -> None:
    said = jinc("evaluate", trained_copy, "--features", judge, "--against", "nowhere", *FEW)
    assert said.code == 2
    assert not (trained_copy / "images").exists()


def test_extractors_that_are_none(refused, trained, tmp_path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"no weights")
    words = ("--against", "digits", "--features", tmp_path / "weights.pth")
    refused("evaluate", trained, *words, says="weights.pth")


def test_a_study_from_plan_to_table(jinc, judge, tmp_path) -> None:
    (tmp_path / "s.yaml").write_text(
        "what: A or D\n"
        "train: {image_size: 8, width: 4, levels: 1, timesteps: 10, steps: 4, batch_size: 4,"
        " sample_every: 0}\n"
        "data: {digits: {data: digits, score: {features: $judge, split: all}}}\n"
        "configs: [A, D@6]\nseeds: [0, 1]\nsample: {number: 16, steps: 2}\nscores: [frechet]\n"
    )
    words = (tmp_path / "s.yaml", "--place", f"judge={judge}")
    plan = json.loads(jinc("study", "plan", *words, "--tflops", 1, "--json").out)
    assert (plan["networks"], plan["cells"]) == (4, 4)
    found = json.loads(jinc("study", "run", *words, "--out", tmp_path / "o", "--json").out)
    assert found["missing"] == []
    assert {*found["columns"][0]["entries"]} == {"A", "D@6"}
    shown = jinc("study", "table", *words, "--out", tmp_path / "o")
    assert "A (baseline)" in shown.out
    assert (tmp_path / "o" / "table.md").read_text().startswith("| | digits: Fréchet distance")


def test_bad_studies(refused, tmp_path) -> None:
    (tmp_path / "s.yaml").write_text("what: nothing\n")
    words = ("study", "run", tmp_path / "s.yaml", "--out", tmp_path / "o")
    refused(*words, says="s.yaml: data: is missing")
    refused(*words, "--jobs", 0, says="--jobs: 0")
    refused(*words, "--place", "here", says="--place: 'here' is not name=path")
    refused("study", "plan", tmp_path / "s.yaml", "--tflops", 0, says="s.yaml")
    refused(
        "study",
        "table",
        tmp_path / "s.yaml",
        "--out",
        tmp_path / "o",
        says="no study was run there",
    )
