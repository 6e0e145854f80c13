"""What other tools are sent is what the log says."""

import builtins
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from jinc.errors import JincError
from jinc.train.track import Trackers

NUMBERS = ("loss", "gradient_norm", "learning_rate", "images_per_second", "validation_loss")


def read_events(folder) -> dict[str, dict[int, float]]:
    """Read a folder of TensorBoard's, the latest value of every step."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    tags = found.Tags()["scalars"]
    return {tag: {event.step: event.value for event in found.Scalars(tag)} for tag in tags}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tensorboard's own
def test_tensorboard_has_the_numbers_of_the_log(new_trainer, finish) -> None:
    pytest.importorskip("tensorboard")
    trainer = new_trainer(track=("tensorboard",), holdout=20, checkpoint_every=10)
    finish(trainer)
    found = read_events(trainer.run.path / "tensorboard")
    expected: dict[str, dict[int, float]] = {}
    for entry in trainer.run.read_log():
        for name in NUMBERS:
            if name in entry:
                expected.setdefault(name, {})[entry["step"]] = entry[name]
    assert found.keys() == expected.keys() == set(NUMBERS)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_none_is_left_out(tmp_path) -> None:
    pytest.importorskip("tensorboard")
    trackers = Trackers(("tensorboard",), tmp_path)
    trackers.log({"step": 1, "loss": None, "learning_rate": 0.5})
    trackers.close()
    assert read_events(tmp_path / "tensorboard") == {"learning_rate": {1: 0.5}}


@pytest.mark.slow
def test_trackio_has_the_numbers_of_the_log(tmp_path) -> None:
    """In a process of its own, for trackio looks once where its files are to be."""
    pytest.importorskip("trackio")
    own = {"TRACKIO_DIR": str(tmp_path / "trackio"), "HF_HUB_OFFLINE": "1"}
    tiny = ("--config", "A", "--width", "4", "--levels", "1", "--timesteps", "10", "--steps", "6")
    words = ("--log-every", "2", "--sample-every", "0", "--track", "trackio", "--device", "cpu")
    command = [sys.executable, "-m", "jinc", "train", *tiny, *words, "--out", tmp_path / "run"]
    subprocess.run(command, env=os.environ | own, check=True, capture_output=True)
    with closing(sqlite3.connect(tmp_path / "trackio" / "jinc.db")) as database:
        rows = database.execute("select step, metrics from metrics order by step").fetchall()
    sent = {step: json.loads(numbers) for step, numbers in rows}
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [*sent] == [2, 4, 6]
    for line in log:
        assert sent[line["step"]]["loss"] == line["loss"]
        assert sent[line["step"]]["learning_rate"] == line["learning_rate"]


@pytest.mark.parametrize("name", ["tensorboard", "trackio"])
def test_a_logger_that_is_not_installed_is_an_error(tmp_path, monkeypatch, name) -> None:
    real = builtins.__import__

    def importing(module: str, *args: object, **kwargs: object):
        if module.split(".")[0] == "trackio" or "tensorboard" in module:
            raise ModuleNotFoundError(f"No module named '{module}'")
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(JincError, match=rf"track: {name} is not installed; pip install") as caught:
        Trackers((name,), tmp_path)
    assert "\n" not in str(caught.value)


def test_no_logger(tmp_path) -> None:
    trackers = Trackers((), tmp_path)
    trackers.log({"step": 1, "loss": 0.25})
    trackers.close()
    assert not list(tmp_path.iterdir())
