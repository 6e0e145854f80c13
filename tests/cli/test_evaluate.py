"""`jinc evaluate` and `jinc study`: scores as a person asks for them."""

import json
import warnings

import numpy as np
import pytest
import torch

from jinc.data import load_images, save_png
from jinc.metrics import DigitClassifier, save_digit_classifier

FEW = ("--steps", 2, "--device", "cpu")


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
        *("scores.json", "scores.md", "neighbours.png", "provenance.json")
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
        "configs: [A, D@6]\nseeds: [0]\nsample: {number: 16, steps: 2}\nscores: [frechet]\n"
    )
    words = (tmp_path / "s.yaml", "--place", f"judge={judge}")
    plan = json.loads(jinc("study", "plan", *words, "--tflops", 1, "--json").out)
    assert (plan["networks"], plan["cells"]) == (2, 2)
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


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-n", 8, "--only", "precision"), "precision: 8 generated images are too few"),
        (("-n", 20, "--only", "frechet_unlimited"), "320 are needed"),
        (("-n", 1), "generated images: 1 image cannot be scored"),
        (("--image-size", 8), "--image-size: is for images in files"),
    ],
    ids=str,
)
def test_what_cannot_be_scored_is_not_generated(jinc, trained_copy, judge, words, says) -> None:
    against = ("--against", "digits", "--features", judge)
    said = jinc("evaluate", trained_copy, *against, *words, *FEW)
    assert (said.code, said.out) == (2, "")
    assert says in said.err.splitlines()[-1]
    assert not (trained_copy / "images").exists()


@pytest.fixture
def mixed(tmp_path):
    """A folder of pictures of two sizes, neither square, and an archive of one of them."""
    random = np.random.default_rng(0)
    sets = [random.integers(0, 256, (8, *size, 1), dtype=np.uint8) for size in ((12, 8), (10, 16))]
    for number, image in enumerate([*sets[0], *sets[1]]):
        save_png(tmp_path / "mixed" / f"{number:06d}.png", image)
    np.savez(tmp_path / "tall.npz", sets[0])
    return tmp_path / "mixed", tmp_path / "tall.npz"


def test_images_that_are_not_square_are_brought_to_a_size(jinc, mixed, against, tmp_path) -> None:
    for source in mixed:
        said = jinc("evaluate", source, *against, "--json")
        assert (said.code, said.out) == (2, "")
        assert "not square; set image_size" in said.err.splitlines()[-1]
        words = ("--image-size", 8, "--resize-filter", "box", "--only", "frechet")
        said = jinc("evaluate", source, *against[:-3], *words, "--json", "--out", tmp_path / "o")
        assert said.code == 0, said
        facts = json.loads(said.out)
        assert facts["resized"] == {"image_size": 8, "by": "box"}
        assert json.loads((tmp_path / "o" / "scores.json").read_text()) == facts
        note = " was resized to 8×8 pixels first, box"
        assert note in (tmp_path / "o" / "scores.md").read_text()
    # As a person would do it by hand, as training does.
    by_hand = load_images(mixed[1], split="all", image_size=8, resize_filter="box")
    np.savez(tmp_path / "by_hand.npz", by_hand.images)
    words = (*against[:-3], "--resize-filter", "box", "--image-size", 8, "--only", "frechet")
    same = json.loads(jinc("evaluate", tmp_path / "by_hand.npz", *words, "--json").out)
    assert same["generated"]["sha256"] == facts["generated"]["sha256"]


def test_one_image_is_refused_before_anything_is_read(jinc, judge, tmp_path, monkeypatch) -> None:
    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("jinc.cli.evaluate.cached_features", never)
    np.savez(tmp_path / "one.npz", np.zeros((1, 8, 8, 1), np.uint8))
    words = ("--against", "digits", "--features", judge)
    said = jinc("evaluate", tmp_path / "one.npz", *words)
    assert said.code == 2
    assert "1 image cannot be scored" in said.err.splitlines()[-1]


def test_a_number_of_images_is_refused_for_image_files(refused, judge, mixed) -> None:
    words = ("--against", "digits", "--features", judge, "--image-size", 8)
    for source in mixed:
        refused("evaluate", source, *words, "-n", 2000, says="--number: is for models")
    refused("evaluate", mixed[1], *words, "-n", 0, says="--number: 0 is not from 1")


