"""Training is a function of its settings: stopped, resumed or damaged, it arrives at one place."""

import json
import warnings
from dataclasses import replace
from itertools import islice

import pytest
import torch
from PIL import Image

from jinc.errors import JincError
from jinc.models import EpsDenoiser, Model, choose_device
from jinc.nn import UNet
from jinc.train import Run, TrainConfig, Trainer, build_model
from jinc.train.trainer import NON_FINITE_LIMIT


def everything(trainer: Trainer) -> dict[str, object]:
    """All that must agree between two runs, down to the bit."""
    tensors = {f"network.{n}": w for n, w in trainer.network.state_dict().items()}
    tensors |= {f"ema.{n}": w for n, w in trainer.ema.network.state_dict().items()}
    for place, state in trainer.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": value for name, value in state.items()}
    found: dict[str, object] = {n: t.numpy().tobytes() for n, t in tensors.items()}
    return found | {"losses": [(e["step"], e["loss"]) for e in trainer.run.read_log()]}


def finish(trainer: Trainer) -> dict[str, object]:
    for _ in trainer.steps():
        pass
    return everything(trainer)


def go(trainer: Trainer, steps: int) -> None:
    for _ in islice(trainer.steps(), steps):
        pass


def test_the_same_settings_give_the_same_run(new_trainer) -> None:
    one = finish(new_trainer("one", conditional=True, hflip=True, config="D@6"))
    torch.manual_seed(99)
    assert one == finish(new_trainer("two", conditional=True, hflip=True, config="D@6"))
    assert one != finish(new_trainer("three", conditional=True, hflip=True, config="D@6", seed=1))


def test_ten_steps_and_ten_more_are_twenty(new_trainer, digits) -> None:
    settings = {"conditional": True, "hflip": True, "config": "D@6", "weight_decay": 0.1}
    straight = finish(new_trainer("straight", **settings))
    stopped = new_trainer("stopped", **settings)
    go(stopped, 10)
    stopped.save()
    torch.manual_seed(99)
    resumed = Trainer(stopped.run, digits, resume=True)
    assert resumed.step == 10
    assert finish(resumed) == straight
    saved = resumed.run.model().network.state_dict()
    for name, average in resumed.ema.network.state_dict().items():
        assert torch.equal(saved[name], average)


def test_steps_after_the_last_checkpoint_are_done_again(new_trainer, digits) -> None:
    straight = finish(new_trainer("straight"))
    killed = new_trainer("killed", checkpoint_every=6)
    go(killed, 17)  # the log knows of step 15, the checkpoint of 12
    resumed = Trainer(killed.run, digits, resume=True)
    assert resumed.step == 12
    assert [entry["step"] for entry in resumed.run.read_log()] == [5, 10]
    ended = finish(resumed)
    losses, expected = dict(ended.pop("losses")), dict(straight.pop("losses"))
    assert ended == straight
    # The line of step 15 is a mean since the resume, so that it is of other steps.
    assert losses.keys() == expected.keys()
    assert all(losses[step] == expected[step] for step in (5, 10, 20))


def test_a_damaged_checkpoint_sends_back_and_nothing_is_lost(new_trainer, digits) -> None:
    straight = finish(new_trainer("straight"))
    stopped = new_trainer("stopped", checkpoint_every=5)
    go(stopped, 10)
    file = stopped.run.checkpoints / "step-00000010" / "optimiser.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.warns(RuntimeWarning, match=r"step-00000010.*optimiser") as caught:
        resumed = Trainer(stopped.run, digits, resume=True)
    assert len(caught) == 1
    assert resumed.step == 5
    assert finish(resumed) == straight


def test_without_a_checkpoint_a_resumed_run_starts_anew(new_trainer, digits) -> None:
    straight = finish(new_trainer("straight"))
    killed = new_trainer("killed")
    go(killed, 7)
    resumed = Trainer(killed.run, digits, resume=True)
    assert resumed.step == 0
    assert finish(resumed) == straight


def test_a_finished_run_has_nothing_left_to_do(new_trainer, digits) -> None:
    trainer = new_trainer(steps=3)
    ended = finish(trainer)
    resumed = Trainer(trainer.run, digits, resume=True)
    assert list(resumed.steps()) == []
    assert everything(resumed) == ended


def test_settings_that_changed_under_a_checkpoint(new_trainer, digits) -> None:
    trainer = new_trainer(steps=2)
    finish(trainer)
    replace(trainer.config, width=8).write(trainer.run.path / "config.yaml")
    with pytest.raises(JincError, match="another network than") as caught:
        Trainer(trainer.run, digits, resume=True)
    assert "\n" not in str(caught.value)


def test_it_learns(new_trainer) -> None:
    trainer = new_trainer(steps=150, batch_size=16, width=8)
    losses = [progress.loss for progress in trainer.steps()]
    assert sum(losses[:5]) / 5 > 0.9  # predicting nothing costs 1
    assert sum(losses[-30:]) / 30 < 0.7


