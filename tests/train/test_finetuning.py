"""Fine-tuning: layers that are blended, a teacher, and runs that stop and go on."""

from dataclasses import replace

import pytest
import torch

from jinc.errors import JincError
from jinc.models import Model
from jinc.nn import NETWORKS
from jinc.train import Run, TrainConfig, Trainer, as_original, open_original
from jinc.train.blending import Blend
from jinc.train.finetuning import check_original, package_like

ARCHITECTURE = {
    **{"sample_size": 8, "in_channels": 3, "out_channels": 3, "layers_per_block": 1},
    **{"block_out_channels": [8, 8], "norm_num_groups": 4, "dropout": 0.5},
    "down_block_types": ["SkipDownBlock2D", "SkipDownBlock2D"],
    "up_block_types": ["SkipUpBlock2D", "SkipUpBlock2D"],
}
"""With layers of every way to convert: modules, functions, and functions that are attributes."""

MADE = {
    "unet": {"width": 4, "levels": 1},
    "resunet": {"width": 4, "multipliers": (1, 2), "blocks": 1},
    "diffusers": {"architecture": ARCHITECTURE},
}

BLENDS = [
    *((kind, "A", "D@6", "zeros") for kind in MADE),
    *((kind, "A", "D@6", "circular") for kind in MADE),
    ("unet", "A", "D+norm-2N", "zeros"),
    ("resunet", "R@6", "R@12", "reflect"),
    ("diffusers", "D@6", "C@12", "zeros"),
]


def made(kind, config="A", **others):
    if kind == "diffusers":
        pytest.importorskip("diffusers")
    torch.manual_seed(0)
    network = NETWORKS[kind](config, **MADE[kind] | others).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return network


def answers(*networks):
    x = torch.randn(2, networks[0].channels, 8, 8, generator=torch.Generator().manual_seed(1))
    found = []
    for network in networks:
        torch.manual_seed(2)  # of dropout
        found.append(network(x, torch.tensor([3, 11])))
    return found


