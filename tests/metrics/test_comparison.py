"""One step and filters against what theory says they can reach."""

import math

import pytest
import torch

from jinc.diffusion import Schedule, forward, gaussian, strided
from jinc.errors import JincError
from jinc.metrics import CLASSICAL, ONE_STEP, decibels, levels_from, psnr_of_each, quick_answers
from jinc.signal import gaussian_blur, median, non_local_means

SCHEDULE = Schedule.linear()


def smooth(count: int, side: int = 6) -> tuple[torch.Tensor, gaussian]:
    """Images of neighbours that are alike, and their exact denoiser."""
    place = torch.arange(side, dtype=torch.float64)
    line = torch.exp(-((place[:, None] - place) ** 2) / 8)
    covariance = torch.kron(line, line) / 25  # far within [−1, 1], for answers are clipped
    noise = torch.randn(
        count, side**2, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    root = torch.linalg.cholesky(covariance + 1e-9 * torch.eye(side**2, dtype=torch.float64))
    oracle = gaussian(SCHEDULE, torch.zeros(1, side, side, dtype=torch.float64), covariance)
    return (noise @ root.T).view(count, 1, side, side), oracle


@pytest.mark.parametrize("t", [100, 500])
def test_one_step_of_an_exact_denoiser_reaches_the_posterior_s_variance(t) -> None:
    """trace(Σ − ᾱ Σ (ᾱ Σ + (1−ᾱ) I)⁻¹ Σ) is what is left, and no filter leaves less."""
    x0, oracle = smooth(1500)
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    answers = quick_answers(oracle, SCHEDULE, forward(SCHEDULE, x0, t, eps), t)
    alpha_bar, sigma = float(SCHEDULE.alpha_bar(t)), oracle.covariance
    white = torch.eye(36, dtype=torch.float64)
    gain = torch.linalg.solve(alpha_bar * sigma + (1 - alpha_bar) * white, alpha_bar * sigma)
    left = float((sigma - sigma @ gain).trace() / 36)
    errors = {way: float((each - x0).square().mean()) for way, each in answers.items()}
    assert errors[ONE_STEP] == pytest.approx(left, rel=0.05)
    assert all(error > left for way, error in errors.items() if way != ONE_STEP)
    psnr = {way: psnr_of_each(each, x0).mean() for way, each in answers.items()}
    assert max(psnr, key=psnr.get) == ONE_STEP


@pytest.mark.parametrize("restored", [True, False])
def test_filters_are_given_what_is_said(restored) -> None:
    x0, oracle = smooth(3)
    t, alpha_bar = 400, float(SCHEDULE.alpha_bar(400))
    x_t = forward(SCHEDULE, x0, t, torch.ones_like(x0))
    answers = quick_answers(oracle, SCHEDULE, x_t, t, restored)
    assert set(answers) == {*CLASSICAL, ONE_STEP}
    amplitude = math.sqrt(alpha_bar) if restored else 1
    seen, std = x_t / amplitude, math.sqrt(1 - alpha_bar) / amplitude
    assert torch.equal(answers["noisy"], seen)
    assert torch.equal(answers["Gaussian blur"], gaussian_blur(seen, 3, 0.8))
    assert torch.equal(answers["median"], median(seen, 3))
    assert torch.equal(answers["non-local means"], non_local_means(seen, 0.8 * std, std))
    t_all = torch.full((3,), t)
    assert torch.equal(answers[ONE_STEP], oracle(x_t, t_all))
    assert not answers[ONE_STEP].requires_grad


@pytest.mark.parametrize("T", [10, 300, 1000])
@pytest.mark.parametrize("stride", [1, 7, 30, 5000])
def test_levels_begin_where_the_noise_is_and_fall_to_0(T, stride) -> None:
    for t in (0, T // 3, T - 1):
        levels = levels_from(t, T, stride)
        assert (levels[0], levels[-1]) == (t, 0)
        assert levels[1:] == [level for level in strided(T, stride) if level < t]


def test_levels_of_the_course() -> None:
    assert levels_from(690, 1000, 30) == list(range(690, -1, -30))
    for t in (-1, 1000):
        with pytest.raises(JincError, match=f"level must be 0 to 999, got {t}"):
            levels_from(t, 1000, 30)
    with pytest.raises(JincError, match="stride"):
        levels_from(5, 1000, 0)


def test_decibels_of_each_image_are_of_what_can_be_shown() -> None:
    x0 = torch.zeros(3, 1, 2, 2)
    answer = x0.clone()
    answer[1, 0, 0, 0], answer[2] = 0.5, 7.0
    found = psnr_of_each(answer, x0)
    assert found.dtype == torch.float64
    assert found.tolist() == [decibels(0.0), decibels(0.25 / 4), decibels(1.0)]
