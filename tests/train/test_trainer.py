"""Training is a function of its settings, and leaves behind what it says."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.errors import JincError
from jinc.models import Model, NetworkDenoiser, SingleStep, choose_device
from jinc.nn import UNet
from jinc.train import Run, TrainConfig, Trainer, build_task, check_settings
from jinc.train.retention import best_checkpoint

VARIED = {"conditional": True, "augment": ("hflip",), "config": "D@6", "steps": 4}


def test_equal_settings_give_equal_runs(new_trainer, finish) -> None:
    one = finish(new_trainer("one", **VARIED))
    torch.manual_seed(99)
    assert one == finish(new_trainer("two", **VARIED))
    assert one != finish(new_trainer("three", **VARIED, seed=1))


def test_it_learns(new_trainer) -> None:
    trainer = new_trainer(steps=40, batch_size=16, learning_rate=6e-3)
    losses = [progress.loss for progress in trainer.steps()]
    assert losses[0] > 0.9  # predicting nothing costs 1
    assert sum(losses[-10:]) / 10 < 0.5


def test_the_average_follows_the_network(new_trainer, finish) -> None:
    for decay in (0.0, 0.9):
        trainer = new_trainer(f"{decay}", ema_decay=(decay,), steps=5)
        finish(trainer)
        network, average = trainer.stepper.network, trainer.stepper.averaged
        pairs = zip(network.parameters(), average.parameters(), strict=True)
        assert all(torch.allclose(w, a, rtol=1e-5, atol=1e-7) for w, a in pairs) == (decay == 0)


def test_the_run_folder(new_trainer, finish) -> None:
    trainer = new_trainer(
        steps=7, log_every=3, checkpoint_every=2, sample_every=4, keep=2, timesteps=4
    )
    finish(trainer)
    run = trainer.run
    assert [entry["step"] for entry in run.read_log()] == [3, 6, 7]
    kept = {f.name for f in run.checkpoints.iterdir()}
    assert kept == {"step-00000006", "step-00000007", best_checkpoint(run.checkpoints).name}
    assert sorted((run.path / "samples").iterdir()) == [run.samples(4), run.samples(7)]
    with Image.open(run.samples(7)) as picture:
        picture.load()
        assert picture.width > 6 * 64
        assert picture.height > 5 * 64
    assert isinstance(run.model(), Model)
    assert {f.name for f in run.path.iterdir()} == {
        *("config.yaml", "log.jsonl", "checkpoints", "samples", "model", "best")
    }


def test_the_log_holds_means_since_the_line_before(new_trainer) -> None:
    trainer = new_trainer(steps=7, log_every=3, clip_gradient=1.0, warmup=3)
    losses = [progress.loss for progress in trainer.steps()]
    entries = trainer.run.read_log()
    means = [np.mean(losses[a:b]) for a, b in ((0, 3), (3, 6), (6, 7))]
    assert [entry["loss"] for entry in entries] == pytest.approx(means, rel=1e-12)
    rates = [entry["learning_rate"] / 3e-3 for entry in entries]
    assert rates == pytest.approx([3 / 4, 1, 1], rel=1e-12)  # of steps 3, 6 and 7
    assert all(entry["gradient_norm"] > 0 for entry in entries)


@pytest.mark.parametrize("decays", [(), (0.9,), (0.5, 0.99, 0.9)])
def test_each_average_is_saved_as_a_model(new_trainer, finish, decays) -> None:
    trainer = new_trainer(steps=2, ema_decay=decays)
    finish(trainer)
    path = trainer.run.path
    assert {f.name for f in path.glob("model*")} == {"model", *(f"model-{d:g}" for d in decays[1:])}
    networks = [average.network for average in trainer.stepper.averages] or [
        trainer.stepper.network
    ]
    for place, network in enumerate(networks):
        model = Model.load(path / (f"model-{decays[place]:g}" if place else "model"))
        assert not model.network.training
        saved = model.network.state_dict()
        assert all(torch.equal(w, saved[name]) for name, w in network.state_dict().items())


def test_grids_after_given_epochs(new_trainer, digits, finish) -> None:
    few = digits.subset(slice(20))  # 5 batches an epoch
    settings = {"steps": None, "epochs": 2, "sample_epochs": (0.6, 1, 2, 7), "timesteps": 3}
    trainer = new_trainer(images=few, **settings)
    finish(trainer)
    assert trainer.total == 10
    expected = [trainer.run.samples(step) for step in (3, 5, 10)]
    assert sorted((trainer.run.path / "samples").iterdir()) == expected


def test_training_continues_after_interrupted_sampling(new_trainer) -> None:
    trainer = new_trainer(ema_decay=(), sample_every=2, network="resunet", dropout=0.5)
    for progress in trainer.steps():
        if progress.drawing:
            break
    assert trainer.step == 2
    assert trainer.stepper.network.training


def test_a_stop_request_stops_soon_and_saves(new_trainer) -> None:
    trainer = new_trainer()
    for progress in trainer.steps():
        if progress.step == 3:
            trainer.request_stop()
    assert trainer.stopped
    assert 3 < trainer.step <= 5
    assert [f.name for f in trainer.run.checkpoints.iterdir()] == [f"step-{trainer.step:08d}"]


@pytest.mark.parametrize("every", [2, 1000])
def test_a_stop_request_while_sampling_preserves_the_score(new_trainer, every) -> None:
    trainer = new_trainer(sample_every=2, checkpoint_every=every)
    drawn = 0
    for progress in trainer.steps():
        drawn += progress.drawing
        if drawn == 1:
            trainer.request_stop()
    assert (trainer.step, drawn) == (2, 1)
    assert trainer.stopped
    checkpoint = trainer.run.checkpoints / "step-00000002"
    scored = json.loads((checkpoint / "state.json").read_text())["score"] is not None
    assert scored == (every == 2)


def test_saving_once_more_changes_nothing(new_trainer, go) -> None:
    trainer = new_trainer(checkpoint_every=4)
    go(trainer, 4)

    def files() -> dict[str, bytes]:
        found = [f for f in trainer.run.path.rglob("*") if f.is_file()]
        return {str(f): f.read_bytes() for f in found}

    before = files()
    trainer.save()
    assert files() == before


def test_the_best_model_is_that_of_the_lowest_score(new_trainer) -> None:
    """The learning rate is so high that the last is not the best."""
    trainer = new_trainer(steps=10, checkpoint_every=2, keep=1, learning_rate=0.3, seed=2)
    losses, models = [], {}
    for progress in trainer.steps():
        losses.append(progress.loss)
        if progress.step % 2 == 0:
            models[progress.step] = (trainer.run.path / "model" / "model.safetensors").read_bytes()
    scores = {step: np.mean(losses[step - 2 : step]) for step in models}
    best = min(scores, key=scores.__getitem__)
    assert best != 10
    assert best_checkpoint(trainer.run.checkpoints).name == f"step-{best:08d}"
    assert (trainer.run.path / "best" / "model.safetensors").read_bytes() == models[best]
    state = json.loads((trainer.run.checkpoints / f"step-{best:08d}" / "state.json").read_text())
    assert state["score"] == pytest.approx(scores[best], rel=1e-12)


def test_a_conditional_run_learns_its_classes(new_trainer, digits, finish) -> None:
    trainer = new_trainer(conditional=True, steps=5)
    table = trainer.stepper.network.label_embedding.weight
    before = table.detach().clone()
    seen: list[torch.Tensor] = []
    trainer.stepper.network.register_forward_pre_hook(lambda _, args: seen.append(args[2].labels))
    finish(trainer)
    dealt = torch.cat(seen).tolist()
    expected = [digits.labels[i] for step in range(5) for i in trainer.batches.indices(step)]
    assert dealt == expected
    moved = (table.detach() - before).abs().amax(1) > 0.01 * 3e-3 * 5
    assert all(bool(moved[label]) for label in set(dealt))
    model = trainer.run.model()
    assert model.class_names == tuple("0123456789")
    denoiser = model.denoiser(torch.tensor([3]))
    assert isinstance(denoiser, NetworkDenoiser)


def test_an_unconditional_run_has_no_classes(new_trainer) -> None:
    trainer = new_trainer()
    assert trainer.stepper.network.classes == 0
    assert trainer.task.packaged(trainer.stepper.averaged).class_names == ()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"label_dropout": 0.1}, "label_dropout: there is no label to drop; add --conditional"),
        (
            {"augment_labels": True},
            "augment_labels: there is nothing to condition on; add --augment",
        ),
        ({"augment": ("hflip", "hflip")}, "augment: 'hflip' is named twice"),
        (
            {"augment": ("hflip",), "augment_labels": True, "equivariance": 1.0, "moves": "flip"},
            "moves: flip would contradict the labels of augment_labels",
        ),
        (
            {"augment": ("hshift", "hflip"), "augment_labels": True, "equivariance": 1.0},
            "moves: shift would contradict the labels of augment_labels",
        ),
        ({"complexity": "published", "accumulation": 2}, "complexity: .* needs whole batches"),
        ({"holdout": 1797}, "holdout: 1797 of 1797 images leave none"),
        ({"levels": 4}, r"image_size: 8×8 .* take 16×16"),
        ({"config": "E"}, "E"),
        ({"config": "D+norm-2N", "network": "resunet"}, "config: "),
        ({"width": 6}, "width: 6"),
        ({"multipliers": (1, 2, 2, 2, 2), "network": "resunet"}, "image_size: 8×8"),
        ({"noise_std": 0.5, "conditional": True}, "conditional: is for diffusion models"),
        ({"noise_std": 0.5, "prediction": "v"}, "prediction: is for diffusion models"),
        ({"noise_std": 0.5, "equivariance": 0.1}, "equivariance: is for diffusion models"),
        ({"device": "cuda:77"}, "device: 'cuda:77'"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_settings_that_contradict_one_another_or_the_data(digits, settings, reason) -> None:
    with pytest.raises(JincError, match=reason) as caught:
        check_settings(TrainConfig(**{"width": 4, "levels": 1} | settings), digits)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"augment": ("quarter_turns",)},
        {"augment": ("rotation",)},
        {"equivariance": 0.1, "moves": "rotation"},
        {"equivariance": 0.1, "moves": "quarter_turns"},
        {"network": "cs180"},
    ],
    ids=str,
)
def test_rectangular_images_are_not_rotated(digits, settings) -> None:
    oblong = replace(digits, images=digits.images[:, :, :4])
    config = TrainConfig(width=4, levels=1, **settings)
    check_settings(config, digits)
    with pytest.raises(JincError, match="8×4"):
        check_settings(config, oblong)
    check_settings(TrainConfig(width=4, levels=1, augment=("hflip", "vflip")), oblong)


def test_data_without_classes_cannot_be_conditional(new_trainer, digits) -> None:
    without = replace(digits, labels=None, class_names=())
    with pytest.raises(JincError, match="conditional: digits has no classes"):
        new_trainer(images=without, conditional=True)


@pytest.mark.parametrize("levels", [4, 5])
def test_an_image_size_that_does_not_divide_has_a_suggestion(digits, levels) -> None:
    with pytest.raises(JincError, match="image_size: 8×8") as caught:
        build_task(TrainConfig(width=4, levels=levels), digits)
    advice = int(str(caught.value).split("take ")[1].split("×")[0])
    assert advice == 2**levels
    UNet("A", channels=1, width=4, levels=levels)(torch.zeros(1, 1, advice, advice), torch.zeros(1))


def test_attention_is_given_by_the_side_of_its_maps(digits) -> None:
    def levels(*sides: int) -> tuple[int, ...]:
        settings = {"network": "resunet", "width": 4, "multipliers": (1, 1, 1)}
        return build_task(TrainConfig(attention=sides, **settings), digits).package.network

    assert levels(8).attention_levels == (0,)
    assert levels(2, 4).attention_levels == (2, 1)
    assert levels(16).attention_levels == levels().attention_levels == ()  # 16 is the usual side
    for sides in ((3,), (8, 16), (16, 8)):
        with pytest.raises(JincError, match=r"^attention: .* (3|16) wide; there are 8, 4, 2$"):
            levels(*sides)


def test_a_missing_device_is_an_error() -> None:
    for name in ("cuda:77", "toaster", "mps:3"):
        with pytest.raises(JincError, match=f"device: '{name}'"):
            choose_device(name)
    assert choose_device("cpu") == torch.device("cpu")


def test_a_full_disk_is_an_error(new_trainer, go, monkeypatch, digits) -> None:
    trainer = new_trainer()
    go(trainer, 6)
    trainer.save()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(JincError, match="No space left on device") as caught:
            trainer.save()
    assert "\n" not in str(caught.value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Trainer(Run.open(trainer.run.path), digits, resume=True).step == 6


def test_a_single_step_denoiser_trains(new_trainer, finish) -> None:
    trainer = new_trainer(
        network="cs180", noise_std=0.5, sample_every=3, checkpoint_every=3, steps=6
    )
    finish(trainer)
    for folder in ("model", "best"):
        denoiser = SingleStep.load(trainer.run.path / folder)
        assert (denoiser.noise_std, denoiser.image_size) == (0.5, (8, 8))
    assert {f.name for f in (trainer.run.path / "samples").iterdir()} == {
        "step-00000003.png",
        "step-00000006.png",
    }
