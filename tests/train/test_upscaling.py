"""Training an upscaler: it learns from the small image, and what it needs is in its folder."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from jinc.data import ImageSet, to_float
from jinc.diffusion import make_schedule, target
from jinc.errors import JincError
from jinc.models import Model, SamplingPlan, Upscaler, upscale_images
from jinc.models.upscaler import LowResConditioning
from jinc.nn import NO_CLASS
from jinc.signal import bicubic, block_mean
from jinc.train import Batches, TrainConfig, build_task, check_settings
from jinc.train.observing import validation_loss
from jinc.train.upscaling_task import spread

PLAIN = {"width": 4, "levels": 1, "timesteps": 20, "upscale": 2}


def psnr(made: torch.Tensor, real: torch.Tensor) -> float:
    return float((4 / (made.clamp(-1, 1) - real).square().mean((1, 2, 3))).log10().mean() * 10)


def test_it_learns_from_the_low_resolution_image(new_trainer, digits) -> None:
    """Shown that of another, it errs more; in one step it is nearer to the real than bicubic is."""
    trainer = new_trainer(
        **{"network": "resunet", "width": 8, "upscale": 2, "prediction": "v", "schedule": "cosine"},
        **{"steps": 80, "batch_size": 32, "timesteps": 100, "learning_rate": 5e-3},
        **{"ema_decay": (0.95,), "holdout": 60},
    )
    for _ in trainer.steps():
        pass
    task, network = trainer.task, trainer.stepper.averaged.eval()
    batch = Batches(digits, batch_size=64, timesteps=100, seed=7).batch(0)

    def of_another(x_t, t, condition):
        return network(x_t, t, condition._replace(beside=condition.beside.roll(1, 0)))

    with torch.no_grad():
        own, other = (float(task.losses(p, batch).mean()) for p in (network, of_another))
    assert own < 0.8 * other
    held_out = to_float(digits.batch(trainer._held_out))
    low = block_mean(held_out, 2)
    walk = upscale_images(trainer.run.upscaler(), low, SamplingPlan(steps=10))
    first, *_ = walk
    assert psnr(first.x0_hat, held_out) > psnr(bicubic(low, 2), held_out) + 1


OBJECTIVES = {
    "D@6": {"config": "D@6", "prediction": "v", "min_snr_gamma": 5.0},
    "D-2N": {"config": "D-2N", "prediction": "x0", "loss": "huber"},
    "flow": {"prediction": "flow", "schedule": "flow"},
    "residual": {"network": "resunet", "config": "D@6", "upscale": 4},
    "without noise": {"upscale_noise": 0.0, "network": "resunet", "dropout": 0.3},
    "told": {
        **{"augment": ("hflip", "rotation"), "augment_labels": True, "network": "resunet"},
        **{"conditional": True, "label_dropout": 0.5, "sample_guidance": 2.0, "upscale_noise": 0.5},
    },
    "augmented and not told": {"augment": ("hflip", "rotation")},
    "told, without noise": {"augment": ("vflip",), "augment_labels": True, "upscale_noise": 0.0},
    "bf16, equivariance": {"precision": "bf16", "equivariance": 0.2, "accumulation": 2},
}


@pytest.mark.filterwarnings("ignore:schedule")  # 20 steps of flow end above 0.1
@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_trains_and_upscales(new_trainer, name) -> None:
    trainer = new_trainer(steps=2, holdout=8, **{"upscale": 2} | OBJECTIVES[name])
    losses = [progress.loss for progress in trainer.steps()]
    assert len(losses) == 2
    assert all(0 < loss < 1e3 for loss in losses)
    model = trainer.run.upscaler()
    config, factor = trainer.config, trainer.config.upscale
    assert (model.factor, model.most_noise) == (factor, round(20 * config.upscale_noise))
    assert model.network.augmentations == (model.most_noise > 0) + (
        sum({"hflip": 1, "vflip": 1, "rotation": 2}[kind] for kind in config.augment)
        if config.augment_labels
        else 0
    )
    low = torch.zeros(2, 1, 8 // factor, 8 // factor)
    *_, step = upscale_images(model, low, SamplingPlan(steps=3), level=model.most_noise)
    assert step.x_t.shape == (2, 1, 8, 8)
    assert step.x_t.isfinite().all()


@pytest.fixture
def dealt(digits):
    def deal(config: TrainConfig, moves=None, size: int = 16):
        return Batches(
            digits,
            batch_size=size,
            timesteps=20,
            seed=0,
            moves=moves,
            most_noise=config.most_noise,
            factor=config.upscale,
        ).batch(0)

    return deal


@pytest.mark.parametrize("prediction", ["eps", "x0", "v", "flow"])
def test_the_loss_of_a_perfect_prediction_is_zero(digits, dealt, prediction) -> None:
    """The truth about what is missing, in units of what usually is."""
    config = TrainConfig(**PLAIN, prediction=prediction, upscale_noise=0.5)
    task, batch = build_task(config, digits), dealt(config)
    assert (batch.level > 0).any()
    seen = {}

    def truth(r_t, t, condition):
        _, augment, beside = condition
        seen.update(beside=beside, augment=augment)
        signal = (1 - augment[:, 0] ** 2).sqrt().view(-1, 1, 1, 1)
        rest = (batch.x0 - signal * beside) / task.package.spread
        return target(make_schedule("linear", 20), prediction, rest, t, batch.eps).float()

    assert task.losses(truth, batch).max() < 1e-3
    quiet = batch.level == 0
    enlarged = bicubic(block_mean(batch.x0, 2), 2)
    torch.testing.assert_close(seen["beside"][quiet], enlarged[quiet])
    assert ((seen["beside"] - enlarged).abs().amax((1, 2, 3)) > 0.005).equal(~quiet)
    assert (seen["augment"][:, 0] > 0).equal(~quiet)


def test_noisy_low_resolution_images_do_not_dominate_the_loss(digits, dealt) -> None:
    """More is missing of them, and who knows nothing pays no more for it than for the others."""
    config = TrainConfig(**PLAIN, prediction="x0", schedule="cosine", upscale_noise=0.7)
    task, batch = build_task(config, digits), dealt(config, size=400)
    found = task.losses(lambda r_t, *_: torch.zeros_like(r_t), batch)
    quiet = batch.level == 0
    assert found[~quiet].mean() < 1.2 * found[quiet].mean()
    low = block_mean(batch.x0, 2)
    shown = LowResConditioning.of(
        low, 2, task.package.residual_schedule, batch.level, batch.low_noise
    )
    missing = (batch.x0 - shown.base).square().mean((1, 2, 3))
    assert missing[~quiet].mean() > 1.3 * missing[quiet].mean()


@pytest.mark.parametrize("moves", ["shift", "quarter_turns", "flip"])
def test_low_resolution_images_move_with_the_images(digits, dealt, moves) -> None:
    """A network that answers with a multiple of both inputs follows every move."""
    config = TrainConfig(**PLAIN, equivariance=5.0, moves=moves)
    batch = dealt(config, moves)
    task = build_task(config, digits)

    def sum_of_both(r_t, t, condition):
        return 0.3 * r_t - 0.2 * condition.beside

    def still(r_t, t, condition):
        return 0.3 * r_t - 0.2 * condition.beside[:16].repeat(2, 1, 1, 1)

    plain = task.losses(sum_of_both, replace(batch, move=None))
    torch.testing.assert_close(task.losses(sum_of_both, batch), plain, rtol=1e-4, atol=1e-5)
    assert (task.losses(still, batch) - plain).mean() > 0.01


def test_labels_reach_the_network_and_can_be_dropped(digits) -> None:
    config = TrainConfig(**PLAIN, conditional=True, label_dropout=1.0)
    batch = Batches(digits, batch_size=4, timesteps=20, seed=0, label_dropout=1.0).batch(0)
    seen = []

    def predict(r_t, t, condition):
        seen.append(condition.labels)
        return r_t

    build_task(config, digits).losses(predict, batch)
    assert (seen[0] == NO_CLASS).all()


def test_validation_has_low_resolution_images_without_noise(new_trainer, digits) -> None:
    """It has no noise of theirs: it is the loss of a batch without any."""
    trainer = new_trainer(holdout=16, batch_size=16, upscale=2, upscale_noise=1.0)
    network = trainer.stepper.network.eval()
    parts = (digits, trainer._held_out, trainer.config)
    found = validation_loss(trainer.task, network, *parts)
    own = Batches(
        digits, batch_size=16, timesteps=20, seed=trainer.config.seed + 2**63, among=parts[1]
    ).batch(0)
    assert own.level is None
    with torch.no_grad():
        assert found == pytest.approx(float(trainer.task.losses(network, own).mean()), rel=1e-5)


def test_the_spread_is_that_of_residuals(digits) -> None:
    x0 = to_float(digits.batch(range(len(digits))))
    missing = float((x0 - bicubic(block_mean(x0, 2), 2)).square().mean().sqrt())
    assert spread(digits, 2) == pytest.approx(missing, rel=0.1)
    assert spread(digits, 4) > spread(digits, 2)
    flat = ImageSet(np.full((3, 8, 8, 1), 7, np.uint8), None, (), "flat")
    assert spread(flat, 2) > 0


def test_the_grid_has_rows_of_low_resolution_upscaled_and_real_images(new_trainer, digits) -> None:
    trainer = new_trainer(holdout=5, upscale=2, conditional=True)
    task = trainer.task
    *_, picture = task.draw(task.packaged(trainer.stepper.averaged))
    scale, step = 64 // 8, 64 + 2
    assert picture.shape == (3 * step + 2, 5 * step + 2, 3)
    real = to_float(digits.batch(trainer._held_out))
    rows = [picture[2 + row * step : 2 + row * step + 64, 2:66, 0] for row in range(3)]
    pixels = [
        torch.from_numpy(row[::scale, ::scale].astype(np.float32)) / 127.5 - 1 for row in rows
    ]
    low, made, last = (row[None, None] for row in pixels)
    torch.testing.assert_close(last, real[:1], rtol=0, atol=1e-2)
    small = block_mean(real[:1], 2)
    torch.testing.assert_close(block_mean(low, 2), small, rtol=0, atol=1e-2)
    assert (low[..., ::2, ::2] == low[..., 1::2, 1::2]).all()
    assert (made - last).abs().max() > 0.05


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"upscale": 3}, "upscale: images of 8×8 cannot be 3 times smaller"),
        ({"network": "cs180"}, "network: cs180 takes no low-resolution image"),
        ({"complexity": "normalised"}, "complexity: does not apply to upscale"),
        ({"noise_std": 0.5}, "upscale: is for diffusion models; leave it out, or noise_std"),
        (
            {"upscale": None, "upscale_noise": 0.5},
            "upscale_noise: there are no low-resolution images; add --upscale",
        ),
    ],
    ids=str,
)
def test_contradictory_settings_are_an_error(digits, settings, says) -> None:
    config = TrainConfig(**{**PLAIN, "device": "cpu", **settings})
    with pytest.raises(JincError, match=says) as caught:
        check_settings(config, digits)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"upscale": 1}, {"upscale_noise": 1.5}, {"upscale": 2.0}])
def test_settings_out_of_range_are_an_error(settings) -> None:
    with pytest.raises(JincError, match=next(iter(settings))):
        TrainConfig(**settings)


def test_a_run_opens_as_its_kind_of_model(new_trainer, go) -> None:
    for name, settings in (("up", {"upscale": 2}), ("plain", {})):
        go(new_trainer(name, steps=1, **settings), 1)
    run = new_trainer("again", steps=1, upscale=2).run
    with pytest.raises(JincError, match="has no model yet"):
        run.upscaler()
    up, plain = run.path.parent / "up", run.path.parent / "plain"
    assert json.loads((up / "model" / "upscaling.json").read_text())["factor"] == 2
    with pytest.raises(JincError, match="is an upscaler; see jinc upscale"):
        Model.load(up / "model")
    with pytest.raises(JincError, match="is a model of images, not an upscaler"):
        Upscaler.load(plain / "model")