def test_the_average_follows_the_network(new_trainer) -> None:
    for decay in (0.0, 0.9):
        trainer = new_trainer(f"{decay}", ema_decay=decay, steps=5)
        finish(trainer)
        pairs = zip(trainer.network.parameters(), trainer.ema.network.parameters(), strict=True)
        assert all(torch.equal(w, average) for w, average in pairs) == (decay == 0)


@pytest.mark.parametrize("place", ["loss", "gradient"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_never_applied(new_trainer, place, value) -> None:
    trainer = new_trainer()
    go(trainer, 3)
    before = everything(trainer)
    parameter = next(trainer.network.parameters())

    def spoil(x: torch.Tensor) -> torch.Tensor:
        return torch.full_like(x, value)

    if place == "loss":
        hook = trainer.network.register_forward_hook(lambda *args: args[2] * value)
    else:
        hook = parameter.register_hook(spoil)
    losses = []
    with pytest.raises(JincError, match="not finite 5 times in a row") as caught:
        losses.extend(progress.loss for progress in trainer.steps())
    assert str(caught.value).startswith(str(trainer.run.path))
    assert "\n" not in str(caught.value)
    hook.remove()
    after = everything(trainer)
    losses_before, losses_after = before.pop("losses"), after.pop("losses")
    assert before == after
    assert losses_before == losses_after[: len(losses_before)]
    assert trainer.step == 3 + NON_FINITE_LIMIT - 1
    json.loads(trainer.run.log.read_text().splitlines()[-1], parse_constant=pytest.fail)


def test_four_bad_steps_in_a_row_are_survived(new_trainer) -> None:
    trainer = new_trainer(steps=30)
    bad = {*range(3, 7), *range(8, 12), 20}
    trainer.network.register_forward_hook(
        lambda network, _, out: out * float("nan") if trainer.step in bad else out
    )
    finish(trainer)
    assert trainer.step == 30
    assert all(weight.isfinite().all() for weight in trainer.network.parameters())
    steps_taken = trainer.optimiser.state_dict()["state"][0]["step"]
    assert steps_taken == 30 - len(bad)


def test_the_run_folder(new_trainer) -> None:
    trainer = new_trainer(steps=7, log_every=3, checkpoint_every=2, sample_every=4, keep=2)
    finish(trainer)
    run = trainer.run
    assert [entry["step"] for entry in run.read_log()] == [3, 6, 7]
    assert sorted(f.name for f in run.checkpoints.iterdir()) == ["step-00000006", "step-00000007"]
    assert sorted((run.path / "samples").iterdir()) == [run.samples(4), run.samples(7)]
    with Image.open(run.samples(7)) as picture:
        picture.load()
        assert picture.width > 6 * 64
        assert picture.height > 5 * 64
    assert isinstance(run.model(), Model)
    assert {f.name for f in run.path.iterdir()} == {
        *("config.yaml", "log.jsonl", "checkpoints", "samples", "model")
    }


def test_a_conditional_run_learns_its_classes(new_trainer, digits) -> None:
    trainer = new_trainer(conditional=True, steps=10)
    table = trainer.network.label_embedding.weight
    before = table.detach().clone()
    seen: list[torch.Tensor] = []
    trainer.network.register_forward_pre_hook(lambda _, args: seen.append(args[2]))
    finish(trainer)
    dealt = torch.cat(seen).tolist()
    expected = [digits.labels[i] for step in range(10) for i in trainer.batches.indices(step)]
    assert dealt == expected
    moved = (table.detach() - before).abs().amax(1) > 0.01 * 3e-3 * 10
    assert all(bool(moved[label]) for label in set(dealt))
    model = trainer.run.model()
    assert model.class_names == tuple("0123456789")
    denoiser = model.denoiser(torch.tensor([3]))
    assert isinstance(denoiser, EpsDenoiser)


def test_an_unconditional_run_has_no_classes(new_trainer) -> None:
    assert new_trainer().network.classes == 0
    assert new_trainer("other").model.class_names == ()


def test_data_without_classes_cannot_be_learned_by_class(new_trainer, digits) -> None:
    without = replace(digits, labels=None, class_names=())
    with pytest.raises(JincError, match="conditional: digits has no classes"):
        new_trainer(images=without, conditional=True)


@pytest.mark.parametrize("levels", [4, 5])
def test_a_size_that_does_not_divide_names_one_that_does(digits, levels) -> None:
    with pytest.raises(JincError, match="image_size: 8×8") as caught:
        build_model(TrainConfig(levels=levels), digits)
    advice = int(str(caught.value).split("take ")[1].split("×")[0])
    assert advice == 2**levels
    UNet("A", channels=1, width=4, levels=levels)(torch.zeros(1, 1, advice, advice), torch.zeros(1))


def test_a_device_that_is_not_here() -> None:
    for name in ("cuda:77", "toaster", "mps:3"):
        with pytest.raises(JincError, match=f"device: '{name}'"):
            choose_device(name)
    assert choose_device("cpu") == torch.device("cpu")


def test_a_full_disk_is_told_in_one_line(new_trainer, monkeypatch) -> None:
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
        assert Trainer(Run.open(trainer.run.path), trainer.batches._images, resume=True).step == 6
