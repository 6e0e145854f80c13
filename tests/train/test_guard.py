"""What is not finite is skipped to the bit, wherever it comes from, and reported when it stays."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.train import NotFinite, Trainer
from jinc.train.ledger import LIMIT
from jinc.train.update import block_norms

Spoil = Callable[[Trainer, float, pytest.MonkeyPatch], None]


def one_of(tensor: Tensor, value: float) -> Tensor:
    """The same but for its last number."""
    spoilt = tensor.detach().clone(memory_format=torch.contiguous_format)
    spoilt.view(-1)[-1] = value
    return spoilt


def output_of(find: Callable[[nn.Module], nn.Module], only: Callable[[int], bool] = lambda _: True):
    """Spoil what a part of the network returns, at some of its calls."""

    def spoil(trainer: Trainer, value: float, _: pytest.MonkeyPatch) -> None:
        calls = iter(range(10_000))

        def hook(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
            return output * value if only(next(calls)) else output

        find(trainer.stepper.network).register_forward_hook(hook)

    return spoil


def gradient_of(find: Callable[[list[nn.Parameter]], nn.Parameter]) -> Spoil:
    def spoil(trainer: Trainer, value: float, _: pytest.MonkeyPatch) -> None:
        parameter = find(list(trainer.stepper.network.parameters()))
        parameter.register_hook(lambda gradient: one_of(gradient, value))

    return spoil


def batch_of(name: str) -> Spoil:
    def spoil(trainer: Trainer, value: float, patch: pytest.MonkeyPatch) -> None:
        deal = trainer.batches.batch

        def spoilt(step: int):
            batch = deal(step)
            return replace(batch, **{name: one_of(getattr(batch, name), value)})

        patch.setattr(trainer.batches, "batch", spoilt)

    return spoil


def result_of(function: str) -> Spoil:
    """Spoil what a function returns that the task calls."""

    def spoil(_: Trainer, value: float, patch: pytest.MonkeyPatch) -> None:
        path = f"jinc.train.tasks.{function}"
        module, name = path.rsplit(".", 1)
        real = getattr(__import__(module, fromlist=[name]), name)
        patch.setattr(path, lambda *args: one_of(real(*args), value) + 0 * real(*args))

    return spoil


def loss(trainer: Trainer, value: float, patch: pytest.MonkeyPatch) -> None:
    losses = trainer.task.losses
    patch.setattr(trainer.task, "losses", lambda *args: losses(*args) * value)


def norm_alone(trainer: Trainer, _: float, __: pytest.MonkeyPatch) -> None:
    """Every gradient is finite, but their squares are not."""
    for parameter in trainer.stepper.network.parameters():
        parameter.register_hook(lambda gradient: torch.full_like(gradient, 1e30))


CS180 = {"network": "cs180"}
PLACES: dict[str, tuple[Spoil, dict[str, object]]] = {
    "loss": (loss, {}),
    "loss, no average, clipped": (loss, {"ema_decay": (), "clip_gradient": 1.0}),
    "loss of a single-step denoiser": (loss, CS180 | {"noise_std": 0.5}),
    "output": (output_of(lambda n: n), {}),
    "output in bf16": (output_of(lambda n: n), {"precision": "bf16"}),
    "output, one part of two": (output_of(lambda n: n, lambda k: k % 2 == 1), {"accumulation": 2}),
    "output, first part of two": (
        output_of(lambda n: n, lambda k: k % 2 == 0),
        CS180 | {"accumulation": 2},
    ),
    "output, with dropout": (output_of(lambda n: n), {"network": "resunet", "dropout": 0.5}),
    "deep activation": (output_of(lambda n: n.bottleneck[1]), {"ema_decay": (0.9, 0.99)}),
    "activation before BatchNorm": (output_of(lambda n: n.down1), CS180),
    "activation behind BatchNorm": (output_of(lambda n: n.last), CS180),
    "first gradient, clipped": (gradient_of(lambda found: found[0]), {"clip_gradient": 0.1}),
    "last gradient": (gradient_of(lambda found: found[-1]), {}),
    "gradient of classes": (gradient_of(lambda found: found[-1]), {"conditional": True}),
    "gradient, Adam, BatchNorm": (
        gradient_of(lambda found: found[0]),
        CS180 | {"optimiser": "adam", "weight_decay": 0.1},
    ),
    "norm of finite gradients": (norm_alone, {}),
    "image before BatchNorm": (batch_of("x0"), CS180),
    "noise, threads": (batch_of("eps"), {"workers": 2}),
    "min-SNR weight": (result_of("min_snr_weight"), {"min_snr_gamma": 5.0}),
    "complexity": (result_of("complexity_normalised"), {"complexity": "normalised"}),
    "mismatch": (result_of("mismatch"), {"equivariance": 1.0}),
}


CASES = [
    pytest.param(place, value, id=f"{place}, {value}", marks=[pytest.mark.slow] * (turn % 2))
    for number, place in enumerate(PLACES)
    for turn, value in enumerate((math.nan, math.inf), start=number)
]
"""Every place with one of the values; with the other where there is time."""


@pytest.mark.parametrize(("place", "value"), CASES)
def test_gradients_that_are_not_finite_are_not_applied_and_reported(
    place, value, new_trainer, go, everything, monkeypatch, digits
) -> None:
    spoil, settings = PLACES[place]
    trainer = new_trainer(checkpoint_every=5, keep=1, steps=7, **settings)
    go(trainer, 1)
    before = everything(trainer)
    with monkeypatch.context() as patch:
        spoil(trainer, value, patch)
        with pytest.raises(NotFinite, match=f"not finite {LIMIT} times in a row") as caught:
            go(trainer, 20)
    assert caught.value.exit_code == 3
    assert str(caught.value).startswith(f"{trainer.run.path}: ")
    assert "\n" not in str(caught.value)
    assert trainer.step == 1 + LIMIT
    after = everything(trainer)
    assert [entry["step"] for entry in after.pop("log")] == [5]
    before.pop("log")
    assert after == before
    for file in ("not-finite.json", "checkpoints/step-00000005/state.json"):
        json.loads((trainer.run.path / file).read_text(), parse_constant=pytest.fail)
    resumed = Trainer(trainer.run, digits, resume=True)
    assert resumed.step == 5
    found = everything(resumed)
    found.pop("log")
    assert found == before
    for _ in resumed.steps():
        pass
    assert resumed.step == 7


def test_the_report_describes_the_last_step(new_trainer, go) -> None:
    trainer = new_trainer(conditional=True, warmup=50)
    go(trainer, 3)
    network = trainer.stepper.network
    network.downs[0].conv1.conv1.weight.register_hook(lambda g: g * math.nan)
    with pytest.raises(NotFinite, match="up to step 8"):
        go(trainer, 20)
    report = json.loads((trainer.run.path / "not-finite.json").read_text())
    assert report["step"] == 8
    assert report["indices"] == trainer.batches.indices(7).tolist()
    assert report["t"] == trainer.batches.batch(7).t.tolist()
    assert report["learning_rate"] == pytest.approx(3e-3 * 8 / 51)
    assert 0 < report["loss"] < 100
    assert report["gradient_norm"] is None
    blocks = {name for name, norm in report["gradient_norms"].items() if norm is None}
    assert blocks == {"downs.0"}
    squares = sum(norm**2 for norm in report["weight_norms"].values())
    whole = sum(float(p.detach().double().square().sum()) for p in network.parameters())
    assert squares == pytest.approx(whole, rel=1e-5)


def test_norms_by_block() -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Sequential(nn.Linear(1, 1)))
    with torch.no_grad():
        for parameter, values in zip(network.parameters(), ([3, 4, 0, 0], [5], [12]), strict=True):
            parameter.copy_(torch.tensor(values, dtype=torch.float32).view_as(parameter))
    network[0].weight.grad = torch.full((2, 2), math.nan)
    weights, gradients = block_norms(network)
    assert weights == {"0": 5, "1.0": 13}
    assert gradients == {"0": None}


def test_four_failed_steps_in_a_row_do_not_stop_training(new_trainer, finish) -> None:
    trainer = new_trainer(steps=18, log_every=2)
    bad = {*range(1, 5), *range(6, 10), *range(14, 18)}
    trainer.stepper.network.register_forward_hook(
        lambda network, _, out: out * float("nan") if trainer.step in bad else out
    )
    finish(trainer)
    assert trainer.step == 18
    assert all(weight.isfinite().all() for weight in trainer.stepper.network.parameters())
    assert trainer.stepper.groups()["optimiser"]["0.step"] == 18 - len(bad)
    lines = trainer.run.read_log()
    without = {entry["step"] for entry in lines if entry["loss"] is None}
    assert without == {2, 4, 6, 8, 10, 16, 18}
    assert not (trainer.run.path / "not-finite.json").exists()


def test_a_failed_first_step_changes_nothing(new_trainer, go) -> None:
    trainer = new_trainer()
    before = {n: w.clone() for n, w in trainer.stepper.network.state_dict().items()}
    hook = trainer.stepper.network.register_forward_hook(lambda *args: args[2] * math.nan)
    go(trainer, 1)
    hook.remove()
    groups = trainer.stepper.groups()
    assert all(not tensor.any() for tensor in groups["optimiser"].values())
    for name, weight in before.items():
        assert torch.equal(groups["network"][name], weight)
        assert torch.equal(groups["ema"][name], weight)


def test_failed_steps_are_counted_across_a_resume(new_trainer, digits, go) -> None:
    def spoil(trainer: Trainer) -> None:
        trainer.stepper.network.register_forward_hook(lambda *args: args[2] * math.nan)

    trainer = new_trainer()
    spoil(trainer)
    go(trainer, LIMIT - 1)
    trainer.save()
    resumed = Trainer(trainer.run, digits, resume=True)
    spoil(resumed)
    with pytest.raises(NotFinite, match=f"up to step {LIMIT};"):
        go(resumed, 2)


def factor(trainer: Trainer) -> float:
    return float(trainer.stepper.groups()["scale"]["factor"])


def overflowing(trainer: Trainer, above: float) -> None:
    def hook(gradient: Tensor) -> Tensor:
        return gradient * (math.inf if factor(trainer) > above else 1)

    next(trainer.stepper.network.parameters()).register_hook(hook)


def test_an_overflow_of_fp16_halves_the_scale_and_is_no_failure(
    new_trainer, go, everything
) -> None:
    trainer = new_trainer(precision="fp16")
    go(trainer, 2)
    before = everything(trainer)
    assert factor(trainer) == 2**16
    overflowing(trainer, above=2**12)
    for halvings in range(1, 5):
        go(trainer, 1)
        assert factor(trainer) == 2 ** (16 - halvings)
        after = everything(trainer)
        kinds = ("network", "ema", "optimiser")
        assert all(after[name] == before[name] for name in before if name.startswith(kinds))
    go(trainer, 2)
    assert factor(trainer) == 2**12
    assert trainer.stepper.groups()["optimiser"]["0.step"] == 2 + 2


def test_fp16_stops_when_the_scale_is_one(new_trainer, go) -> None:
    trainer = new_trainer(precision="fp16", steps=100)
    overflowing(trainer, above=0)
    with pytest.raises(NotFinite):
        go(trainer, 100)
    assert factor(trainer) == 1
    assert trainer.step == 16 + LIMIT


def test_fp16_stops_when_the_loss_is_not_finite(new_trainer, go) -> None:
    trainer = new_trainer(precision="fp16", steps=100)
    trainer.stepper.network.register_forward_hook(lambda *args: args[2] * math.nan)
    with pytest.raises(JincError):
        go(trainer, 100)
    assert trainer.step == LIMIT
