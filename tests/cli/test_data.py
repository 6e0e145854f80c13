"""Data sets as people have them, through the command line."""

import json
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 8, 8), np.uint8)


def test_labels_from_1_are_the_classes_of_the_model(jinc, refused, tiny, tmp_path) -> None:
    np.savez(tmp_path / "set.npz", IMAGES, np.arange(12) % 3 + 1)
    run = tmp_path / "run"
    assert (
        jinc("train", "--data", tmp_path / "set.npz", "--out", run, *tiny, "--conditional").code
        == 0
    )
    facts = json.loads((run / "model" / "diffusion.json").read_text())
    assert facts["class_names"] == ["1", "2", "3"]
    assert jinc("train", "--out", run, "--resume", "--steps", "8").code == 0
    sample = ("sample", run, "--steps", "2")
    assert jinc(*sample, "--out", tmp_path / "all", "-n", "3").code == 0
    made = json.loads((tmp_path / "all" / "provenance.json").read_text())
    assert made["prompts"] == ["1", "2", "3"]
    assert jinc(*sample, "--out", tmp_path / "three", "-n", "1", "--class", "3").code == 0
    refused(*sample, "--out", tmp_path / "none", "--class", "0", says="there are 1, 2, 3")
    assert jinc("probe", run, "-n", "2", "--only", "network").code == 0


def test_a_test_set_may_have_some_of_the_classes(jinc, trained_on_classes, tmp_path) -> None:
    np.savez(tmp_path / "set.npz", x_test=IMAGES, y_test=np.arange(12) % 2 + 8)
    words = ("--data", tmp_path / "set.npz", "-n", "2", "--only", "network")
    assert jinc("probe", trained_on_classes, *words).code == 0


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "words.docx"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("word/document.xml", "<xml/>")
    return path


def test_other_zips_are_refused_in_a_line(refused, trained, judge, tiny, tmp_path, archive) -> None:
    by = ("--features", judge)
    refused("train", "--data", archive, "--out", tmp_path / "run", *tiny, says="words.docx: ")
    refused("evaluate", trained, "--against", archive, *by, says="words.docx: ")
    refused("evaluate", archive, "--against", "digits", *by, says="words.docx: ")


def test_a_bomb_is_refused_by_every_command(
    refused, trained, judge, tiny, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("jinc.data.archive.FREE_BYTES", 1 << 20)
    bomb = tmp_path / "bomb.npz"
    np.savez_compressed(bomb, np.zeros((20, 1024, 1024), np.uint8))
    refuse = "would unpack to 21 MB, over 50 times as much"
    tracemalloc.start()
    refused("complexity", bomb, "--out", tmp_path / "x.png", says=refuse)
    refused("train", "--data", bomb, "--out", tmp_path / "run", *tiny, says=refuse)
    refused("evaluate", trained, "--against", bomb, "--features", judge, says=refuse)
    refused("probe", trained, "--data", bomb, says=refuse)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10 << 20


def test_pictures_on_black_and_over_the_limit(jinc, refused, trained, tmp_path) -> None:
    pixels = np.zeros((12, 16, 4), np.uint8)
    pixels[3:9, 5:8] = 255
    Image.fromarray(pixels).save(tmp_path / "white.png")
    words = ("--image", tmp_path / "white.png", "--steps", 2, "--device", "cpu")
    for command in (("edit", "--strength", "0.5"), ("compare", "--levels", "5")):
        out = ("--out", tmp_path / command[0])
        small = (*words, "--max-pixels", 191, "--out", tmp_path / "none")
        refused(command[0], trained, *command[1:], *small, says="16x12 pixels, the limit is 191")
        said = jinc(command[0], trained, *command[1:], *words, "--max-pixels", 192, *out)
        assert said.code == 0, said.err
        assert "white.png: black background, as it is too light for white\n" in said.err


def test_the_limit_of_pixels_is_a_setting_of_every_reader(
    jinc, refused, judge, tiny, tmp_path
) -> None:
    (tmp_path / "set").mkdir()
    for number in range(4):
        noise = RNG.integers(0, 256, (20, 20), np.uint8)
        Image.fromarray(noise).save(tmp_path / "set" / f"{number}.png")
    says = "20x20 pixels, the limit is 399 pixels; --max-pixels raises it"
    small, data = ("--max-pixels", 399), ("--data", tmp_path / "set", "--image-size", 8)
    by = ("--against", tmp_path / "set", "--features", judge)
    refused("train", *data, "--out", tmp_path / "run", *tiny, *small, says=says)
    refused("complexity", tmp_path / "set", "--out", tmp_path / "x.png", *small, says=says)
    refused("evaluate", tmp_path / "set", *by, *small, says=says)
    statistics = ("features", "statistics", tmp_path / "set", "--out", tmp_path / "x.npz")
    refused(*statistics, "--features", judge, *small, says=says)
    enough = ("--max-pixels", 400)
    assert jinc("complexity", tmp_path / "set", "--out", tmp_path / "x.png", *enough).code == 0
