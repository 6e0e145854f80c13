"""Runs that go on: with moved data, from another folder, and with other settings from here on."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.train import Run, Trainer

QUICK = ("--checkpoint-every", 2)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "here" / "pictures"
    folder.mkdir()
    for i, pixels in enumerate(np.random.default_rng(0).integers(256, size=(9, 8, 8), dtype="u1")):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def test_a_run_whose_data_moved_goes_on(jinc, tiny, tmp_path, pictures, monkeypatch) -> None:
    run = tmp_path / "run"
    assert jinc("train", "--out", run, *tiny, "--data", "pictures").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert jinc("train", "--out", run, "--resume", "--steps", 7).code == 0
    moved = pictures.rename(tmp_path / "moved")
    said = jinc("train", "--out", run, "--resume", "--steps", 8)
    assert (said.code, "pictures" in said.err) == (2, True)
    assert jinc("train", "--out", run, "--resume", "--steps", 8, "--data", moved).code == 0
    config, again = run / "config.yaml", Path(shutil.copytree(moved, tmp_path / "again"))
    config.write_text(config.read_text().replace(str(moved), str(again)))
    shutil.rmtree(moved)
    assert jinc("train", "--out", run, "--resume", "--steps", 9).code == 0
    assert Run.open(run).read_log()[-1]["step"] == 9
    (again / "0.png").unlink()
    before = config.read_bytes()
    said = jinc("train", "--out", run, "--resume", "--steps", 10)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "has other images than when" in said.err
    assert config.read_bytes() == before


def test_settings_that_change_from_here_on(jinc, tiny, tmp_path) -> None:
    run = tmp_path / "run"
    assert jinc("train", "--out", run, *tiny).code == 0
    words = ("--steps", 9, "--set", "learning_rate=1e-5", "batch_size=2")
    said = jinc("train", "--out", run, "--resume", *words)
    assert said.code == 0, said
    assert "from step 6 on: steps 9 (was 6), batch_size 2 (was 4)" in said.err
    assert "learning rate at step 6: 1e-05, was 0.0003" in said.err
    config, log = Run.open(run).config, Run.open(run).read_log()
    assert (config.learning_rate, config.batch_size, config.steps) == (1e-5, 2, 9)
    assert [e["learning_rate"] for e in log if "loss" in e] == [3e-4] * 3 + [1e-5] * 2
    changed = next(entry for entry in log if "changed" in entry)
    assert changed["changed"]["learning_rate"] == [3e-4, 1e-5]
    again = jinc("train", "--out", run, "--resume", "--steps", 10)
    assert (again.code, "learning rate" in again.err) == (0, False)
    assert jinc("report", run, "--out", tmp_path / "page.html").code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--learning-rate", 1e-5), "trained with 0.0003; --set learning_rate=… changes it from"),
        (("--width", 8), "--width: "),
        (("--set", "width=8"), "--set: width cannot change in a run"),
        (("--set", "learning-rat=1"), "did you mean learning_rate?"),
        (("--set", "learning_rate"), "--set: 'learning_rate' is not NAME=VALUE"),
        (("--set", "learning_rate=fast"), "--set: learning_rate: "),
        (("--set", "batch_size=3000000"), "--set: batch_size: "),
        (("--set", "batch_size=" + "[" * 9999), "--set: batch_size: "),
        (("--steps", 2), "steps: 2 is too few"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_change_that_cannot_be_leaves_the_run_as_it_was(
    jinc, tiny, trained_copy, words, says
) -> None:
    before = (trained_copy / "config.yaml").read_bytes()
    said = jinc("train", "--out", trained_copy, "--resume", *words)
    assert (said.code, said.err.count("\n")) == (2, 1), said
    assert says in said.err
    assert len(said.err) < 300
    assert (trained_copy / "config.yaml").read_bytes() == before


def test_set_is_for_runs(refused, tiny, tmp_path) -> None:
    words = ("--out", tmp_path / "run", *tiny, "--set", "batch_size=2")
    refused("train", *words, says="--set: needs --resume")


def test_a_resume_that_fails_in_training_leaves_the_settings(
    jinc, trained_copy, monkeypatch
) -> None:
    """Nothing came of `--steps`, since memory ran out before anything was saved."""

    def too_large(self: Trainer) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 TiB")

    before = (trained_copy / "config.yaml").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "steps", too_large)
        assert jinc("train", "--out", trained_copy, "--resume", "--steps", 99).code == 2
    assert (trained_copy / "config.yaml").read_bytes() == before
    assert jinc("train", "--out", trained_copy, "--resume").code == 0
    assert not [e for e in Run.open(trained_copy).read_log() if "changed" in e]


def test_a_run_from_the_weights_of_another(jinc, tiny, trained, tmp_path, refused) -> None:
    run = tmp_path / "run"
    assert jinc("train", "--out", run, *tiny, *QUICK, "--init", trained).code == 0
    assert Run.open(run).config.init == str(trained)
    other = [*tiny]
    other[other.index("--width") + 1] = "8"
    said = jinc("train", "--out", tmp_path / "no", *other, "--init", trained)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "weights differ" in said.err
    assert not (tmp_path / "no" / "config.yaml").exists()
    said = jinc("train", "--out", tmp_path / "no", *tiny, "--init", tmp_path / "nothing")
    assert (said.code, said.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--workers", 100_000), "workers: 100000 is not from 0 to 64"),
        (("--batch-size", 10**12), "batch_size: 1000000000000 is not from 1 to 65,536"),
        (("--network", "resunet", "--width", 512, "--batch-size", 65_536), "GiB are free"),
        (("--dry-run", "--width", 4096, "--levels", 5, "--image-size", 64), "GiB are free"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_sizes_are_refused_before_memory_is_taken(refused, tmp_path, words, says) -> None:
    given = ("--config", "A", "--device", "cpu", *words)
    refused("train", "--out", tmp_path / "run", *given, says=says)
