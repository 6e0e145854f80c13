"""What a network is asked: every question can be learned from, and means what it says."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from jinc.data import ImageSet, to_float
from jinc.diffusion import error_ratio, forward, make_schedule, target, x0_of
from jinc.models import Model, SamplingPlan, SingleStep, generate_images
from jinc.nn import NO_CLASS
from jinc.train import Batches, TrainConfig, build_task, observing
from jinc.train.observing import validation_loss

OBJECTIVES = {
    "eps, l1": {"loss": "l1"},
    "x0": {"prediction": "x0", "min_snr_gamma": 5.0},
    "x0, huber": {"prediction": "x0", "loss": "huber", "complexity": "published"},
    "v, min-SNR": {"prediction": "v", "min_snr_gamma": 5.0, "schedule": "cosine"},
    "v, l1, complexity": {"prediction": "v", "loss": "l1", "complexity": "normalised"},
    "eps, min-SNR, huber": {"min_snr_gamma": 1.0, "loss": "huber", "schedule": "scaled_linear"},
    "flow matching": {"prediction": "flow", "schedule": "flow"},
    "flow, min-SNR": {"prediction": "flow", "min_snr_gamma": 5.0, "complexity": "normalised"},
    "flow, rotations": {"prediction": "flow", "equivariance": 0.5, "moves": "rotation"},
    "spectral": {"prediction": "spectral", "min_snr_gamma": 5.0, "complexity": "normalised"},
    "spectral, shifts": {"prediction": "spectral", "equivariance": 0.5, "padding": "circular"},
    "edm, in terms of ε": {"prediction": "edm", "loss_space": "eps", "loss": "huber"},
    "radial": {"config": "R@6", "network": "resunet", "prediction": "v", "loss_space": "eps"},
    "shifts": {"equivariance": 0.5, "complexity": "normalised"},
    "rotations": {"equivariance": 0.5, "moves": "rotation", "prediction": "v"},
    "quarter turns": {"equivariance": 0.5, "moves": "quarter_turns", "prediction": "x0"},
    "flips": {"equivariance": 0.5, "moves": "flip", "accumulation": 2},
    "labels hidden": {"conditional": True, "label_dropout": 0.5, "sample_guidance": 3.0},
    "augmentation told": {
        **{"augment": ("hflip", "vflip", "quarter_turns", "rotation"), "augment_labels": True},
        **{"equivariance": 0.1, "conditional": True},
    },
    "augmentation told, residual": {
        **{"network": "resunet", "augment": ("rotation",), "augment_labels": True},
    },
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_trains_and_samples(new_trainer, name) -> None:
    trainer = new_trainer(steps=3, **OBJECTIVES[name])
    before = [w.detach().clone() for w in trainer.stepper.network.parameters()]
    losses = [progress.loss for progress in trainer.steps()]
    assert len(losses) == 3
    assert all(0 < loss < 1e3 for loss in losses)
    after = trainer.stepper.network.parameters()
    assert any(not torch.equal(w, old) for w, old in zip(after, before, strict=True))
    model = trainer.run.model()
    assert model.prediction == OBJECTIVES[name].get("prediction", "eps")
    *_, (_, step) = generate_images(model, SamplingPlan(number=2, steps=3))
    assert step.x_t.shape == (2, 1, 8, 8)
    assert step.x_t.isfinite().all()


def losses_of(config: TrainConfig, images: ImageSet, predict, batch) -> torch.Tensor:
    return build_task(config, images).losses(predict, batch)


@pytest.fixture
def dealt(digits):
    def deal(moves=None, size: int = 16):
        return Batches(digits, batch_size=size, timesteps=20, seed=0, moves=moves).batch(0)

    return deal


PLAIN = {"width": 4, "levels": 1, "timesteps": 20}


@pytest.mark.parametrize("prediction", ["eps", "x0", "v", "flow"])
@pytest.mark.parametrize("loss", ["mse", "l1", "huber"])
def test_the_loss_of_a_perfect_prediction_is_zero_and_of_zeros_the_target(
    digits, dealt, prediction, loss
) -> None:
    batch = dealt()
    config = TrainConfig(
        **PLAIN, prediction=prediction, loss=loss, complexity="normalised", min_snr_gamma=5.0
    )
    right = target(make_schedule("linear", 20), prediction, batch.x0, batch.t, batch.eps).float()
    assert losses_of(config, digits, lambda *_: right, batch).max() < 1e-3  # ε from x0 is rounded
    plain = replace(config, complexity="off", min_snr_gamma=0.0)
    found = losses_of(plain, digits, lambda *_: torch.zeros_like(right), batch)
    cost = {"mse": right.square(), "l1": right.abs()}
    cost["huber"] = torch.where(right.abs() <= 1, right.square() / 2, right.abs() - 0.5)
    torch.testing.assert_close(found, cost[loss].mean((1, 2, 3)))


def test_one_error_in_one_space_is_one_loss_whatever_is_predicted(digits, dealt) -> None:
    """With --loss-space x0, errors of all predictions that mean one error of x0 cost the same."""
    batch, found = dealt(), []
    random = torch.Generator().manual_seed(0)
    off = 0.3 * torch.randn(batch.x0.shape, dtype=torch.float64, generator=random)
    for prediction in ("x0", "eps", "v", "flow", "spectral", "edm"):
        task = build_task(TrainConfig(**PLAIN, prediction=prediction, loss_space="x0"), digits)
        schedule, kind = task.package.schedule, task.package.parametrisation
        x0, eps = batch.x0.double(), batch.eps.double()
        x_t, right = forward(schedule, x0, batch.t, eps), target(schedule, kind, x0, batch.t, eps)
        scale = error_ratio(schedule, "x0", kind, batch.t)
        sign = 1 if prediction in ("x0", "spectral", "edm") else -1  # whether outputs raise x0
        output = right + sign * scale * off
        torch.testing.assert_close(x0_of(schedule, kind, x_t, batch.t, output), x0 + off)
        found.append(task.losses(lambda *_, a=output: a, batch))
    for loss in found:
        torch.testing.assert_close(loss, off.square().mean((1, 2, 3)), rtol=1e-3, atol=1e-5)


def test_min_snr_weights_all_predictions_equally(digits, dealt) -> None:
    """One error of x0, said in three ways, is one loss."""
    batch, schedule = dealt(), make_schedule("linear", 20)
    alpha_bar = schedule.alpha_bar(batch.t)[:, None, None, None].float()
    off = 0.3 * torch.randn(batch.x0.shape, generator=torch.Generator().manual_seed(0))
    in_terms = {
        "x0": off,
        "eps": -off * (alpha_bar / (1 - alpha_bar)).sqrt(),
        "v": -off / (1 - alpha_bar).sqrt(),
        "flow": -off * (1 + (alpha_bar / (1 - alpha_bar)).sqrt()),
    }
    found = []
    for prediction, error in in_terms.items():
        right = target(schedule, prediction, batch.x0, batch.t, batch.eps).float()
        config = TrainConfig(**PLAIN, prediction=prediction, min_snr_gamma=5.0)
        found.append(losses_of(config, digits, lambda *_, a=right + error: a, batch))
    for loss in found[1:]:
        torch.testing.assert_close(loss, found[0], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("moves", ["shift", "rotation", "quarter_turns", "flip"])
def test_the_equivariance_loss_of_an_equivariant_network_is_zero(digits, dealt, moves) -> None:
    """Multiplying by a number commutes with every linear map; adding a ramp with none of them."""
    batch = dealt(moves)
    still = replace(batch, move=None)
    ramp = torch.linspace(-1, 1, 64).view(1, 1, 8, 8)
    base, strict = TrainConfig(**PLAIN), TrainConfig(**PLAIN, equivariance=7.0, moves=moves)

    def scaled(x, *_):
        return 0.3 * x

    def skewed(x, *_):
        return 0.3 * x + ramp

    plain = [losses_of(base, digits, predict, still) for predict in (scaled, skewed)]
    found = [losses_of(strict, digits, predict, batch) for predict in (scaled, skewed)]
    torch.testing.assert_close(found[0], plain[0], rtol=1e-5, atol=1e-6)
    inside = batch.move.mask(8, 8)
    ramps = ramp.expand(16, 1, 8, 8)
    squares = (ramps - batch.move(ramps)).square()[:, 0]
    expected = squares.mean((1, 2)) if inside is None else squares[:, inside].mean(1)
    assert expected.median() > 0.002
    torch.testing.assert_close(found[1] - plain[1], 7 * expected, rtol=1e-3, atol=1e-3)


def test_a_circular_network_is_equivariant_to_multiples_of_its_stride(digits) -> None:
    """Means of 2×2 pixels and their repetition commute with moves by 2 pixels, not with others."""
    settings = {"network": "resunet", "multipliers": (1, 2), "padding": "circular"}
    config = TrainConfig(**PLAIN, **settings, config="A", equivariance=1.0)
    images = replace(digits, images=np.tile(digits.images, (1, 2, 2, 1)))
    batch = Batches(images, batch_size=8, timesteps=20, seed=0, moves="shift").batch(0)
    torch.manual_seed(0)
    task = build_task(config, images)
    for weight in task.package.network.parameters():  # some start at zero
        weight.requires_grad_(False).add_(0.05 * torch.randn_like(weight))
    plain = task.losses(task.package.network, replace(batch, move=None))
    two = torch.tensor([[0.125, -0.125]], dtype=torch.float64).expand(8, 2)  # of 16 pixels
    whole = replace(batch, move=replace(batch.move, amounts=two))
    found = {}
    for name, moved in (("whole", whole), ("any", batch)):
        found[name] = float((task.losses(task.package.network, moved) - plain).mean())
    assert found["any"] > 1e-4
    assert abs(found["whole"]) < 1e-2 * found["any"]


@pytest.mark.parametrize("network", ["unet", "resunet", "cs180"])
def test_dropped_labels_are_not_learned(new_trainer, network) -> None:
    for share in (1.0, 0.0):
        trainer = new_trainer(f"{share}", conditional=True, label_dropout=share, network=network)
        stepper = trainer.stepper
        with torch.no_grad():  # what starts at zero would let no gradient through
            for weight in stepper.network.parameters():
                weight.add_(0.1)
        batch = trainer.batches.batch(0)
        assert bool((batch.labels == NO_CLASS).all()) == (share == 1)
        stepper.gradients(0, batch)
        tables = [
            weight.grad
            for name, weight in stepper.network.named_parameters()
            if name in ("label_embedding.weight", "tell1.label.0.weight", "tell2.label.0.weight")
        ]
        assert tables
        assert all(bool(grad.any()) == (share == 0) for grad in tables)


def test_a_network_is_conditioned_on_augmentations(new_trainer) -> None:
    trainer = new_trainer(augment=("vflip",), augment_labels=True, equivariance=0.5)
    seen: list[torch.Tensor] = []
    trainer.stepper.network.register_forward_pre_hook(lambda _, args: seen.append(args[2].augment))
    batch = trainer.batches.batch(0)
    trainer.stepper.gradients(0, batch)
    assert torch.equal(seen[0], torch.cat([batch.augment, batch.augment]))
    assert 0 < sum(float(trainer.batches.batch(k).augment.mean()) for k in range(8)) < 8


def test_a_denoiser_is_better_than_any_constant(new_trainer) -> None:
    """Its error falls below the variance of the images, and below that of the noise."""
    settings = {"noise_std": 0.3, "network": "resunet", "width": 8, "learning_rate": 0.01}
    trainer = new_trainer(steps=60, batch_size=16, **settings)
    losses = [progress.loss for progress in trainer.steps()]
    x = torch.cat([(trainer.batches.batch(step).x0 + 1) / 2 for step in range(30)])
    assert np.mean(losses[-15:]) < 0.6 * float(x.var(0).mean())
    assert np.mean(losses[-15:]) < 0.7 * 0.3**2
    denoiser = SingleStep.load(trainer.run.path / "model")
    clean = (trainer.batches.batch(100).x0 + 1) / 2
    noisy = clean + 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    assert float((denoiser(noisy) - clean).square().mean()) < 0.7 * 0.3**2


def test_held_out_images_are_not_trained_on(new_trainer, digits) -> None:
    few = digits.subset(slice(30))
    trainer = new_trainer(images=few, holdout=11, steps=None, epochs=3)
    seen = {int(i) for step in range(trainer.total) for i in trainer.batches.indices(step)}
    held = set(trainer._held_out.tolist())
    assert len(held) == 11
    assert seen == set(range(30)) - held
    other = new_trainer("other", images=few, holdout=11, seed=1)
    assert set(other._held_out.tolist()) != held


@pytest.mark.parametrize("network", ["unet", "cs180", "resunet"])
def test_validation_is_repeatable_and_changes_nothing(new_trainer, network, go, everything) -> None:
    settings = {"holdout": 50, "ema_decay": (), "dropout": 0.5, "equivariance": 0.1}
    trainer = new_trainer(network=network, **settings)
    go(trainer, 2)
    before = everything(trainer)
    parts = (trainer.stepper.network, trainer._images, trainer._held_out, trainer.config)
    torch.manual_seed(5)
    one = validation_loss(trainer.task, *parts)
    torch.manual_seed(6)
    assert validation_loss(trainer.task, *parts) == one
    assert trainer.stepper.network.training
    assert everything(trainer) == before
    half = (*parts[:2], trainer._held_out[:25], parts[3])
    assert validation_loss(trainer.task, *half) != one


def test_validation_has_labels_of_no_augmentation(new_trainer) -> None:
    settings = {"augment": ("vflip", "rotation"), "augment_labels": True, "holdout": 10}
    trainer = new_trainer(**settings)
    seen: list[torch.Tensor | None] = []
    network = trainer.stepper.network
    network.register_forward_pre_hook(lambda _, args: seen.append(args[2].augment))
    parts = (trainer._images, trainer._held_out, trainer.config)
    assert validation_loss(trainer.task, network, *parts) > 0
    assert all(told is None or not told.any() for told in seen)


def test_validation_is_the_error_on_held_out_images(new_trainer, digits) -> None:
    """Of a network that answers 0 it is the mean of ε², whatever was held out or augmented."""
    trainer = new_trainer(holdout=50, batch_size=50, augment=("rotation",), accumulation=2)
    with torch.no_grad():
        for weight in trainer.stepper.network.last.parameters():
            weight.zero_()
    found = validation_loss(
        trainer.task, trainer.stepper.network, digits, trainer._held_out, trainer.config
    )
    own = Batches(digits, batch_size=50, timesteps=20, seed=trainer.config.seed + 2**63)
    assert found == pytest.approx(float(own.batch(0).eps.square().mean()), rel=1e-6)
    assert not torch.equal(own.batch(0).eps, trainer.batches.batch(0).eps)


def test_validation_uses_all_held_out_images(new_trainer) -> None:
    trainer = new_trainer(holdout=10, batch_size=4)
    seen: list[torch.Tensor] = []

    def losses(predict, batch):
        seen.append(batch.x0)
        return torch.zeros(len(batch.x0))

    trainer.task.losses = losses
    parts = (trainer.stepper.network, trainer._images, trainer._held_out, trainer.config)
    validation_loss(trainer.task, *parts)
    held_out = to_float(trainer._images.batch(trainer._held_out))
    assert all((torch.cat(seen) == image).flatten(1).all(1).any() for image in held_out)


@pytest.mark.parametrize(("held_out", "most"), [(10, 1024), (8, 1024), (3, 1024), (40, 10)])
def test_every_image_of_a_validation_counts_once(new_trainer, monkeypatch, held_out, most) -> None:
    monkeypatch.setattr(observing, "MOST", most)
    trainer = new_trainer(holdout=held_out, batch_size=4)
    dark: dict[bytes, float] = {}

    def losses(predict, batch):
        told = [image.numpy().tobytes() for image in batch.x0]
        for image in told:
            dark.setdefault(image, len(dark) + 1.0)
        return torch.tensor([dark[image] for image in told])

    trainer.task.losses = losses
    parts = (trainer.stepper.network, trainer._images, trainer._held_out, trainer.config)
    count = min(held_out, most)
    found = validation_loss(trainer.task, *parts)
    assert found == pytest.approx(sum(range(1, count + 1)) / count)


def test_the_best_is_of_the_lowest_validation_loss(new_trainer, go) -> None:
    trainer = new_trainer(holdout=40, steps=12, checkpoint_every=3, learning_rate=0.3, keep=9)
    for _ in trainer.steps():
        pass
    log = {
        entry["step"]: entry["validation_loss"]
        for entry in trainer.run.read_log()
        if "validation_loss" in entry
    }
    assert sorted(log) == [3, 6, 9, 12]
    for step, loss in log.items():
        state = trainer.run.checkpoints / f"step-{step:08d}" / "state.json"
        assert json.loads(state.read_text())["score"] == loss
    best = min(log, key=log.__getitem__)
    model = Model.load(trainer.run.path / "best")
    parts = (model.network, trainer._images, trainer._held_out, trainer.config)
    assert validation_loss(trainer.task, *parts) == pytest.approx(log[best], rel=1e-6)
