"""Stopped anywhere and resumed, a run arrives where it would have arrived, down to the bit."""

import json
from dataclasses import replace

import pytest
import torch

from jinc.errors import JincError
from jinc.train import Trainer
from jinc.train.retention import best_checkpoint

RUNS = {
    "one average": {"weight_decay": 0.1, "config": "D@6"},
    "no average, clipped": {"ema_decay": (), "clip_gradient": 0.5, "optimiser": "adam"},
    "two averages, accumulated, threads": {
        **{"ema_decay": (0.9, 0.99), "accumulation": 2, "workers": 2, "lr_schedule": "cosine"},
        **{"conditional": True, "label_dropout": 0.3, "augment": ("hflip", "rotation")},
    },
    "bf16": {"precision": "bf16", "warmup": 5, "workers": 2, "prediction": "v"},
    "bf16, accumulated, dropout": {
        **{"network": "resunet", "dropout": 0.4, "accumulation": 2, "precision": "bf16"},
        **{"ema_decay": (), "clip_gradient": 1.0, "augment": ("vflip",), "augment_labels": True},
    },
    "fp16": {"precision": "fp16", "ema_decay": (0.9, 0.5), "min_snr_gamma": 5.0},
    "dropout": {"network": "resunet", "dropout": 0.4, "equivariance": 0.3, "moves": "flip"},
    "buffers": {"network": "cs180", "conditional": True, "lr_schedule": "cosine", "warmup": 3},
    "buffers, two averages, accumulated": {
        **{"network": "cs180", "ema_decay": (0.9, 0.99), "accumulation": 2, "resident": True},
        **{"complexity": "normalised", "loss": "huber"},
    },
    "upscaling": {
        **{"upscale": 2, "prediction": "v", "workers": 2, "accumulation": 2, "equivariance": 0.1},
        **{"augment": ("hflip",), "augment_labels": True, "conditional": True},
    },
    "single step": {"network": "cs180", "noise_std": 0.5, "workers": 2, "holdout": 9},
    "validated": {"holdout": 10, "checkpoint_every": 2},
    "resident": {"resident": True, "equivariance": 0.1, "checkpoint_every": 4},
}
"""A covering of what a run can be; an epoch of 12 images has 3 steps of 4."""

SLOW = {"one average", "bf16", "dropout", "buffers", "single step", "resident"}
"""Whose parts the others have too."""

SHORT = {"steps": 7, "log_every": 3}


@pytest.fixture
def straight(new_trainer, digits, finish):
    def run(name: str) -> tuple[dict[str, object], Trainer]:
        settings = SHORT | RUNS[name]
        trainer = new_trainer("straight", images=images(digits, name), **settings)
        return finish(trainer), trainer

    return run


def images(digits, name):
    return digits.subset(slice(12 + RUNS[name].get("holdout", 0)))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in RUNS]
)
def test_stopped_and_resumed_is_not_stopped(
    name, straight, new_trainer, digits, go, finish, everything
) -> None:
    expected, whole = straight(name)
    some = images(digits, name)
    trainer = new_trainer("stopped", images=some, **SHORT | RUNS[name])
    go(trainer, 3)  # the end of an epoch, and of an interval of the log
    trainer.save()
    torch.manual_seed(99)
    torch.rand(7)
    trainer = Trainer(trainer.run, some, resume=True)
    assert trainer.step == 3
    for progress in trainer.steps():
        if progress.step == 4:  # in the middle of both
            trainer.request_stop()
    assert trainer.stopped
    assert trainer.step == 5
    torch.manual_seed(98)
    resumed = Trainer(trainer.run, some, resume=True)
    assert everything(resumed) == everything(trainer)
    assert finish(resumed) == expected
    assert folder(resumed) == folder(whole)


def folder(trainer: Trainer) -> dict[str, object]:
    """What else has to agree: models, the best of them, and what the last checkpoint says."""
    path = trainer.run.path
    found = {str(f.relative_to(path)): f.read_bytes() for f in path.glob("*/model.safetensors")}
    best = best_checkpoint(trainer.run.checkpoints)
    state = (trainer.run.checkpoints / "step-00000007" / "state.json").read_text()
    return found | {"best": best and best.name} | json.loads(state)


def test_steps_after_the_last_checkpoint_are_repeated(new_trainer, digits, go, finish) -> None:
    straight = finish(new_trainer("straight", **SHORT))
    killed = new_trainer("killed", checkpoint_every=5, **SHORT)
    go(killed, 6)  # logged, with no checkpoint since step 5
    resumed = Trainer(killed.run, digits, resume=True)
    assert resumed.step == 5
    assert [entry["step"] for entry in resumed.run.read_log()] == [3]
    assert finish(resumed) == straight


