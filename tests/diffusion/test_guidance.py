"""Guidance: noises are mixed by mixing images, contrast is kept, and some levels are left out."""

import pytest
import torch

from jinc.diffusion import Schedule, cfg, eps_of, gaussian, x0_of
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=1000)
T_EACH = torch.tensor([30, 700])


def images():
    return torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()


def triple(x_t, t):
    return 3 * x_t


def never(x_t, t):
    raise AssertionError("asked")


def oracles():
    identity = torch.eye(16).double()
    conditional = gaussian(SCHEDULE, torch.ones(1, 4, 4).double(), 0.1 * identity)
    return conditional, gaussian(SCHEDULE, torch.zeros(1, 4, 4).double(), identity)


def mixed(guidance):
    """Noises mixed, and made into images."""
    conditional, unconditional = (d(images(), T_EACH) for d in oracles())
    eps_c = eps_of(SCHEDULE, "x0", images(), T_EACH, conditional)
    eps_u = eps_of(SCHEDULE, "x0", images(), T_EACH, unconditional)
    return x0_of(SCHEDULE, "eps", images(), T_EACH, eps_u + guidance * (eps_c - eps_u))


@pytest.mark.parametrize("guidance", [-1.0, 0.0, 0.5, 1.0, 7.0])
def test_guidance_mixes_noises_by_mixing_images(guidance) -> None:
    x0_hat = cfg(*oracles(), guidance)(images(), T_EACH)
    torch.testing.assert_close(x0_hat, mixed(guidance), rtol=0, atol=1e-12)


def test_a_branch_of_weight_zero_is_not_called() -> None:
    x_t = images()
    assert torch.equal(cfg(never, triple, 0.0)(x_t, T_EACH), 3 * x_t)
    assert torch.equal(cfg(triple, never, 1.0)(x_t, T_EACH), 3 * x_t)
    assert torch.equal(cfg(triple, never, 1.0, rescale=1.0)(x_t, T_EACH), 3 * x_t)
    with pytest.raises(AssertionError, match="asked"):
        cfg(triple, never, 1.01)(x_t, T_EACH)


def spread(x):
    return x.flatten(1).std(1)


@pytest.mark.parametrize("share", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("guidance", [0.0, 7.0])
def test_rescaling_brings_each_image_back_to_the_contrast_of_the_condition(guidance, share) -> None:
    conditional, _ = oracles()
    free = cfg(*oracles(), guidance)(images(), T_EACH)
    x0_hat = cfg(*oracles(), guidance, rescale=share)(images(), T_EACH)
    aim = share * spread(conditional(images(), T_EACH)) + (1 - share) * spread(free)
    torch.testing.assert_close(spread(x0_hat), aim)
    ratio = x0_hat / free  # and is else the same image
    torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio))


def test_a_flat_image_has_no_contrast_to_rescale() -> None:
    flat = cfg(lambda x_t, t: 0 * x_t + 3, lambda x_t, t: 0 * x_t + 2, 7.0, rescale=1.0)
    assert torch.equal(flat(images(), T_EACH), torch.full_like(images(), 9))


def test_outside_the_interval_only_the_conditional_branch_is_called() -> None:
    conditional, unconditional = oracles()
    guided, free = cfg(conditional, unconditional, 7.0), conditional
    x_t = images()
    for interval in ((31, 699), (701, 999), (0, 29)):
        asked = cfg(conditional, never, 7.0, rescale=0.5, interval=interval)
        assert torch.equal(asked(x_t, T_EACH), free(x_t, T_EACH))
    both = cfg(conditional, unconditional, 7.0, interval=(30, 700))
    torch.testing.assert_close(both(x_t, T_EACH), guided(x_t, T_EACH))
    first = cfg(conditional, unconditional, 7.0, interval=(30, 699))(x_t, T_EACH)
    torch.testing.assert_close(first[:1], guided(x_t, T_EACH)[:1])
    torch.testing.assert_close(first[1:], free(x_t, T_EACH)[1:])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_an_interval_of_all_levels_is_none(dtype) -> None:
    answers = [torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(k)) for k in (1, 2)]
    told, free = (lambda x_t, t, answer=answer: answer.to(x_t) for answer in answers)
    x_t = images().to(dtype)
    whole = cfg(told, free, 7.3, interval=(0, 999))(x_t, T_EACH)
    assert whole.dtype == dtype
    near = {"rtol": 0, "atol": 0.05} if dtype == torch.float16 else {}
    torch.testing.assert_close(whole, cfg(told, free, 7.3)(x_t, T_EACH), **near)


def test_guiding_all_levels_never_waits_for_the_gpu(no_waiting) -> None:
    x_t, t = images().cuda(), T_EACH.cuda()
    effect = cfg(triple, lambda x_t, t: 2 * x_t, 7.0)
    with no_waiting():
        x0_hat = effect(x_t, t)
    torch.testing.assert_close(x0_hat, 9 * x_t)


def test_within_the_interval_weight_zero_is_not_called() -> None:
    x_t = images()
    assert torch.equal(cfg(never, triple, 0.0, interval=(0, 999))(x_t, T_EACH), 3 * x_t)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"guidance": float("nan")}, "guidance must be a finite number"),
        ({"guidance": float("inf")}, "guidance must be a finite number"),
        ({"guidance": 2.0, "rescale": 1.1}, "rescale must be in"),
        ({"guidance": 2.0, "rescale": float("nan")}, "rescale must be in"),
        ({"guidance": 2.0, "interval": (5, 4)}, "interval needs 0 ≤ low ≤ high"),
        ({"guidance": 2.0, "interval": (-1, 4)}, "interval needs 0 ≤ low ≤ high"),
    ],
)
def test_mistakes_raise(options, reason) -> None:
    with pytest.raises(JincError, match=reason):
        cfg(triple, triple, **options)
