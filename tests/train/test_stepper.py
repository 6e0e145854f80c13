"""One step: what is accumulated, clipped and scaled is the gradient of the whole batch."""

from dataclasses import replace

import pytest
import torch

from jinc.data import ImageSet
from jinc.train import Batches, Processes, TrainConfig, build_task
from jinc.train.stepper import Stepper

SETTINGS = {"width": 4, "levels": 1, "timesteps": 20, "batch_size": 12, "config": "A"}
RESUNET = {"network": "resunet", "multipliers": (1, 2), "blocks": 1}


@pytest.fixture
def new_stepper(digits: ImageSet):
    def new(**settings: object) -> Stepper:
        config = TrainConfig(**SETTINGS | settings)
        torch.manual_seed(3)
        stepper = Stepper(build_task(config, digits), config, Processes(torch.device("cpu")), 100)
        with torch.no_grad():  # no weight is zero, so that every gradient is something
            for weight in stepper.network.parameters():
                weight.add_(0.02 * torch.randn_like(weight))
        return stepper

    return new


@pytest.fixture
def batch(digits: ImageSet):
    return Batches(digits, batch_size=12, timesteps=20, seed=0, moves="shift").batch(0)


def gradients(stepper: Stepper, batch, number: int = 0) -> torch.Tensor:
    stepper.gradients(number, batch)
    return torch.cat([g.flatten() for g in stepper.gradient_list()]).clone()


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


KINDS = {
    "plain": {},
    "residual": RESUNET,
    "equivariant": {"equivariance": 0.5},
    "complexity": {"complexity": "normalised", "prediction": "v", "min_snr_gamma": 5.0},
    "single step": {"noise_std": 0.5},
}


