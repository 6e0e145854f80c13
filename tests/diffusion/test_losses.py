"""Losses: what is asked for is what is meant, weights agree over predictions, laws of symmetry."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from jinc.diffusion import (
    Schedule,
    eps_of,
    error,
    forward,
    gaussian,
    min_snr_weight,
    mismatch,
    random_move,
    target,
    x0_of,
)
from jinc.errors import JincError
from jinc.signal import disc

SCHEDULE = Schedule.linear(T=1000)
PREDICTIONS = ["eps", "x0", "v", "flow"]
T_EACH = torch.tensor([0, 30, 500, 999])


def images(seed, size=6):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, 2, size, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_perfect_answer_means_the_truth(prediction) -> None:
    x0, eps = images(0), images(1)
    x_t = forward(SCHEDULE, x0, T_EACH, eps)
    output = target(SCHEDULE, prediction, x0, T_EACH, eps)
    # What is divided by √ᾱ_t = 0.006 or √(1−ᾱ_t) = 0.01 loses two to three digits.
    for mean, truth in ((x0_of, x0), (eps_of, eps)):
        meant = mean(SCHEDULE, prediction, x_t, T_EACH, output)
        torch.testing.assert_close(meant, truth, rtol=0, atol=1e-12)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_x0_and_noise_of_an_output_make_up_x_t(prediction) -> None:
    """The images and the noise that an output means make up x_t, and mean that output."""
    x_t, output = images(0), images(1)
    x0 = x0_of(SCHEDULE, prediction, x_t, T_EACH, output)
    eps = eps_of(SCHEDULE, prediction, x_t, T_EACH, output)
    torch.testing.assert_close(forward(SCHEDULE, x0, T_EACH, eps), x_t, rtol=0, atol=1e-11)
    again = target(SCHEDULE, prediction, x0, T_EACH, eps)
    torch.testing.assert_close(again, output, rtol=0, atol=1e-11)


def test_the_target_is_the_word() -> None:
    x0, eps = images(0), images(1)
    assert torch.equal(target(SCHEDULE, "eps", x0, T_EACH, eps), eps)
    assert torch.equal(target(SCHEDULE, "x0", x0, T_EACH, eps), x0)


@pytest.mark.parametrize("delta", [0.3, 1.0, 5.0])
def test_errors_are_those_of_torch(delta) -> None:
    output, aim = images(0), images(1)
    for kind, expected in (
        ("mse", F.mse_loss),
        ("l1", F.l1_loss),
        ("huber", lambda a, b: F.huber_loss(a, b, delta=delta)),
    ):
        each = error(output, aim, kind, delta=delta)
        assert each.shape == (4,)
        for i in range(4):
            torch.testing.assert_close(each[i], expected(output[i], aim[i]))


def test_huber_lies_between_square_and_line() -> None:
    aim = torch.zeros(1, 1, 1, 1)
    assert error(aim + 0.5, aim, "huber").item() == 0.125
    assert error(aim + 3, aim, "huber").item() == 2.5
    assert error(aim + 3, aim, "l1").item() == 3
    assert error(aim + 3, aim).item() == 9


def test_weights_of_known_ratios() -> None:
    """Signal-to-noise ratios 99, 9, 1, ¼: at γ = 5, two are above it and two are below."""
    schedule = Schedule(torch.tensor([0.99, 0.9, 0.5, 0.2], dtype=torch.float64))
    expected = {
        "eps": [5 / 99, 5 / 9, 1, 1],
        "x0": [5, 5, 1, 1 / 4],
        "v": [5 / 100, 5 / 10, 1 / 2, 1 / 5],
        "flow": [5 / (math.sqrt(99) + 1) ** 2, 5 / 16, 1 / 4, 1 / 9],
    }
    for prediction, weights in expected.items():
        found = min_snr_weight(schedule, prediction, torch.arange(4))
        assert found.tolist() == pytest.approx(weights, rel=1e-12)
    unbounded = min_snr_weight(schedule, "eps", torch.arange(4), gamma=math.inf)
    assert unbounded.tolist() == pytest.approx([1, 1, 1, 1], rel=1e-14)


@pytest.mark.parametrize("gamma", [1.0, 5.0, 20.0])
def test_the_weighted_loss_is_one_loss_whatever_is_predicted(gamma) -> None:
    """Outputs that mean the same images lose the same."""
    x0, eps, x0_hat = images(0), images(1), images(2)
    x_t = forward(SCHEDULE, x0, T_EACH, eps)
    eps_hat = eps_of(SCHEDULE, "x0", x_t, T_EACH, x0_hat)
    losses = []
    for prediction in PREDICTIONS:
        output = target(SCHEDULE, prediction, x0_hat, T_EACH, eps_hat)
        off = error(output, target(SCHEDULE, prediction, x0, T_EACH, eps))
        losses.append(min_snr_weight(SCHEDULE, prediction, T_EACH, gamma) * off)
    for loss in losses:
        torch.testing.assert_close(loss, losses[1], rtol=1e-9, atol=0)


def white(x_t, t):
    """The ideal denoiser of white images: it commutes with every orthogonal map."""
    return SCHEDULE.alpha_bar(t).sqrt().view(-1, 1, 1, 1) * x_t


def moves(kind):
    return random_move(kind, np.random.default_rng(3), 4)


@pytest.mark.parametrize("kind", ["shift", "rotation", "quarter_turns", "flip"])
def test_an_equivariant_denoiser_makes_no_error(kind) -> None:
    x_t, move = images(0), moves(kind)
    for mask in (None, move.mask(6, 6)):
        off = mismatch(white(move(x_t), T_EACH), move(white(x_t, T_EACH)), mask)
        assert off.shape == (4,)
        assert off.max() < 1e-28


@pytest.mark.parametrize("kind", ["shift", "rotation", "quarter_turns", "flip"])
def test_a_denoiser_that_knows_where_things_are_makes_one(kind) -> None:
    """Data with a ramp in the mean: the denoiser pulls towards the ramp, not the moved ramp."""
    ramp = torch.arange(2 * 36, dtype=torch.float64).view(2, 6, 6) / 36
    rigid = gaussian(SCHEDULE, ramp, torch.eye(72, dtype=torch.float64))
    x_t, move = images(0), moves(kind)
    off = mismatch(rigid(move(x_t), T_EACH), move(rigid(x_t, T_EACH)))
    # It is affine, so that only its constant, (1−ᾱ)·ramp, is out of place.
    constant = (1 - SCHEDULE.alpha_bar(T_EACH)).view(-1, 1, 1, 1) * ramp
    torch.testing.assert_close(off, mismatch(constant, move(constant)), rtol=1e-9, atol=1e-25)
    assert off[2:].min() > 1e-3


def test_only_the_mask_counts() -> None:
    a, b, inside = images(0), images(1), disc(6, 0.6)
    outside = torch.where(inside, 0, images(2))
    torch.testing.assert_close(mismatch(a + outside, b, inside), mismatch(a, b, inside))
    by_hand = (a - b)[..., inside].square().mean((1, 2))
    torch.testing.assert_close(mismatch(a, b, inside), by_hand)
    torch.testing.assert_close(mismatch(a, b), error(a, b))
    assert mismatch(a.float(), b.float(), inside).dtype == torch.float32


def test_gradients_reach_both_sides() -> None:
    x_t, move = images(0), moves("rotation")
    gain = images(2)[0, 0].clone().requires_grad_()

    def off(gain):
        return mismatch(gain * move(x_t), move(gain * x_t), move.mask(6, 6))

    assert torch.autograd.gradcheck(off, gain)


@pytest.mark.parametrize("function", [x0_of, eps_of])
def test_unknown_predictions_are_named(function) -> None:
    with pytest.raises(JincError, match="no prediction is called 'epps'; did you mean eps"):
        function(SCHEDULE, "epps", images(0), T_EACH, images(1))


def test_bad_arguments_are_named() -> None:
    x = images(0)
    with pytest.raises(JincError, match="there are eps, x0, v, flow"):
        target(SCHEDULE, "score", x, T_EACH, x)
    with pytest.raises(JincError, match="no prediction"):
        min_snr_weight(SCHEDULE, "score", T_EACH)
    with pytest.raises(JincError, match="no kind of error is called 'hubber'; did you mean huber"):
        error(x, x, "hubber")
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(JincError, match="delta"):
            error(x, x, "huber", delta=bad)
        with pytest.raises(JincError, match="gamma"):
            min_snr_weight(SCHEDULE, "eps", T_EACH, gamma=bad)
