"""Hybrids: parts of a picture, each from a denoiser of its own."""

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    colour_hybrid,
    eps_of,
    factorised,
    hybrid,
    layered,
    low_pass,
    triple_hybrid,
    x0_of,
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
        eps_of(SCHEDULE, "x0", x_t, T_EACH, d(x_t, T_EACH)) for d in (bent, plus(1))
    )
    eps = blur(eps_low) + eps_high - blur(eps_high)
    x0_hat = hybrid(bent, plus(1))(x_t, T_EACH)
    torch.testing.assert_close(x0_hat, x0_of(SCHEDULE, "eps", x_t, T_EACH, eps))


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


def test_blurs_of_one_size_are_tried_on_images_of_that_size() -> None:
    blur = torch.softmax(torch.randn(12, 12, generator=torch.Generator().manual_seed(1)), 0)

    def along(x):
        return x @ blur.to(x)

    for make, count in ((hybrid, 2), (triple_hybrid, 3)):
        maps = [along] * (count - 1)
        with pytest.raises(JincError, match=r"fails on images \[3, 16, 16\], give like="):
            make(*[bent] * count, *maps)
        x0_hat = make(*[plus(1)] * count, *maps, like=images())(images(), T_EACH)
        torch.testing.assert_close(x0_hat, images() + 1)
        with pytest.raises(JincError, match="not linear"):
            make(*[bent] * count, *[lambda x: along(x).abs()] * (count - 1), like=images())


@pytest.mark.parametrize("std_px", [1.0, 2.0, 4.0, 5.0, 10.0, 16.0])
def test_a_blur_is_as_wide_as_it_says(std_px) -> None:
    """On a canvas without near edges, a dot becomes a blot of this standard deviation."""
    dot = torch.zeros(1, 1, 193, 193).double()
    dot[..., 96, 96] = 1
    blot = low_pass(std_px)(dot)[0, 0]
    place = torch.arange(193).double() - 96
    assert float(blot.sum()) == pytest.approx(1)
    for weights in (blot.sum(0), blot.sum(1)):
        assert float((weights * place).sum()) == pytest.approx(0, abs=1e-12)
        assert float((weights * place**2).sum()) ** 0.5 == pytest.approx(std_px, rel=0.01)


def test_usual_blurs_have_33_weights_and_a_number_that_is_given_is_kept() -> None:
    for std_px in (0.5, 2.0, 3.0):
        assert torch.equal(low_pass(std_px)(images()), gaussian_blur(images(), 33, std_px))
    assert torch.equal(low_pass(9.0, taps=5)(images()), gaussian_blur(images(), 5, 9.0))


@pytest.mark.parametrize("std_px", [4.0, 16.0, 40.0, 1e9])
def test_images_smaller_than_the_blur_are_mirrored_again_and_again(std_px) -> None:
    """Mirrors are eigenvectors: cosines fade as a Gaussian has it, and the mean stays."""
    wave = torch.cos(torch.pi * (torch.arange(12).double() + 0.5) / 12).expand(1, 1, 12, 12)
    gain = torch.exp(-(torch.tensor(std_px * torch.pi / 12).double() ** 2) / 2)
    seen = low_pass(std_px)(0.3 + wave)
    assert float((seen - 0.3 - gain * wave).abs().max()) < 0.02


@pytest.mark.parametrize("std_px", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_no_width_is_refused(std_px) -> None:
    with pytest.raises(JincError, match=r"std_px: .* is not a finite number above 0"):
        low_pass(std_px)(images())


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
