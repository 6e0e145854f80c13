"""Predictions that agree with a small image are nearer to the truth, and sampling ends there."""

import pytest
import torch

from jinc.diffusion import Schedule, consistent, ddim, gaussian, generate
from jinc.errors import JincError
from jinc.signal import block_mean

T_EACH = torch.tensor([30, 999])


def images(seed=0, batch=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 3, 6, 12, generator=generator).double()


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_the_small_image_is_kept_exactly_and_twice_is_once(factor) -> None:
    answer, low = images(), block_mean(images(1), factor)
    once = consistent(lambda x_t, t: answer, low, factor)
    x0 = once(images(2), T_EACH)
    torch.testing.assert_close(block_mean(x0, factor), low, rtol=0, atol=1e-14)
    twice = consistent(once, low, factor)(images(2), T_EACH)
    torch.testing.assert_close(twice, x0, rtol=0, atol=1e-14)


@pytest.mark.parametrize("factor", [2, 3])
def test_no_error_grows_and_what_is_taken_is_what_the_means_got_wrong(factor) -> None:
    """Pythagoras: it is an orthogonal projection."""
    truth, answer = images(), images(1)
    x0 = consistent(lambda x_t, t: answer, block_mean(truth, factor), factor)(images(2), T_EACH)
    before, after, moved = (
        each.square().sum((1, 2, 3)) for each in (answer - truth, x0 - truth, answer - x0)
    )
    torch.testing.assert_close(before, after + moved)
    assert (after < 0.95 * before).all()


def test_an_image_that_agrees_already_stays() -> None:
    truth = images()
    held = consistent(lambda x_t, t: truth, block_mean(truth, 2), 2)
    torch.testing.assert_close(held(images(1), T_EACH), truth, rtol=0, atol=1e-14)


def test_one_small_image_stands_for_all() -> None:
    answer, low = images(), block_mean(images(1, batch=1), 2)
    found = consistent(lambda x_t, t: answer, low, 2)(images(2), T_EACH)
    each = consistent(lambda x_t, t: answer, low.expand(2, -1, -1, -1), 2)(images(2), T_EACH)
    assert torch.equal(found, each)


def test_a_small_image_of_another_size() -> None:
    with pytest.raises(JincError, match=r"^low \[2, 3, 6, 12\] does not fit"):
        consistent(lambda x_t, t: x_t, images(), 2)(images(), T_EACH)


def test_sampling_ends_at_the_conditional_of_white_images() -> None:
    """Of independent pixels the rest knows nothing of the means: it keeps its own variance.

    Given the mean of a block of 4, its pixels have variance 1 − 1/4 and correlation −1/3.
    """
    schedule = Schedule.cosine(T=100)
    oracle = gaussian(schedule, torch.zeros(1, 2, 2).double(), torch.eye(4).double())
    low = torch.full((4000, 1, 1, 1), 0.8).double()
    x_T = torch.randn(4000, 1, 2, 2, generator=torch.Generator().manual_seed(0)).double()
    x = generate(consistent(oracle, low, 2), schedule, x_T, method=ddim(), steps=100)
    torch.testing.assert_close(x.mean((2, 3)), low[..., 0, 0], rtol=0, atol=1e-12)
    covariance = torch.cov(x.flatten(1).T)
    expected = torch.eye(4).double() - 0.25
    torch.testing.assert_close(covariance, expected, rtol=0, atol=0.05)
