"""The forward process keeps its law, and its conversions undo each other."""

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    eps_of,
    forward,
    step_noise,
    target,
    x0_of,
)
from jinc.diffusion.process import PARAMETRISATIONS

SCHEDULE = Schedule.linear(T=1000)
LEVELS = [0, 1, 30, 500, 999, torch.tensor([0, 30, 500, 999])]


def images(seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, 2, 3, 3, generator=generator, dtype=dtype)


def test_forward_is_its_equation_image_by_image():
    x0, eps, t = images(0), images(1), torch.tensor([-1, 0, 500, 999])
    x_t = forward(SCHEDULE, x0, t, eps)
    for i in range(4):
        a = float(SCHEDULE.alpha_bar(int(t[i])))
        assert torch.allclose(x_t[i], a**0.5 * x0[i] + (1 - a) ** 0.5 * eps[i], atol=1e-15)
    assert torch.equal(x_t[0], x0[0])


def test_one_level_for_all_is_that_level_for_each():
    x0, eps = images(0), images(1)
    each = forward(SCHEDULE, x0, torch.full((4,), 321), eps)
    assert torch.equal(forward(SCHEDULE, x0, 321, eps), each)


@pytest.mark.parametrize("t", LEVELS)
def test_conversions_invert_each_other(t):
    x0, eps = images(0), images(1)
    x_t, v = forward(SCHEDULE, x0, t, eps), target(SCHEDULE, "v", x0, t, eps)
    # What is divided by √ᾱ_t = 0.006 or √(1−ᾱ_t) = 0.01 loses two to three digits.
    assert torch.allclose(x0_of(SCHEDULE, "eps", x_t, t, eps), x0, rtol=0, atol=1e-12)
    assert torch.allclose(eps_of(SCHEDULE, "x0", x_t, t, x0), eps, rtol=0, atol=1e-12)
    assert torch.allclose(x0_of(SCHEDULE, "v", x_t, t, v), x0, rtol=0, atol=1e-14)
    assert torch.allclose(eps_of(SCHEDULE, "v", x_t, t, v), eps, rtol=0, atol=1e-14)
    u = target(SCHEDULE, "flow", x0, t, eps)
    assert torch.allclose(x0_of(SCHEDULE, "flow", x_t, t, u), x0, rtol=0, atol=1e-14)
    assert torch.allclose(eps_of(SCHEDULE, "flow", x_t, t, u), eps, rtol=0, atol=1e-14)


@pytest.mark.parametrize("t", LEVELS)
def test_v_is_a_rotation(t):
    x0, eps = images(0), images(1)
    x_t, v = forward(SCHEDULE, x0, t, eps), target(SCHEDULE, "v", x0, t, eps)
    assert torch.allclose(x_t.square() + v.square(), x0.square() + eps.square(), atol=1e-13)
    assert torch.allclose(x_t * eps - v * x0, _noise(t) * (x0.square() + eps.square()))
    assert torch.allclose(x_t * x0 + v * eps, _signal(t) * (x0.square() + eps.square()))


def _signal(t):
    return SCHEDULE.alpha_bar(t).sqrt().view(-1, 1, 1, 1)


def _noise(t):
    return (1 - SCHEDULE.alpha_bar(t)).sqrt().view(-1, 1, 1, 1)


@pytest.mark.parametrize(("a", "b"), [(0, 1), (0, 999), (250, 251), (30, 700)])
def test_noising_in_two_moves_is_noising_in_one(a, b):
    one, nil = torch.ones(1, 1, 1, 1, dtype=torch.float64), torch.zeros(1, 1, 1, 1)
    signal = step_noise(SCHEDULE, step_noise(SCHEDULE, one, -1, a, nil), a, b, nil)
    old = step_noise(SCHEDULE, step_noise(SCHEDULE, 0 * one, -1, a, one), a, b, nil)
    new = step_noise(SCHEDULE, 0 * one, a, b, one)
    alpha_bar = float(SCHEDULE.alpha_bar(b))
    assert float(signal) == pytest.approx(alpha_bar**0.5, rel=1e-13)
    assert float(old**2 + new**2) == pytest.approx(1 - alpha_bar, rel=1e-12)


def test_noising_from_clean_is_forward():
    x0, z, t = images(0), images(1), torch.tensor([0, 30, 500, 999])
    noised = step_noise(SCHEDULE, x0, torch.full((4,), -1), t, z)
    assert torch.allclose(noised, forward(SCHEDULE, x0, t, z), atol=1e-15)
    assert torch.equal(step_noise(SCHEDULE, x0, t, t, z), x0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("t", [30, torch.tensor([0, 30, 500, 999])])
def test_images_keep_their_type(dtype, t):
    x0, eps = images(0, torch.float32).to(dtype), images(1, torch.float32).to(dtype)
    assert forward(SCHEDULE, x0, t, eps).dtype == dtype
    for kind in PARAMETRISATIONS:
        for function in (target, x0_of, eps_of):
            assert function(SCHEDULE, kind, x0, t, eps).dtype == dtype
    assert step_noise(SCHEDULE, x0, t, 999, eps).dtype == dtype
