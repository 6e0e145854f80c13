"""What a resumed run may change: how its images are found, and what it does from a step on."""

import math
from dataclasses import replace

import pytest
import torch

from jinc.errors import JincError
from jinc.train import Run, TrainConfig, Trainer


def test_changed_settings_apply_from_their_step_and_later_resumes_are_exact(
    new_trainer, digits, go, finish
) -> None:
    some, changes = digits.subset(slice(20)), {"learning_rate": 1e-4, "batch_size": 8}
    ended = []
    for name in ("straight", "stopped"):
        first = new_trainer(name, images=some, steps=20, lr_schedule="cosine")
        go(first, 6)
        first.save()
        changed = replace(first.config, **changes)
        trainer = Trainer(first.run, some, config=changed, resume=True)
        assert trainer.batches.indices(6).shape == (8,)
        changed.write(first.run.path / "config.yaml")
        if name == "stopped":
            Trainer(first.run, some, resume=True)  # as if killed at once
            go(trainer, 5)
            trainer.save()
            trainer = Trainer(first.run, some, resume=True)
            assert (trainer.step, trainer.changes.settings) == (11, {})
        ended.append(finish(trainer))
    assert ended[0] == ended[1]
    told = [entry for entry in first.run.read_log() if "changed" in entry]
    expected = {"learning_rate": [3e-3, 1e-4], "batch_size": [4, 8]}
    assert told == [{"step": 6, "changed": expected}]


def test_another_batch_size_preserves_epochs(new_trainer, digits, go) -> None:
    """4 images a step, then 10: each image once an epoch, and as many epochs as were asked for."""
    some = digits.subset(slice(20))
    trainer = new_trainer(images=some, steps=None, epochs=3)
    assert trainer.total == 15
    go(trainer, 5)
    trainer.save()
    config = replace(trainer.config, batch_size=10)
    resumed = Trainer(trainer.run, some, config=config, resume=True)
    assert (resumed.step, resumed.total) == (5, 9)
    seen = [i for step in (5, 6) for i in resumed.batches.indices(step)]
    assert sorted(seen) == list(range(20))


def test_an_extended_cosine_reports_the_jump_of_its_rate(new_trainer, digits, finish) -> None:
    trainer = new_trainer(steps=4, lr_schedule="cosine")
    finish(trainer)
    resumed = Trainer(trainer.run, digits, config=replace(trainer.config, steps=8), resume=True)
    assert resumed.changes.rates == pytest.approx((0, 3e-3 * (1 + math.cos(math.pi / 2)) / 2))
    lines = resumed.changes.words(resumed.config, resumed.total)
    assert lines == [
        "from step 4 on: steps 8 (was 4)",
        "learning rate at step 4: 0.0015, was 0; its cosine now ends at step 8",
    ]


def test_a_run_starts_from_initial_weights(new_trainer, finish, digits, tmp_path) -> None:
    first = new_trainer("first", steps=2)
    finish(first)
    path = str(first.run.path)
    given = first.run.model().network.state_dict()
    second = new_trainer("second", init=path, config="D@6")
    assert all(torch.equal(w, given[n]) for n, w in second.stepper.network.state_dict().items())
    assert all(torch.equal(w, given[n]) for n, w in second.stepper.averaged.state_dict().items())
    with pytest.raises(JincError, match=r"init: .* does not fit: \d+ of \d+ weights differ") as no:
        new_trainer("third", init=path, width=8)
    assert "\n" not in str(no.value)
    assert len(str(no.value)) < 300
    with pytest.warns(RuntimeWarning, match="trained with prediction eps, this run uses v"):
        new_trainer("fourth", init=str(first.run.path / "model"), prediction="v")
    with pytest.raises(JincError, match="neither a run nor a model"):
        new_trainer("fifth", init=str(tmp_path))
    second.save()  # from here on the given weights are needed no more
    Run(first.run.path).path.rename(tmp_path / "gone")
    assert Trainer(second.run, digits, resume=True).step == 0


@pytest.mark.parametrize("change", [{"width": 8}, {"holdout": 5}, {"prediction": "x0"}])
def test_settings_of_another_run_are_an_error(new_trainer, digits, go, change) -> None:
    trainer = new_trainer()
    go(trainer, 1)
    trainer.save()
    with pytest.raises(JincError, match="when step 1 was saved"):
        Trainer(trainer.run, digits, config=replace(trainer.config, **change), resume=True)


def test_moved_images_are_recognised_by_their_fingerprint(new_trainer, digits, go) -> None:
    trainer = new_trainer(images=digits.subset(slice(30)))
    go(trainer, 1)
    trainer.save()
    moved: TrainConfig = replace(trainer.config, data="elsewhere", image_size=8, split="all")
    same, others = digits.subset(slice(30)), digits.subset(slice(1, 31))
    assert Trainer(trainer.run, same, config=moved, resume=True).step == 1
    with pytest.raises(JincError, match="elsewhere: has other images than when"):
        Trainer(trainer.run, others, config=moved, resume=True)
