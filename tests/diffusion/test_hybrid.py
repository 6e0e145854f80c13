"""Hybrids: parts of a picture, each from a denoiser of its own."""

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    colour_hybrid,
    eps_from_x0,
    factorised,
    hybrid,
    layered,
    low_pass,
    triple_hybrid,
    x0_from_eps,
)
from jinc.errors import JincError
from jinc.signal import gaussian_blur

SCHEDULE = Schedule.linear(T=1000)
T_EACH = torch.tensor([30, 700])
EVERY = {
    "hybrid": (hybrid, 2),
    "colour": (colour_hybrid, 2),
    "triple": (triple_hybrid, 3),
}


def images(size=12):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0)).double()


def plus(amount):
    return lambda x_t, t: x_t + amount


def bent(x_t, t):
    return x_t**2


@pytest.mark.parametrize("name", EVERY)
def test_a_hybrid_of_one_denoiser_is_that_denoiser(name) -> None:
    make, count = EVERY[name]
    effect = make(*[bent] * count)
    torch.testing.assert_close(effect(images(), T_EACH), bent(images(), T_EACH))


def test_the_rest_is_what_the_low_pass_leaves() -> None:
    x_t = images()
    low = gaussian_blur(x_t + 1, taps=33, std_px=2.0)
    high = bent(x_t, T_EACH) - gaussian_blur(bent(x_t, T_EACH), taps=33, std_px=2.0)
    torch.testing.assert_close(hybrid(plus(1), bent)(x_t, T_EACH), low + high)
    sharper = hybrid(plus(1), bent, blur=lambda x: x)
    torch.testing.assert_close(sharper(x_t, T_EACH), x_t + 1)


def test_grey_is_the_mean_over_channels() -> None:
    x0_hat = colour_hybrid(bent, plus(0))(images(), T_EACH)
    grey = bent(images(), T_EACH).mean(1, keepdim=True)
    torch.testing.assert_close(x0_hat.mean(1, keepdim=True), grey)
    colour = images() - images().mean(1, keepdim=True)
    torch.testing.assert_close(x0_hat - grey, colour)


def test_three_bands() -> None:
    x_t = images()
    wide, narrow = low_pass(3.0), low_pass(1.0)
    answers = [d(x_t, T_EACH) for d in (bent, plus(0), lambda x_t, t: x_t.flip(-1))]
    expected = wide(answers[0]) + narrow(answers[1]) - wide(answers[1])
    expected = expected + answers[2] - narrow(answers[2])
    x0_hat = triple_hybrid(bent, plus(0), lambda x_t, t: x_t.flip(-1))(x_t, T_EACH)
    torch.testing.assert_close(x0_hat, expected)


def test_layers_are_the_bands_of_a_sum_with_half_the_blurs() -> None:
    counted = []

    def blur(x):
        counted.append(len(x))
        return low_pass(2.0)(x)

    slow = factorised([(blur, bent), (lambda x: x - blur(x), plus(1))])
    fast = hybrid(bent, plus(1), blur)
    counted.clear()
    expected = slow(images(), T_EACH)
    assert len(counted) == 2
    torch.testing.assert_close(fast(images(), T_EACH), expected)
    assert len(counted) == 3


def test_blurs_that_are_not_linear_are_refused() -> None:
    with pytest.raises(JincError, match=r"parts\[0\] is not linear"):
        hybrid(bent, bent, blur=lambda x: x.clamp(0, 9))
    for blurs in ([], [low_pass(), low_pass()]):
        with pytest.raises(JincError, match="a blur between every two"):
            layered([bent, bent], blurs)


def test_mixing_parts_of_images_mixes_parts_of_noises() -> None:
    x_t, blur = images(), low_pass()
    eps_low, eps_high = (
        eps_from_x0(SCHEDULE, x_t, T_EACH, d(x_t, T_EACH)) for d in (bent, plus(1))
    )
    eps = blur(eps_low) + eps_high - blur(eps_high)
    x0_hat = hybrid(bent, plus(1))(x_t, T_EACH)
    torch.testing.assert_close(x0_hat, x0_from_eps(SCHEDULE, x_t, T_EACH, eps))


def test_all_parts_are_one_call(counting) -> None:
    three = triple_hybrid(counting.times(2), counting.times(2), counting.times(2))
    torch.testing.assert_close(three(images(), T_EACH), 2 * images())
    assert counting.calls == [6]


def test_maps_of_one_size_are_tried_on_images_of_that_size() -> None:
    mask = (torch.arange(12) < 5).double()
    parts = [(lambda x: mask * x, plus(1)), (lambda x: (1 - mask) * x, plus(-1))]
    with pytest.raises(JincError, match=r"parts\[0\] fails on images \[3, 16, 16\], give like="):
        factorised(parts)
    x0_hat = factorised(parts, like=images())(images(), T_EACH)
    torch.testing.assert_close(x0_hat, images() + 2 * mask - 1)


@pytest.mark.parametrize(
    ("maps", "reason"),
    [
        ([], "one part"),
        ([lambda x: x, lambda x: 0.01 * x], "do not add up to the identity: .* off by 0.01 of"),
        ([low_pass(2.0), low_pass(1.0)], "do not add up to the identity"),
        ([lambda x: x.clamp(0, 9), lambda x: x - x.clamp(0, 9)], r"parts\[0\] is not linear"),
        ([lambda x: x / 0], "do not add up|not linear"),
        ([lambda x: x.mean(1, keepdim=True)], r"parts\[0\] makes \[1, 1, 16, 16\]"),
        ([low_pass(-1.0)], "std_px"),
    ],
)
def test_maps_that_are_no_parts_of_a_whole_are_refused(maps, reason) -> None:
    with pytest.raises(JincError, match=reason):
        factorised([(part, bent) for part in maps])


@pytest.mark.parametrize("like", [torch.zeros(3, 8, 8), torch.zeros(1, 3, 8, 8).int()])
def test_images_to_try_on_of_a_wrong_kind_are_refused(like) -> None:
    with pytest.raises(JincError, match="like must be float"):
        factorised([(lambda x: x, bent)], like=like)
