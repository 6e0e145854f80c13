"""Inpainting: known pixels put back at every level, and RePaint's way of walking."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from jinc.diffusion import (
    Schedule,
    SeededNoise,
    ddim,
    ddpm,
    forward,
    gaussian,
    generate,
    posterior,
    repaint_levels,
    replace,
    sample,
    timesteps,
)
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=1000)
CORRELATED = torch.tensor([[1.0, 0.9], [0.9, 1.0]]).double()
ORACLE = gaussian(SCHEDULE, torch.zeros(1, 1, 2).double(), CORRELATED)
KNOWN = torch.tensor([[[[1.5, 0.0]]]]).double()
SECOND = torch.tensor([[0.0, 1.0]])  # is to be generated
TRUE = 0.9 * 1.5, 1 - 0.9**2


def images(batch=2):
    return torch.randn(batch, 3, 4, 4, generator=torch.Generator().manual_seed(0)).double()


def half():
    return (torch.arange(4) < 2).double().expand(4, 4)


@pytest.mark.parametrize("t", [900, 30, 0])
def test_known_pixels_get_fresh_noise_of_the_new_level(t) -> None:
    x, photo, z = images(), images() + 1, images() - 1
    made = replace(SCHEDULE, photo, half(), lambda like: z)(x, t)
    known = forward(SCHEDULE, photo, t, z)
    assert torch.equal(made[..., :2], x[..., :2])
    assert torch.equal(made[..., 2:], known[..., 2:])


def test_in_the_end_known_pixels_are_known() -> None:
    photo = images(1)
    after = replace(SCHEDULE, photo, half(), torch.randn_like)
    white = gaussian(SCHEDULE, torch.zeros(3, 4, 4).double(), torch.eye(48).double())
    end = generate(white, SCHEDULE, images(), method=ddpm(), steps=10, after=after)
    assert torch.equal(end[..., 2:], photo[..., 2:].expand(2, -1, -1, -1))
    assert not torch.equal(end[..., :2], photo[..., :2].expand(2, -1, -1, -1))


def test_clean_pixels_need_no_noise() -> None:
    def never(like):
        raise AssertionError("drawn")

    replace(SCHEDULE, images(), half(), never)(images(), -1)


def test_a_soft_mask_mixes() -> None:
    made = replace(SCHEDULE, images() + 2, 0.25 * torch.ones(4, 4), torch.randn_like)(images(), -1)
    torch.testing.assert_close(made, images() + 1.5)


@pytest.mark.parametrize("shape", [(4, 4), (1, 1, 4, 4), (2, 1, 4, 4)])
@pytest.mark.parametrize("batch", [1, 2])
def test_masks_for_all_or_for_each(shape, batch) -> None:
    mask = torch.randint(2, shape, generator=torch.Generator().manual_seed(0)).bool()
    made = replace(SCHEDULE, images(batch), mask, torch.zeros_like)(0 * images(), -1)
    torch.testing.assert_close(made, torch.where(mask, 0.0, images(batch).expand(2, -1, -1, -1)))


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 4), (2, 3, 4, 4), (3, 1, 4, 4), (2, 1, 2, 4)])
def test_a_mask_of_another_shape_is_refused(shape) -> None:
    with pytest.raises(JincError, match=r"mask: a mask .* does not fit images"):
        replace(SCHEDULE, images(), torch.ones(shape), torch.randn_like)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_mask_beyond_its_range_is_refused(value) -> None:
    with pytest.raises(JincError, match=r"mask: a mask must have values in \[0, 1\]"):
        replace(SCHEDULE, images(), torch.full((4, 4), value), torch.randn_like)


def test_images_of_another_shape_are_refused() -> None:
    after = replace(SCHEDULE, images(), half(), torch.randn_like)
    with pytest.raises(JincError, match=r"photo \[2, 3, 4, 4\] does not fit images \[3, 3, 4, 4\]"):
        after(images(3), 30)


def test_every_stretch_is_walked_the_given_number_of_times() -> None:
    levels = timesteps(1000, 23)
    assert repaint_levels(levels, jump=5, times=1) == levels
    walk = repaint_levels(levels, jump=5, times=4)
    moves = list(pairwise(walk))
    for k, move in enumerate(pairwise(levels)):
        assert moves.count(move) == (1 if k < 2 else 4)  # 22 moves are 4 stretches and 2 moves
    rises = [(levels.index(t), levels.index(up)) for t, up in moves if up > t]
    assert all(k - j == 5 for k, j in rises)
    assert len(rises) == 4 * 3
    assert walk[-1] == 0


def test_the_walk_is_one_that_a_sampler_takes() -> None:
    walk = repaint_levels([*timesteps(1000, 9), -1], jump=2, times=3)
    steps = list(sample(lambda x_t, t: x_t, SCHEDULE, images(), steps=walk))
    assert [step.t for step in steps] == [*walk[1:], -1]


@pytest.mark.parametrize(
    ("levels", "jump", "times", "reason"),
    [
        ([9, 5, 0], 0, 2, "jump must be 1 to 2"),
        ([9, 5, 0], 3, 2, "jump must be 1 to 2"),
        ([9, 5, 0], 1, 0, "times must be 1"),
        ([9, 5, 7, 0], 1, 2, "do not fall"),
        ([], 1, 2, "do not fall"),
    ],
)
def test_walks_that_make_no_sense_are_refused(levels, jump, times, reason) -> None:
    with pytest.raises(JincError, match=reason):
        repaint_levels(levels, jump, times)


@cache
def move(method, t, t_next):
    """F, g, and the weights of the sampler's and of the photograph's noise, read off one move."""
    # Columns: nothing, either pixel of x_t, either pixel of each noise.
    x, z, w = torch.zeros(3, 7, 1, 1, 2).double()
    x[1, ..., 0] = x[2, ..., 1] = z[3, ..., 0] = z[4, ..., 1] = w[5, ..., 0] = w[6, ..., 1] = 1
    after = replace(SCHEDULE, KNOWN, SECOND, lambda like: w)
    steps = sample(
        ORACLE, SCHEDULE, x, method=method, steps=[t, t_next], noise=lambda like: z, after=after
    )
    offset, *columns = next(steps).x_t.view(7, 2).numpy()
    F, *noises = ((np.array(columns) - offset).T[:, k : k + 2] for k in (0, 2, 4))
    return F, offset, sum(root @ root.T for root in noises)


def law(method, levels):
    """Mean and variance of the generated pixel, exactly: every move is affine."""
    mean, covariance = np.zeros(2), np.eye(2)
    for t, t_next in pairwise([*levels, -1]):
        F, g, fresh = move(method, t, t_next)
        mean, covariance = F @ mean + g, F @ covariance @ F.T + fresh
    assert mean[0] == pytest.approx(1.5)
    assert covariance[0, 0] == pytest.approx(0, abs=1e-12)
    return mean[1], covariance[1, 1]


def test_put_back_alone_known_pixels_are_followed_by_two_thirds() -> None:
    mean, variance = law(posterior(), range(999, -1, -1))
    assert mean == pytest.approx(0.94, abs=0.005)
    assert variance == pytest.approx(0.31, abs=0.005)


def test_walking_ten_times_reaches_the_exact_conditional() -> None:
    levels = repaint_levels(range(999, -1, -1), jump=10, times=10)
    assert law(posterior(), levels) == pytest.approx(TRUE, rel=0.05)
    assert law(posterior(), levels) == pytest.approx((1.32, 0.19), abs=0.005)


@pytest.mark.parametrize("times", [1, 4])
def test_samples_have_the_law(times) -> None:
    """20 levels, 20,000 images: standard errors of .004 and of 1 % of the variance."""
    levels = repaint_levels(timesteps(1000, 20), jump=1, times=times)
    noise = SeededNoise(0, range(2))  # two long streams, shaped as many images of two pixels
    oneself = torch.empty(2, 1, 10_000, 2, dtype=torch.float64)

    def many(like):
        return noise(oneself).view(like.shape)

    x_T = torch.empty(20_000, 1, 1, 2, dtype=torch.float64)
    after = replace(SCHEDULE, KNOWN, SECOND, many)
    start, options = many(x_T), {"steps": levels, "noise": many, "after": after}
    end = generate(ORACLE, SCHEDULE, start, method=ddim(1.0), **options)[..., 1]
    mean, variance = law(ddim(1.0), levels)
    assert float(end.mean()) == pytest.approx(mean, abs=0.015)
    assert float(end.var()) == pytest.approx(variance, rel=0.04)