def test_a_damaged_checkpoint_resumes_from_the_previous_one(
    new_trainer, digits, go, finish
) -> None:
    straight = finish(new_trainer("straight", **SHORT))
    stopped = new_trainer("stopped", checkpoint_every=3, **SHORT)
    go(stopped, 6)
    file = stopped.run.checkpoints / "step-00000006" / "optimiser.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.warns(RuntimeWarning, match=r"step-00000006.*optimiser") as caught:
        resumed = Trainer(stopped.run, digits, resume=True)
    assert len(caught) == 1
    assert resumed.step == 3
    assert finish(resumed) == straight


def test_without_a_checkpoint_a_resumed_run_starts_over(new_trainer, digits, go, finish) -> None:
    straight = finish(new_trainer("straight", **SHORT))
    killed = new_trainer("killed", **SHORT)
    go(killed, 4)
    resumed = Trainer(killed.run, digits, resume=True)
    assert resumed.step == 0
    assert finish(resumed) == straight


def test_a_finished_run_does_no_step(new_trainer, digits, finish, everything) -> None:
    trainer = new_trainer(steps=3)
    ended = finish(trainer)
    resumed = Trainer(trainer.run, digits, resume=True)
    assert list(resumed.steps()) == []
    assert everything(resumed) == ended


def test_settings_that_differ_from_the_checkpoint_are_an_error(new_trainer, digits, finish) -> None:
    trainer = new_trainer(steps=2)
    finish(trainer)
    replace(trainer.config, width=8).write(trainer.run.path / "config.yaml")
    with pytest.raises(JincError, match="width is 8, and was 4 when step 2 was saved") as caught:
        Trainer(trainer.run, digits, resume=True)
    assert "\n" not in str(caught.value)
    replace(trainer.config, prediction="x0").write(trainer.run.path / "config.yaml")
    with pytest.raises(JincError, match="prediction is x0, and was eps"):
        Trainer(trainer.run, digits, resume=True)
    replace(trainer.config, steps=1).write(trainer.run.path / "config.yaml")
    with pytest.raises(JincError, match=r"steps: 1 is too few, .* has done 2"):
        Trainer(trainer.run, digits, resume=True)
    trainer.config.write(trainer.run.path / "config.yaml")
    with pytest.raises(JincError, match="other images than when"):
        Trainer(trainer.run, digits.subset(slice(1, None)), resume=True)
    assert Trainer(trainer.run, digits, resume=True).step == 2


def test_missing_models_and_grids_of_a_checkpoint_are_restored(new_trainer, digits, go) -> None:
    """As if the machine had stopped after the checkpoint, and before all else."""
    trainer = new_trainer(checkpoint_every=2, sample_every=2, timesteps=3)
    go(trainer, 2)
    path = trainer.run.path
    expected = {
        name: (path / name / "model.safetensors").read_bytes() for name in ("model", "best")
    }
    for name in expected:
        for file in (path / name).iterdir():
            file.unlink()
        (path / name).rmdir()
    assert not trainer.run.samples(2).exists()
    resumed = Trainer(trainer.run, digits, resume=True)
    for name, weights in expected.items():
        assert (path / name / "model.safetensors").read_bytes() == weights
    go(resumed, 61)  # first of all, the steps of the picture and the picture
    assert trainer.run.samples(2).is_file()


def test_the_speed_is_that_since_the_resume(new_trainer, digits, go, finish, monkeypatch) -> None:
    """Steps of a second each, 4 images a step."""
    clock = iter(range(1000))
    monkeypatch.setattr("jinc.train.trainer.time.perf_counter", lambda: float(next(clock)))
    trainer = new_trainer(steps=10, log_every=10)
    go(trainer, 8)
    trainer.save()
    resumed = Trainer(trainer.run, digits, resume=True)
    finish(resumed)
    assert resumed.run.read_log()[-1]["images_per_second"] == 2 * 4 / 1


def test_another_number_of_threads_warns(new_trainer, digits, go, monkeypatch) -> None:
    trainer = new_trainer()
    go(trainer, 2)
    trainer.save()
    monkeypatch.setattr("torch.get_num_threads", lambda: 7)
    with pytest.warns(RuntimeWarning, match="7 threads now, 1 before: rounding will differ"):
        Trainer(trainer.run, digits, resume=True)