def test_a_program_that_dislikes_the_size(jinc, tmp_path) -> None:
    np.savez(
        tmp_path / "good.npz", np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    )
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(network).save(tmp_path / "lin.pt")
    words = ("evaluate", tmp_path / "good.npz", "--against", "digits", "--allow-torchscript")
    words = (*words, "--features")
    says = "lin: fails on images of 3×8×8 numbers (RuntimeError: mat1 and mat2 shapes"
    said = jinc(*words, f"torchscript:{tmp_path / 'lin.pt'}")
    assert (said.code, says in said.err.splitlines()[-1]) == (2, True)
    said = jinc(*words, f"torchscript:{tmp_path / 'lin.pt'}?channels=1&size=4", "--json")
    assert json.loads(said.out)["extractor"]["image_size"] == [4, 4]


def test_a_folder_that_is_no_judge(refused, trained, tmp_path) -> None:
    (tmp_path / "somewhere").mkdir()
    words = ("--against", "digits", "--features", tmp_path / "somewhere")
    refused("evaluate", trained, *words, says="is no classifier of `jinc features train`")


def test_how_much_is_the_number_of_images(jinc, judge, tmp_path) -> None:
    data = np.random.default_rng(0).integers(0, 256, (330, 8, 8, 1), np.uint8)
    words = ("--against", "digits", "--features", judge, "--only", "frechet")
    for count, more, says in (
        (20, (), "can be estimated with 320 images or more, not with 20"),
        (330, (), "can be estimated with --only frechet frechet_unlimited"),
        (330, ("frechet_unlimited",), "is bias because there are only 330 images"),
    ):
        np.savez(tmp_path / "set.npz", data[:count])
        said = jinc("evaluate", tmp_path / "set.npz", *words, *more)
        assert sum(says in line for line in said.out.splitlines()) == 1, said


def test_statistics_stand_in_for_real_images(jinc, trained_copy, judge, tmp_path) -> None:
    kept = tmp_path / "digits.npz"
    said = jinc("features", "statistics", "digits", "--out", kept, "--features", judge)
    assert (said.code, said.out.startswith("1,797 images of digits by mnist-classifier")) == (0, 1)
    words, by = ("evaluate", trained_copy, "-n", 20, *FEW), ("--features", judge)
    asked = (*by, "--only", "frechet", "classes", "--json")
    both = [json.loads(jinc(*words, *asked, "--against", real).out) for real in ("digits", kept)]
    for kind in ("frechet", "classes"):
        one, other = (each["scores"][kind]["value"] for each in both)
        assert other == pytest.approx(one, rel=1e-9)
    assert both[0]["real"] == both[1]["real"]
    torch.manual_seed(1)
    save_digit_classifier(tmp_path / "other", DigitClassifier(), "mnist", {})
    for more, says in (
        ((*by, "--only", "kernel"), "kernel: needs real images, digits are only statistics"),
        ((*by, "--neighbours", "--out", tmp_path / "o"), f"--neighbours: {kept} holds statistics"),
        (("--features", tmp_path / "other"), "digits: are statistics by mnist-classifier"),
    ):
        said = jinc(*words, "--against", kept, *more)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert says in said.err
    assert not (tmp_path / "o").exists()


def test_statistics_of_other_tools(jinc, trained_copy, judge, tmp_path) -> None:
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(64), sigma=np.eye(64))
    words = ("evaluate", trained_copy, "--features", judge, "-n", 20, *FEW)
    said = jinc(*words, "--against", tmp_path / "theirs.npz", "--out", tmp_path / "o")
    assert said.code == 0, said.err
    assert "against statistics of theirs" in (tmp_path / "o" / "scores.md").read_text()
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(9), sigma=np.eye(9))
    said = jinc(*words, "--against", tmp_path / "theirs.npz")
    assert (said.code, "statistics of 9 numbers an image" in said.err) == (2, True)


def test_where_statistics_cannot_be_kept(jinc, judge, tmp_path) -> None:
    for out, says in (
        (tmp_path / "a.pt", "must end in .npz"),
        (tmp_path / "none" / "a" / "b.npz", ""),
    ):
        said = jinc("features", "statistics", "gone", "--out", out, "--features", judge)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert says in said.err
    assert not (tmp_path / "none").exists()