@pytest.mark.parametrize(("kind", "before", "after", "padding"), BLENDS)
def test_layers_change_from_one_form_to_the_other(kind, before, after, padding):
    original = made(kind, before)
    network, other = (original.redesigned(after, padding).train() for _ in range(2))
    blend = Blend(network, original)
    for each in (original, other, network):  # its weights are those in training
        with torch.no_grad():
            next(each.parameters()).add_(0.1)
    original.train()
    first, last, start = answers(original, other, network)
    torch.testing.assert_close(start, first, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(first, last)
    blend.share = 0.5
    assert all(not torch.allclose(*answers(network, each)) for each in (original, other))
    blend.share = 1.0
    assert torch.equal(*answers(network, other))
    blend.share = 0.0
    other.load_state_dict(network.state_dict())  # with the statistics of batches
    assert torch.equal(*answers(network.eval(), other.eval()))
    assert network.state_dict().keys() == original.state_dict().keys()


@pytest.fixture
def original(tmp_path):
    network = made("resunet", channels=1)
    Model(network, (8, 8), schedule_name="cosine", timesteps=20).save(tmp_path / "original")
    return tmp_path / "original"


@pytest.fixture
def settings(original):
    def found(**others):
        asked = TrainConfig(**{"original": str(original), "config": "D@6", **others})
        ready = as_original(asked, open_original(str(original))).settings()
        return {n: tuple(v) if isinstance(v, list) else v for n, v in ready.items()} | SHORT

    return found


SHORT = {"steps": 6, "batch_size": 4, "sample_every": 0, "log_every": 2, "device": "cpu"}


def test_stopped_and_resumed_is_not_stopped(new_trainer, settings, digits, go, finish, everything):
    images = digits.subset(slice(12))
    ready = settings(blend=0.8, teacher=0.5, holdout=3)
    expected = finish(new_trainer("straight", images=images, **ready))
    trainer = new_trainer("stopped", images=images, **ready)
    go(trainer, 3)
    trainer.save()
    trainer = Trainer(trainer.run, images, resume=True)
    assert trainer.step == 3
    found = finish(trainer)
    for each in (expected, found):
        each["log"] = [entry for entry in each["log"] if "validation_loss" not in entry]
    assert found == expected
    assert trainer.run.model().network.config.name == "D@6"


def test_the_models_before_training_are_scored_once(settings, tmp_path, digits, everything):
    def scorer(model):
        yield None
        yield {"score": float(len(model.network.config.name))}

    def start(name, **how):
        path = tmp_path / name
        run = Run.open(path) if path.exists() else Run.create(path, TrainConfig(**ready))
        return Trainer(run, digits.subset(slice(8)), scorer=scorer, **how)

    ready = settings(score_every=3)
    straight = start("straight")
    first = next(straight.steps())
    assert (first.step, first.drawing) == (0, True)
    straight = start("straight", resume=True)
    assert [done.step for done in straight.steps() if done.drawing] == [0, 0, 0, 0, 3, 3, 6, 6]
    scores = [e for e in straight.run.read_log() if "score" in e]
    assert [e["step"] for e in scores] == [0, 3, 6]
    assert scores[0] == {"step": 0, "original_score": 1.0, "score": 3.0}
    stopped = start("stopped")
    for done in stopped.steps():
        if done.step == 2:  # nothing is saved
            break
    stopped = start("stopped", resume=True)
    assert [done.step for done in stopped.steps()][:2] == [1, 2]
    assert everything(stopped) == everything(straight)


def test_a_teacher_is_not_taught(new_trainer, settings, original, digits):
    """Its weights stay, and the term is zero while both are the same."""
    images = digits.subset(slice(8))
    plain, taught, blended = (
        new_trainer(name, images=images, **settings(**others))
        for name, others in {
            "plain": {"config": "A"},
            "taught": {"config": "A", "teacher": 3.0},
            "blended": {"teacher": 3.0, "blend": 1.0},
        }.items()
    )
    losses = [[done.loss for done in each.steps()] for each in (plain, taught, blended)]
    assert losses[0][0] == losses[1][0] == pytest.approx(losses[2][0], rel=1e-5)
    assert losses[0][1] < losses[1][1]
    teacher, weights = taught.task.original.network, open_original(str(original)).network
    assert all(map(torch.equal, teacher.state_dict().values(), weights.state_dict().values()))
    assert not any(w.requires_grad or w.grad is not None for w in teacher.parameters())
    assert all(w.grad is not None for w in taught.stepper.network.parameters())


def test_another_original_is_refused(new_trainer, settings, original, digits, go):
    trainer = new_trainer(images=digits, **settings())
    go(trainer, 1)
    trainer.save()
    model = Model.load(original)
    with torch.no_grad():
        next(model.network.parameters()).add_(1)
    model.save(original)
    with pytest.raises(JincError, match=r"original: has other weights than when .*run was saved"):
        Trainer(trainer.run, digits, resume=True)


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({"width": 8}, "width: .* has 4, not 8; leave it out"),
        ({"timesteps": 30}, "timesteps: .* has 20, not 30; leave it out"),
        ({"conditional": True}, "conditional: .* has False, not True; leave it out"),
        ({"upscale": 2}, "upscale: .* has None, not 2; leave it out"),
        ({"config": "R@6"}, "config: R@6 has other weights than A"),
        ({"augment": ("hflip",), "augment_labels": True}, "augment: .* has no labels"),
        ({"blend": 0.5, "compile": True}, "blend: does not go with compile"),
    ],
)
def test_what_does_not_fit_is_refused(others, says, new_trainer, settings):
    with pytest.raises(JincError, match=says) as told:
        new_trainer(**settings(**others))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["teacher", "blend", "network"])
def test_settings_of_fine_tuning_need_a_model(name, new_trainer):
    value = "diffusers" if name == "network" else 0.5
    with pytest.raises(JincError, match=f"^{name}: .*jinc finetune"):
        new_trainer(**{name: value})


def test_classes_must_be_those_of_the_model(new_trainer, tmp_path, digits):
    network = made("resunet", channels=1, classes=10)
    for names, fits in ((digits.class_names[::-1], False), (tuple(map(str, range(10))), True)):
        folder = tmp_path / f"{fits}"
        Model(network, (8, 8), names, "cosine", 20).save(folder)
        model = open_original(str(folder))
        config = as_original(TrainConfig(original=str(folder)), model)
        if fits:
            renamed = replace(digits, class_names=tuple("abcdefghij"))
            assert package_like(model, network, config, renamed).class_names[0] == "a"
            check_original(config, model, renamed)
        else:
            with pytest.raises(JincError, match=r"data: its classes are 0, 1, .* are 9, 8"):
                check_original(config, model, digits)
