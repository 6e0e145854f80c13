"""Schedules that end in pure noise (ᾱ = 0 at T−1): every sampler stays finite and arrives."""

from functools import partial

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    adaptive,
    calibrate,
    ddim,
    ddpm,
    gaussian,
    heun,
    posterior,
    sample,
    solve,
    sum_preserving,
    x0_of,
)
from jinc.errors import JincError
from jinc.metrics.comparison import quick_answers

MEAN, DEVIATION = -0.8, 0.2
LEVELS = range(999, -1, -9)  # equal strides, as some solvers ask


def rescaled(T: int = 1000) -> Schedule:
    """√ᾱ shifted and stretched so that the last is 0 and the first stays: arXiv 2305.08891."""
    root = Schedule.linear(T).alpha_bars.sqrt()
    return Schedule(((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2)


SCHEDULE = rescaled()
ORACLE = gaussian(
    SCHEDULE, torch.full((1, 1, 1), MEAN).double(), torch.full((1, 1), DEVIATION**2).double()
)
OURS = {
    "ddim": partial(sample, method=ddim()),
    "eta": partial(sample, method=ddim(1.0)),
    "ddpm": partial(sample, method=ddpm()),
    "posterior": partial(sample, method=posterior()),
    "heun": heun,
    "adaptive": partial(adaptive, tolerance=0.001),
}


THEIRS = ["ddim", "deis", "dpm++", "dpm++-2m-sde", "dpm++-single"]
THEIRS += ["euler", "heun-sigma", "lms", "pndm", "unipc"]


@pytest.mark.parametrize("name", [*OURS, *(f"their {name}" for name in THEIRS)])
def test_samplers_arrive_from_pure_noise(request, name):
    if name in OURS:
        walk = OURS[name]
    else:
        make = request.getfixturevalue("theirs")
        walk = partial(solve, scheduler=make(name.removeprefix("their ")))
    quantiles = torch.special.ndtri((torch.arange(256, dtype=torch.float64) + 0.5) / 256)
    start = (quantiles / quantiles.std(correction=0)).view(-1, 1, 1, 1)
    draws = torch.Generator().manual_seed(0)

    def noise(like):
        drawn = torch.randn(like.shape, generator=draws, dtype=like.dtype)
        return (drawn - drawn.mean()) / drawn.std(correction=0)

    *_, last = walk(ORACLE, SCHEDULE, start, steps=LEVELS, noise=noise)
    assert float(last.x_t.mean()) == pytest.approx(MEAN, abs=1e-4)
    assert float(last.x_t.std(correction=0)) == pytest.approx(DEVIATION, abs=0.05)  # at 112 levels


def test_of_pure_noise_every_prediction_but_eps_says_the_image():
    x0, eps = torch.rand(2, 1, 2, 2), torch.randn(2, 1, 2, 2)
    t = torch.full((2,), 999)
    for prediction, output in {"x0": x0, "v": -x0, "flow": eps - x0}.items():
        torch.testing.assert_close(x0_of(SCHEDULE, prediction, eps, t, output), x0)


def test_pure_noise_leaves_predictions_as_they_are():
    x_t, x0 = torch.randn(2, 1, 2, 2), torch.rand(2, 1, 2, 2)
    t = torch.full((2,), 999)
    assert torch.equal(calibrate(lambda *_: x0, SCHEDULE)(x_t, t), x0)
    answers = sum_preserving(SCHEDULE)([x0, -x0], x_t, t)
    torch.testing.assert_close(answers, torch.zeros_like(x0))
    with pytest.raises(JincError, match="level: 999 is pure noise"):
        quick_answers(lambda *_: x0, SCHEDULE, x_t, 999)
