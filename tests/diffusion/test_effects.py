"""Effects are denoisers made of denoisers."""

from dataclasses import FrozenInstanceError, dataclass

import pytest
import torch

from jinc.diffusion import (
    Branch,
    Effect,
    Schedule,
    calibrate,
    clip,
    ddim,
    eps_from_x0,
    forward,
    gaussian,
    sample,
    x0_from_eps,
)
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=1000)
T_EACH = torch.tensor([30, 999])


def images():
    return torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()


def triple(x_t, t):
    return 3 * x_t


def test_clip_clips():
    assert torch.equal(clip(triple)(images(), T_EACH), (3 * images()).clamp(-1, 1))
    assert torch.equal(clip(triple, 0.0, 0.5)(images(), T_EACH), (3 * images()).clamp(0, 0.5))


def test_clip_leaves_what_is_in_range():
    quiet = images() / 10
    assert float(triple(quiet, T_EACH).abs().max()) < 1
    assert torch.equal(clip(triple)(quiet, T_EACH), triple(quiet, T_EACH))
    assert torch.equal(clip(clip(triple))(images(), T_EACH), clip(triple)(images(), T_EACH))


def test_under_ddim_eps_follows_the_clipped_prediction():
    mean = torch.full((1, 4, 4), 2.0).double()  # half of the predictions lie out of range
    denoiser = gaussian(SCHEDULE, mean, torch.eye(16).double())
    x_t = 5 * images()
    steps = list(sample(clip(denoiser), SCHEDULE, x_t, steps=[500, 200, 50], method=ddim(0.0)))
    for t, t_next, step in zip([500, 200, 50], [200, 50, -1], steps, strict=True):
        free = denoiser(x_t, torch.full((2,), t))
        x0_hat = free.clamp(-1, 1)
        assert not torch.equal(free, x0_hat)
        assert torch.equal(step.x0_hat, x0_hat)
        a, a_next = float(SCHEDULE.alpha_bar(t)), float(SCHEDULE.alpha_bar(t_next))
        eps = (x_t - a**0.5 * x0_hat) / (1 - a) ** 0.5
        x_t = a_next**0.5 * x0_hat + (1 - a_next) ** 0.5 * eps
        assert torch.allclose(step.x_t, x_t, rtol=0, atol=1e-12)


def test_an_effect_asks_and_then_combines():
    @dataclass(frozen=True)
    class Twist(Effect):
        left: object
        right: object

        def branches(self, x_t, t):
            return [Branch(self.left, x_t, t), Branch(self.right, x_t.flip(-1), t - 1)]

        def combine(self, answers, x_t, t):
            left, right = answers
            return left + 2 * right + x_t

    def level(x_t, t):
        return x_t * t.view(-1, 1, 1, 1)

    effect, x_t = Twist(clip(triple), level), images()
    expected = clip(triple)(x_t, T_EACH) + 2 * level(x_t.flip(-1), T_EACH - 1) + x_t
    assert torch.equal(effect(x_t, T_EACH), expected)


def test_an_effect_is_frozen_and_says_what_it_is():
    effect = clip(triple)
    assert repr(effect).startswith("clip(denoiser=<function triple")
    assert effect == clip(triple)
    with pytest.raises(FrozenInstanceError):
        effect.low = 0.0


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0)])
def test_an_empty_range_is_refused(low, high):
    with pytest.raises(JincError, match="low < high"):
        clip(triple, low, high)


def _deaf(schedule: Schedule, eps: torch.Tensor):
    """Know the direction of the noise exactly, and take its amplitude for the usual one."""
    direction = eps / eps.square().mean((1, 2, 3), keepdim=True).sqrt()
    return lambda x_t, t: x0_from_eps(schedule, x_t, t, direction)


@pytest.mark.parametrize("t", [300, 500, 700, 999])
def test_calibrate_leaves_the_promised_share_of_the_amplitudes_error(t: int) -> None:
    schedule = Schedule.linear()
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 4000, 1, 12, 12, dtype=torch.float64, generator=generator)
    steps = torch.full((4000,), t)
    x_t = forward(schedule, x0 / 2**0.5, steps, eps)  # images of mean square ½
    deaf = _deaf(schedule, eps)

    def amplitude(denoiser):
        eps_hat = eps_from_x0(schedule, x_t, steps, denoiser(x_t, steps))
        return eps_hat.square().mean((1, 2, 3)).sqrt()

    true = eps.square().mean((1, 2, 3)).sqrt()
    before = (amplitude(deaf) - true).square().mean()
    after = (amplitude(calibrate(deaf, schedule)) - true).square().mean()
    assert before == pytest.approx(1 / (2 * 144), rel=0.1)
    assert float(after / before) == pytest.approx(float(schedule.alpha_bar(t)), rel=0.15)


def test_calibrate_changes_nothing_where_nothing_is_wrong() -> None:
    schedule = Schedule.linear()
    x0 = torch.ones(2, 1, 4, 4, dtype=torch.float64)
    eps = torch.ones_like(x0)
    eps[..., ::2] = -1  # no part of x0 in it
    t = torch.tensor([10, 900])
    x_t = forward(schedule, x0, t, eps)
    same = calibrate(lambda x_t, t: x0, schedule)(x_t, t)
    torch.testing.assert_close(same, x0)
