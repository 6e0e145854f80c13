"""Edits of photographs: held pixels, and starts from a photograph instead of noise."""

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    SeededNoise,
    cfg,
    forward,
    generate,
    project,
    sample,
    sdedit_start,
    sdedit_start_at,
    sdedit_start_index,
    sdedit_start_on,
    strided,
    timesteps,
)
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=1000)
T_EACH = torch.tensor([30, 700])


def images(batch=2):
    return torch.randn(batch, 3, 4, 6, generator=torch.Generator().manual_seed(0)).double()


def triple(x_t, t):
    return 3 * x_t


def ramp(*shape):
    return torch.linspace(0, 1, torch.Size(shape).numel()).view(shape).double()


@pytest.mark.parametrize("shape", [(4, 6), (1, 1, 4, 6), (2, 1, 4, 6)])
@pytest.mark.parametrize("batch", [1, 2])
def test_known_pixels_take_the_place_of_predicted_ones(shape, batch) -> None:
    where, onto = ramp(*shape), images(batch) + 5
    x0_hat = project(triple, onto=onto, where=where)(images(), T_EACH)
    torch.testing.assert_close(x0_hat, where * onto + (1 - where) * 3 * images())


def test_what_is_known_for_sure_is_exact_in_the_end() -> None:
    where = ramp(4, 6) > 0.5
    held = project(triple, onto=images(1), where=where)
    end = generate(held, SCHEDULE, images(), steps=[900, 300])
    assert torch.equal(end[..., where], images(1)[..., where].expand(2, -1, -1))


def test_holding_is_an_effect_among_effects(counting) -> None:
    nest = cfg(
        project(counting.times(2), onto=images() + 1, where=ramp(4, 6)), counting.times(4), 0.5
    )
    held = ramp(4, 6) * (images() + 1) + (1 - ramp(4, 6)) * 2 * images()
    torch.testing.assert_close(nest(images(), T_EACH), (held + 4 * images()) / 2)
    assert counting.calls == [4]


@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 6), (2, 3, 4, 6), (3, 1, 4, 6)])
def test_a_mask_of_another_shape_is_refused(shape) -> None:
    with pytest.raises(JincError, match=r"where: a mask .* it must be \[4, 6\] or \[2, 1, 4, 6\]"):
        project(triple, onto=images(), where=torch.zeros(shape))


def test_other_images_and_shares_are_refused() -> None:
    with pytest.raises(JincError, match=r"where: a mask must have values in \[0, 1\]"):
        project(triple, onto=images(), where=2 * torch.ones(4, 6))
    held = project(triple, onto=images(), where=torch.ones(4, 6))
    with pytest.raises(JincError, match=r"onto \[2, 3, 4, 6\] does not fit images \[2, 3, 4, 5\]"):
        held(images()[..., :5], T_EACH)


def noise():
    return SeededNoise(0, [0, 1])


@pytest.mark.parametrize(
    ("strength", "walked"), [(1.0, 50), (0.5, 25), (0.51, 26), (0.02, 1), (1e-12, 1), (0.14, 7)]
)
def test_strength_is_the_share_of_levels_walked(strength, walked) -> None:
    x_t, levels = sdedit_start(SCHEDULE, images(), strength, noise())
    assert levels == timesteps(1000, 50)[50 - walked :]
    assert torch.equal(x_t, forward(SCHEDULE, images(), levels[0], noise()(images())))


def test_a_level_is_walked_from() -> None:
    x_t, levels = sdedit_start_at(SCHEDULE, images(), 690, noise(), steps=24)
    assert (levels[0], levels[-1], len(levels)) == (690, 0, 24)
    assert torch.equal(x_t, forward(SCHEDULE, images(), 690, noise()(images())))
    _, few = sdedit_start_at(SCHEDULE, images(), 3, noise())
    assert few == [3, 2, 1, 0]


@pytest.mark.parametrize("index", [0, 1, 3, 5, 7, 10, 20, 33])
def test_an_index_in_strided_levels(index) -> None:
    x_t, levels = sdedit_start_index(SCHEDULE, images(), index, noise())
    assert levels == list(range(990 - 30 * index, -1, -30)) == strided(1000, 30)[index:]
    assert torch.equal(x_t, forward(SCHEDULE, images(), levels[0], noise()(images())))


def test_sampling_goes_on_from_a_start() -> None:
    x_t, levels = sdedit_start_on(SCHEDULE, images(), (600, 200), noise())
    steps = list(sample(triple, SCHEDULE, x_t, steps=levels))
    assert [step.t for step in steps] == [200, -1]
    assert torch.equal(steps[0].x0_hat, 3 * forward(SCHEDULE, images(), 600, noise()(images())))


@pytest.mark.parametrize(
    ("start", "amount", "reason"),
    [
        (sdedit_start, 0.0, r"strength must be in \(0, 1\], got 0.0"),
        (sdedit_start, 1.01, r"strength must be in \(0, 1\], got 1.01"),
        (sdedit_start, float("nan"), "strength must be in"),
        (sdedit_start_at, 1000, "level must be 0 to 999, got 1000"),
        (sdedit_start_at, -1, "level must be 0 to 999"),
        (sdedit_start_index, 34, "index must be 0 to 33, got 34"),
        (sdedit_start_index, -1, "index must be 0 to 33"),
        (sdedit_start_on, [200, 600], "do not fall"),
    ],
)
def test_starts_that_make_no_sense_are_refused(start, amount, reason) -> None:
    with pytest.raises(JincError, match=reason):
        start(SCHEDULE, images(), amount, noise())
