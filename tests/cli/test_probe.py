"""`jinc probe`: tables for people, one object for machines, plots, and one line for bad input."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.data import load_images, to_float
from jinc.models import Model
from jinc.nn import UNet
from jinc.report import symmetry_note
from jinc.train import Run, clean_images

QUICK = ("-n", 3, "--steps", 2, "--device", "cpu")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of images that are not square, RGB."""
    folder = tmp_path_factory.mktemp("bare") / "model"
    torch.manual_seed(0)
    network = UNet("A", channels=3, width=4, levels=1).eval()
    Model(network, (8, 12), (), "linear", 10).save(folder)
    return folder


@pytest.fixture
def refused(jinc, tmp_path):
    """Expect one line with the words in it, and no folder made."""

    def check(*words: object, says: str | Path) -> None:
        said = jinc("probe", *words)
        assert (said.code, said.out) == (2, ""), said
        assert said.err.startswith("jinc: ")
        assert said.err.count("\n") == 1, said.err
        assert str(says) in said.err
        assert not (tmp_path / "new").exists()

    return check


def test_the_whole_probe(jinc, trained, tmp_path) -> None:
    """A text for people, the figures in a file, and plots."""
    said = jinc("probe", trained, *QUICK, "--seed", 3, "--out", tmp_path / "new" / "probe")
    assert said.code == 0, said
    for words in ("half a pixel", "quarter turns", "EQ-T frac", "EQ-R", "rotated during sampling"):
        assert words in said.out
    assert "not made shift-invariant, rotation-invariant or flip-invariant: a low" in said.out
    assert "measured on 3 of 1,797 images that it was trained on of digits" in said.out
    assert "nan" not in said.out
    assert "EQ-R, rotations by any angle, within a disc of frequencies: " in said.out
    assert "no figures by StyleGAN3's operators: images are too small for its filters" in said.out
    files = {file.name for file in (tmp_path / "new" / "probe").iterdir()}
    plots = {"levels.png", "angles.png", "shifts.png", "turned.png"}
    assert files == {*plots, "probe.json", "provenance.json"}
    written = (tmp_path / "new" / "probe" / "probe.json").read_text()
    facts = json.loads(written, parse_constant=pytest.fail)
    assert (facts["number"], facts["steps"], facts["seed"], facts["sampler"]) == (3, 2, 3, "ddim")
    assert facts["invariant_under"] == []
    assert set(facts["network"]) == {"half_pixel", "shift", "rotation", "quarter_turns", "flip"}
    at = facts["network"]["flip"][0]
    assert set(at) == {"t", "eps_db", "x0_db", "eps_floor_db", "x0_floor_db"}
    assert set(facts["sampling"]) == {"eq_t", "eq_t_frac", "eq_r"}
    for curve in facts["curves"].values():
        lengths = {len(curve[each]) for each in ("amounts", "db", "floor_db")}
        assert len(lengths) == 1


def test_what_is_printed_is_what_is_written(jinc, trained, tmp_path) -> None:
    said = jinc("probe", trained, *QUICK, "--out", tmp_path, "--json", "--only", "sampling")
    assert {file.name for file in tmp_path.glob("*.*")} == {"probe.json", "provenance.json"}
    written = (tmp_path / "probe.json").read_text()
    assert json.loads(said.out) == json.loads(written, parse_constant=pytest.fail)


def test_a_part_of_it_on_more_images_than_go_together(jinc, trained_on_classes) -> None:
    words = ("-n", 66, "--steps", 1, "--only", "sampling", "network", "--json")
    said = jinc("probe", trained_on_classes, *words)
    facts = json.loads(said.out)
    assert facts["network"]
    assert facts["sampling"]
    assert facts["curves"] == {}


def test_a_conditional_model_gets_the_labels_of_the_images(jinc, trained_on_classes) -> None:
    model = Run.open(trained_on_classes).model()
    clean = clean_images(trained_on_classes, model, None, 20, 0)
    digits = load_images("digits")
    labels = digits.labels[np.linspace(0, 1796, 20).astype(int)]
    assert clean.prompts == tuple(str(label) for label in labels)
    words = ("--only", "network", "sampling", "--class", "7", "--json")
    found = json.loads(jinc("probe", trained_on_classes, *QUICK, *words).out)
    others = json.loads(jinc("probe", trained_on_classes, *QUICK, *words[:-2], "1", "--json").out)
    assert found["network"] == others["network"]
    assert found["sampling"] != others["sampling"]