@pytest.mark.parametrize(("kind", "parts"), [*zip(KINDS, (12, 3, 2, 3, 2), strict=True)])
def test_a_batch_in_parts_has_the_gradient_of_the_batch(new_stepper, batch, kind, parts) -> None:
    if not KINDS[kind].get("equivariance"):
        batch = replace(batch, move=None)
    whole, cut = new_stepper(**KINDS[kind]), new_stepper(**KINDS[kind], accumulation=parts)
    assert distance(gradients(cut, batch), gradients(whole, batch)) < 1e-5
    losses = [float(each.gradients(0, batch)) for each in (whole, cut)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_gradients_do_not_accumulate_over_steps(new_stepper, batch) -> None:
    stepper = new_stepper()
    assert torch.equal(gradients(stepper, batch), gradients(stepper, batch))


@pytest.mark.parametrize("most", [1e-3, 0.1, 1e6])
def test_clipping_preserves_the_direction(new_stepper, batch, most) -> None:
    free = gradients(new_stepper(), batch)
    stepper = new_stepper(clip_gradient=most)
    report = stepper.step(0, replace(batch, move=None))
    clipped = torch.cat([g.flatten() for g in stepper.gradient_list()])
    assert float(report[1]) == pytest.approx(float(free.norm()), rel=1e-5)  # before clipping
    assert float(clipped.norm()) == pytest.approx(min(most, float(free.norm())), rel=1e-4)
    assert float(torch.cosine_similarity(clipped, free, dim=0)) > 1 - 1e-5


def test_a_step_is_that_of_a_plain_loop(new_stepper, batch) -> None:
    """The fused optimiser, which the device may skip, against the obvious form."""
    stepper, obvious = (new_stepper(learning_rate=0.01, warmup=4) for _ in range(2))
    adam = torch.optim.AdamW(obvious.network.parameters(), lr=0.01, fused=False, foreach=False)
    for number in range(6):
        stepper.step(number, batch)
        pairs = zip(stepper.network.parameters(), obvious.network.parameters(), strict=True)
        for one, other in pairs:
            other.grad = None if one.grad is None else one.grad.clone()
        adam.param_groups[0]["lr"] = 0.01 * min(1, (number + 1) / 5)
        adam.step()
    pairs = zip(stepper.network.parameters(), obvious.network.parameters(), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("precision", "near"), [("bf16", 0.05), ("fp16", 0.01)])
def test_lower_precision_gives_a_similar_gradient(new_stepper, batch, precision, near) -> None:
    full, half = new_stepper(), new_stepper(precision=precision)
    if precision == "fp16":
        half._scale.factor.fill_(2.0**10)  # where it has come to after the first few steps
    assert 0 < distance(gradients(half, batch), gradients(full, batch)) < near
    weights = [*half.network.parameters(), *half.averages[0].network.parameters()]
    assert {weight.dtype for weight in weights} == {torch.float32}


def test_scaling_saves_small_gradients_in_fp16(new_stepper, batch) -> None:
    """A loss of a millionth has gradients that fp16 alone has no numbers for."""
    stepper, full = new_stepper(precision="fp16"), new_stepper()
    task_losses = stepper._task.losses
    stepper._task.losses = lambda *args: 1e-6 * task_losses(*args)
    expected = 1e-6 * gradients(full, batch)
    assert distance(gradients(stepper, batch), expected) < 0.05
    stepper._scale.factor.fill_(1.0)
    assert distance(gradients(stepper, batch), expected) > 0.3


def test_dropout_is_a_function_of_the_step(new_stepper, batch) -> None:
    stepper = new_stepper(**RESUNET, dropout=0.5)
    one = gradients(stepper, batch, number=5)
    torch.manual_seed(99)
    assert torch.equal(gradients(stepper, batch, number=5), one)
    assert not torch.equal(gradients(stepper, batch, number=6), one)


def test_parts_of_a_batch_have_different_dropout(new_stepper, batch) -> None:
    """Both parts are of one image; without dropout their gradients are one, and their mean too."""
    rows = torch.zeros(12, dtype=torch.long)
    same = replace(
        batch,
        move=None,
        **{name: getattr(batch, name)[rows] for name in ("x0", "t", "eps", "labels", "augment")},
    )
    for dropout in (0.0, 0.5):
        stepper = new_stepper(**RESUNET, dropout=dropout, accumulation=2)
        seen: list[torch.Tensor] = []
        stepper.network.register_forward_hook(lambda *args, seen=seen: seen.append(args[2]))
        gradients(stepper, same)
        assert torch.equal(seen[0], seen[1]) == (dropout == 0)


def test_reports_have_stop_requests(new_stepper, batch) -> None:
    stepper = new_stepper()
    assert [float(stepper.step(k, batch, stop=bool(k))[3]) for k in range(2)] == [0, 1]


def test_another_stepper_loads_the_groups(new_stepper, batch) -> None:
    """Channels-last weights and their moments included, whose memory order is not their shape's."""
    one = new_stepper(ema_decay=(0.9, 0.5))
    for number in range(3):
        one.step(number, batch)
    groups = {
        group: {
            name: t.detach().clone(memory_format=torch.contiguous_format)
            for name, t in all_.items()
        }
        for group, all_ in one.groups().items()
    }
    two = new_stepper(ema_decay=(0.9, 0.5))
    two.load(groups)
    for stepper in (one, two):
        stepper.step(3, batch)
    found = two.groups()
    for group, tensors in one.groups().items():
        assert tensors.keys() == found[group].keys()
        assert all(torch.equal(found[group][name], t) for name, t in tensors.items())


def test_norms_change_nothing(new_stepper, batch) -> None:
    stepper = new_stepper(network="cs180", width=2)
    stepper.step(0, batch)
    before = {name: t.clone() for group in stepper.groups().values() for name, t in group.items()}
    weights, gradients_ = stepper.norms(1, batch)
    after = {name: t for group in stepper.groups().values() for name, t in group.items()}
    assert all(torch.equal(after[name], t) for name, t in before.items())
    assert all(norm is not None and norm > 0 for norm in weights.values())
    assert gradients_.keys() == weights.keys()
