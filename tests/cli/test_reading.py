"""What every command says of the images that it reads, and which it leaves out."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.metrics import DigitClassifier, save_digit_classifier

SAID = (
    "6 images of pets, 8×8, RGB; train split; 3 classes: cat (2), dog (2), eel (2); "
    "passed over: 1 .md, 1 .txt; other splits: test\n"
)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two images in each of three classes and two splits, under names without endings."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "pets"
    for split in ("Training", "Testing"):
        for name in ("cat", "dog", "eel"):
            (folder / split / name).mkdir(parents=True)
            for number in range(2):
                pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(folder / split / name / str(number), "png")
    (folder / "README.md").write_text("synthetic")
    (folder / "docs").mkdir()
    (folder / "docs" / "names.txt").write_text("cat dog eel")
    return folder


@pytest.fixture
def zipped(pets: Path) -> Path:
    with zipfile.ZipFile(pets.parent / "pets.zip", "w") as file:
        for path in sorted(pets.rglob("*")):
            file.write(path, path.relative_to(pets.parent))
    return pets.parent / "pets.zip"


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_digit_classifier(tmp_path / "judge", DigitClassifier(), "mnist", {})
    return tmp_path / "judge"


def damage(pets: Path, *names: str) -> None:
    for name in names:
        path = pets / "Training" / name
        path.write_bytes(path.read_bytes()[:40])


def test_every_command_says_what_it_read(jinc, tiny, judge, pets, zipped, tmp_path) -> None:
    run = tmp_path / "run"
    said = jinc("train", "--data", pets, "--out", run, *tiny, "--conditional")
    assert said.code == 0
    assert said.err.startswith(SAID)
    assert jinc("complexity", zipped, "--out", tmp_path / "c.png").err == SAID.replace(
        "pets,", "pets.zip,"
    )
    assert SAID.replace("train split", "test split").replace(": test\n", ": train\n") in (
        jinc(
            "probe", run, "-n", "2", "--steps", "2", "--only", "network", "--out", tmp_path / "p"
        ).err
    )
    facts = json.loads((tmp_path / "p" / "probe.json").read_text())
    assert facts["read"]["classes"] == {"cat": 2, "dog": 2, "eel": 2}
    assert facts["read"]["passed_over"] == {".md": 1, ".txt": 1}
    by = ("--features", judge, "--only", "frechet")
    said = jinc("evaluate", pets, "--against", zipped, *by, "--json", "--image-size", "8")
    read = json.loads(said.out)["read"]
    assert (read["images"]["images"], read["against"]["split"]) == (12, "train")
    out = tmp_path / "s.npz"
    said = jinc("features", "statistics", pets, "--features", judge, "--out", out)
    assert said.err.startswith(SAID)


def test_damaged_images_are_named_at_once_or_left_out(
    jinc, refused, tiny, judge, pets, tmp_path
) -> None:
    damage(pets, "cat/1", "eel/0")
    says = "2 of 6 files cannot be read: 1, 0; --skip-damaged leaves them out"
    refused("train", "--data", pets, "--out", tmp_path / "run", *tiny, says=says)
    refused("complexity", pets, "--out", tmp_path / "c.png", says=says)
    refused("evaluate", pets, "--against", "digits", "--features", judge, says="2 of 12 files")
    skip = "--skip-damaged"
    said = jinc("train", "--data", pets, "--out", tmp_path / "run", *tiny, skip)
    assert "4 images of pets, 8×8, RGB; train split; 3 classes: cat (1), dog (2), eel" in said.err
    assert "passed over: 1 .md, 1 .txt, 2 damaged; other splits: test; left out as" in said.err
    assert "skip_damaged: true" in (tmp_path / "run" / "config.yaml").read_text()
    assert jinc("complexity", pets, "--out", tmp_path / "c.png", skip).code == 0
    damage(pets, "cat/0")
    data = ("--data", pets, "--out", tmp_path / "other")
    refused("train", *data, *tiny, skip, says="no file of class cat can be read")


def test_classes_from_file_names(jinc, refused, tiny, pets, tmp_path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, path in enumerate(sorted((pets / "Training").rglob("*/*"))):
        path.rename(flat / f"{path.parent.name}_{number:03}.png")
    data = ("--data", flat, *tiny, "--conditional")
    refused("train", *data, "--out", tmp_path / "run", says="--classes-from, such as names for")
    said = jinc("train", *data, "--out", tmp_path / "run", "--classes-from", "names")
    assert "3 classes: cat (2), dog (2), eel (2); classes from file names\n" in said.err
    assert json.loads((tmp_path / "run/model/diffusion.json").read_text())["class_names"] == [
        *("cat", "dog", "eel")
    ]
    bad = ("--classes-from", "filenames")
    refused(
        "train",
        *data,
        "--out",
        tmp_path / "r",
        *bad,
        says="classes_from: unknown source 'filenames'",
    )


def test_a_class_folder_that_is_not_utf_8_is_trained_and_saved(jinc, tiny, pets, tmp_path) -> None:
    (pets / "Training" / "eel").rename(pets / "Training" / os.fsdecode(b"caf\xe9"))
    run = tmp_path / "run"
    said = jinc("train", "--data", pets, "--out", run, *tiny, "--conditional")
    assert said.code == 0, said
    assert r"caf\udce9 (2)" in said.err
    names = json.loads((run / "model" / "diffusion.json").read_text())["class_names"]
    assert names == [r"caf\udce9", "cat", "dog", "eel"]


def test_other_archives_are_refused_in_a_line(refused, tiny, judge, tmp_path) -> None:
    by = ("--features", judge)
    for name, member in (("x.docx", "[Content_Types].xml"), ("x.pt", "archive/data.pkl")):
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            file.writestr(member, "")
            file.writestr("word/media/1.png", "")
        path = tmp_path / name
        says = f"{name}: is a"
        refused("train", "--data", path, "--out", tmp_path / "run", *tiny, says=says)
        refused("evaluate", path, "--against", "digits", *by, says=says)
        refused("evaluate", tmp_path / "judge", "--against", path, *by, says="judge")
        refused("complexity", path, "--out", tmp_path / "c.png", says=says)
