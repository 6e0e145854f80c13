"""`jinc features train`: a folder that is whole, what it tells, and what it refuses."""

import json
import struct

import numpy as np
import pytest

from jinc.metrics import Recipe, open_extractor, read_digit_classifier
from jinc.metrics.features import digit_training


@pytest.fixture
def mnist(tmp_path):
    """Bars in ten rows, as idx files."""
    labels = np.arange(200, dtype=np.uint8) % 10
    images = np.zeros((200, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 2 * label : 6 + 2 * label, 5:-5] = 255
    folder = tmp_path / "mnist"
    folder.mkdir()
    for split in ("train", "t10k"):
        head = bytes((0, 0, 8, 3)) + struct.pack(">3I", 200, 28, 28)
        (folder / f"{split}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        head = bytes((0, 0, 8, 1)) + struct.pack(">I", 200)
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())
    return folder


@pytest.fixture(autouse=True)
def short_recipe(monkeypatch):
    short = Recipe(steps=12, batch_size=20, turn_degrees=0, shift_px=0, scale=0)
    monkeypatch.setitem(digit_training.RECIPES, "mnist", short)


def test_a_classifier_is_made_again_alike(jinc, mnist, tmp_path) -> None:
    told = [
        jinc("features", "train", "mnist", "--data", mnist, "--out", tmp_path / name, "--json")
        for name in ("a", "b")
    ]
    facts = json.loads(told[0].out)
    assert facts["trained_on"] == 200
    assert facts["recipe"]["steps"] == 12
    assert 0 <= facts["accuracy"] <= 1
    a, b = (read_digit_classifier(tmp_path / name) for name in ("a", "b"))
    assert a[1:] == b[1:]  # the same bytes
    assert json.loads((tmp_path / "a" / "classifier.json").read_text())["kind"] == "mnist"
    assert open_extractor(tmp_path / "a").name == "mnist-classifier"


def test_words_and_progress(jinc, mnist, tmp_path) -> None:
    said = jinc("features", "train", "mnist", "--data", mnist, "--out", tmp_path / "c", "--seed=3")
    assert said.code == 0
    assert "test accuracy " in said.out
    assert "step 12: loss" in said.err


def test_what_is_refused(jinc, refused, mnist, tmp_path) -> None:
    train, out = ("features", "train", "mnist"), ("--out", tmp_path / "c")
    refused(*train, "--data", tmp_path / "nowhere", *out, says=tmp_path / "nowhere")
    said = jinc(*train, "--data", "digits", *out)
    assert said.code == 2
    assert "digits: there is no test split" in said.err.splitlines()[-1]
    refused(*train, "--data", mnist, *out, "--seed=-1", says="--seed: -1")
    refused(*train, *out, says="--data")
    refused(*train, "--data", mnist, says="--out")
    refused("features", "train", "letters", "--data", mnist, *out, says="letters")
    grey = f"{mnist}: its digits are grey, those of mnist-m are coloured"
    refused("features", "train", "mnist-m", "--data", mnist, *out, says=grey)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "text").write_text("mine")
    refused(*train, "--data", mnist, "--out", tmp_path / "mine", says="holds other things")
    refused(
        *train, "--data", mnist, "--out", mnist / "t10k-labels-idx1-ubyte", says="is not a folder"
    )