def test_data_that_have_no_place_of_their_own(jinc, tiny, tmp_path) -> None:
    words = (*tiny, "--augment", "hshift", "vshift", "--holdout", 5)
    assert jinc("train", "--out", tmp_path / "run", *words).code == 0
    model = Run.open(tmp_path / "run").model()
    clean = clean_images(tmp_path / "run", model, None, 64, 0)
    assert clean.x0.shape == (5, 1, 8, 8)  # what was held out, and no more
    assert clean.words == "5 of 5 held-out images of digits, augmented by hshift, vshift"
    assert clean.symmetries == ["half_pixel", "shift"]
    assert torch.equal(clean.x0, clean_images(tmp_path / "run", model, None, 64, 0).x0)
    assert not torch.equal(clean.x0, clean_images(tmp_path / "run", model, None, 64, 1).x0)
    said = jinc("probe", tmp_path / "run", *QUICK, "--only", "network")
    assert "not made rotation-invariant or flip-invariant: a low figure of rotation" in said.out


def test_augment_conditioned_networks_are_measured_on_plain_images(jinc, tiny, tmp_path) -> None:
    words = (*tiny, "--augment", "hshift", "vshift", "--augment-labels")
    assert jinc("train", "--out", tmp_path / "run", *words).code == 0
    clean = clean_images(tmp_path / "run", Run.open(tmp_path / "run").model(), None, 2, 0)
    assert clean.symmetries == []
    assert torch.equal(clean.x0, to_float(load_images("digits").batch([0, 1796])))


def test_the_test_split_is_taken(jinc, trained, tmp_path) -> None:
    for split, count in (("train", 2), ("test", 3)):
        (tmp_path / "data" / split).mkdir(parents=True)
        for k in range(count):
            Image.new("L", (8, 8), 9 * k).save(tmp_path / "data" / split / f"{k}.png")
    model = Run.open(trained).model()
    clean = clean_images(trained / "model", model, str(tmp_path / "data"), 9, 0)
    assert (clean.words, clean.symmetries) == ("3 of 3 test images of data", None)
    shutil.rmtree(tmp_path / "data" / "test")
    clean = clean_images(trained / "model", model, str(tmp_path / "data"), 9, 0)
    assert clean.words == "2 of 2 images of data"


@pytest.mark.parametrize(
    ("symmetries", "says"),
    [
        (None, "are not known"),
        ([], "made shift-invariant, rotation-invariant or flip-invariant: a low figure of half"),
        (["half_pixel", "shift"], "made rotation-invariant or flip-invariant: a low figure of rot"),
        (["half_pixel", "shift", "flip"], "made rotation-invariant: a low figure of rotation"),
        (["quarter_turns", "rotation", "flip"], "made shift-invariant: a low figure of half"),
        (["half_pixel", "shift", "quarter_turns", "rotation", "flip"], "the fault of the network"),
    ],
)
def test_what_can_be_held_against_a_model(symmetries, says) -> None:
    assert says in symmetry_note(symmetries)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--number", "0"], "--number: 0"),
        (["--seed", "-1"], "--seed: -1"),
        (["--steps", "11"], "steps must be 1 to 10"),
        (["--eta", "2"], "eta"),
        (["--eta", "0.5", "--sampler", "ddpm"], "--eta"),
        (["--sampler", "euclid"], "--sampler"),
        (["--only", "nonsense"], "--only"),
        (["--only"], "--only"),
        (["--class", "3"], "--prompt: '3' to a model that was trained without classes"),
        (["--device", "toaster"], "toaster"),
        (["--data", "nowhere"], "nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_options(refused, trained, tmp_path, options, says) -> None:
    refused(trained, "--out", tmp_path / "new", *options, says=says)


def test_what_is_no_run(refused, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        refused(tmp_path / name, says=tmp_path / name)


def test_data_that_do_not_fit(refused, jinc, trained, trained_on_classes, bare, tmp_path) -> None:
    refused(bare, says="--data: a model folder has no training data")
    says = "--data: digits has images of 8×8 and 3 channels, the model makes 8×12 and 3"
    refused(bare, "--data", "digits", says=says)
    (tmp_path / "data").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "data" / "1.png")
    says = "--data: data has no classes, the model has them"
    refused(trained_on_classes, "--data", tmp_path / "data", says=says)


def test_places_that_cannot_be_written(refused, trained, tmp_path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "inside"):
        refused(trained, "--out", out, says=out)
