"""Predictions are kept in the range of images."""

import pytest
import torch

from jinc.diffusion import Schedule, clip, ddim, dynamic_threshold, gaussian, sample
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


def by_hand(x0_hat, rank):
    """Each image cut at its own amplitude of that rank, at 1 or above, and divided by it."""
    made = []
    for image in x0_hat:
        s = max(1.0, float(image.abs().flatten().sort().values[rank - 1]))
        made.append(image.clamp(-s, s) / s)
    return torch.stack(made)


@pytest.mark.parametrize(("quantile", "rank"), [(0.75, 12), (0.76, 13), (1.0, 16), (1e-9, 1)])
def test_a_dynamic_threshold_is_each_images_own(quantile, rank):
    x_t = images() * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1)
    x0_hat = dynamic_threshold(triple, quantile)(x_t, T_EACH)
    torch.testing.assert_close(x0_hat, by_hand(3 * x_t, rank), rtol=0, atol=0)
    assert float(x0_hat.abs().max()) <= 1


def test_a_dynamic_threshold_leaves_what_is_in_range():
    quiet = images() / 10
    assert torch.equal(dynamic_threshold(triple)(quiet, T_EACH), 3 * quiet)


def test_a_few_loud_pixels_are_clipped():
    spike = images() / 10
    spike[:, :, 0, 0] = 4
    assert torch.equal(dynamic_threshold(triple, 0.9)(spike, T_EACH), clip(triple)(spike, T_EACH))


@pytest.mark.parametrize("quantile", [0.0, 1.1, float("nan")])
def test_a_quantile_is_a_share(quantile):
    with pytest.raises(JincError, match="quantile must be in"):
        dynamic_threshold(triple, quantile)


def test_under_ddim_eps_follows_the_clipped_prediction():
    mean = torch.full((1, 4, 4), 2.0).double()  # half of the predictions lie out of range
    denoiser = gaussian(SCHEDULE, mean, torch.eye(16).double())
    x_t = 5 * images()
    steps = list(sample(clip(denoiser), SCHEDULE, x_t, steps=[500, 200, 50], method=ddim(0.0)))
    for t, t_next, step in zip([500, 200, 50], [200, 50, -1], steps, strict=True):
        free = denoiser(x_t, torch.full((2,), t))
        x0_hat = free.clamp(-1, 1)
        assert not torch.equal(free, x0_hat)
        assert torch.allclose(step.x0_hat, x0_hat, rtol=0, atol=1e-12)
        a, a_next = float(SCHEDULE.alpha_bar(t)), float(SCHEDULE.alpha_bar(t_next))
        eps = (x_t - a**0.5 * x0_hat) / (1 - a) ** 0.5
        x_t = a_next**0.5 * x0_hat + (1 - a_next) ** 0.5 * eps
        assert torch.allclose(step.x_t, x_t, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0)])
def test_an_empty_range_is_refused(low, high):
    with pytest.raises(JincError, match="low < high"):
        clip(triple, low, high)
