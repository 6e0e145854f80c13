"""Complexity: closed forms, invariances of the normalised form, faults of the published one."""

import math

import pytest
import torch
import torch.nn.functional as F

from jinc.diffusion import complexity_normalised, complexity_published, complexity_term


def images(*size):
    return torch.randn(*size, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_published_is_the_slow_form_by_convolution(channels) -> None:
    """The source's convolutions with `groups=channels`: a map each, one norm over all of them."""
    x = images(3, channels, 7, 5)
    right = torch.tensor([[-1.0, 1], [0, 0]], dtype=torch.float64).expand(channels, 1, 2, 2)
    down = torch.tensor([[-1.0, 0], [1, 0]], dtype=torch.float64).expand(channels, 1, 2, 2)
    along, across = (F.conv2d(x, k, padding=1, groups=channels) for k in (right, down))
    magnitude = torch.hypot(along, across)
    assert magnitude.shape == (3, channels, 8, 6)
    share = magnitude / (magnitude.square().sum().sqrt() + 1e-8)
    expected = F.interpolate(share, size=(7, 5), mode="bilinear")
    torch.testing.assert_close(complexity_published(x), expected)


def test_published_of_one_bright_pixel() -> None:
    """One by one, nothing to resize but four numbers to their mean: √2, 1, 1 and 0, over 2."""
    for brightness in (0.5, -3.0):
        found = complexity_published(torch.full((1, 1, 1, 1), brightness, dtype=torch.float64))
        assert found.item() == pytest.approx((math.sqrt(2) + 2) / 2 / 4, rel=1e-6)


@pytest.mark.parametrize("copies", [4, 16])
def test_published_fades_with_the_batch(copies) -> None:
    """The same images n times over: every map is 1/√n of what it was."""
    x, eps, eps_hat = images(3, 2, 2, 8, 8)
    alone = complexity_published(x)
    among = complexity_published(x.repeat(copies, 1, 1, 1))[:2]
    torch.testing.assert_close(among, alone / math.sqrt(copies), rtol=1e-7, atol=0)
    terms = [complexity_term(c, eps_hat, eps).mean() for c in (alone, among)]
    assert terms[1] / terms[0] == pytest.approx(1 / math.sqrt(copies), rel=1e-7)


def test_published_on_128_noisy_digits_is_next_to_nothing() -> None:
    """The 2e-5 of the source's setting: 128 images of 28×28, λ = 0.1, noise missed by 0.1."""
    x, eps = images(2, 128, 1, 28, 28)
    term = 0.1 * complexity_term(complexity_published(x), eps + 0.1, eps).mean()
    assert 1e-5 < term < 4e-5


def test_grey_written_in_three_channels() -> None:
    """One norm over the channels: every map, and so the term, is 1/√3 of the grey one's."""
    grey = images(2, 1, 8, 8)
    colour = grey.expand(-1, 3, -1, -1)
    expected = complexity_published(grey).expand(-1, 3, -1, -1) / math.sqrt(3)
    torch.testing.assert_close(complexity_published(colour), expected, rtol=1e-7, atol=1e-9)
    expected = complexity_normalised(grey)
    torch.testing.assert_close(complexity_normalised(colour), expected, rtol=1e-7, atol=1e-9)
    assert complexity_normalised(images(2, 3, 8, 8)).shape == (2, 1, 8, 8)


def test_normalised_of_an_edge() -> None:
    """A step between columns 3 and 4 of 8: two columns have all of the slope, 4 on average 1."""
    x = torch.zeros(1, 1, 8, 8)
    x[..., 4:] = 0.7
    expected = torch.zeros(8)
    expected[3:5] = 4.0
    torch.testing.assert_close(complexity_normalised(x)[0, 0], expected.expand(8, 8))


def test_normalised_does_not_care_for_brightness_contrast_and_neighbours() -> None:
    x = images(5, 3, 9, 7)
    expected = complexity_normalised(x)
    contrast = torch.tensor([0.01, 0.5, -1, 3, 100], dtype=torch.float64).view(-1, 1, 1, 1)
    torch.testing.assert_close(complexity_normalised(contrast * x + 0.3), expected)
    for i in range(5):
        assert torch.equal(complexity_normalised(x[i : i + 1])[0], expected[i])
    ones = torch.ones(5, dtype=torch.float64)
    torch.testing.assert_close(expected.mean((1, 2, 3)), ones)


def test_normalised_turns_with_the_image() -> None:
    x = images(2, 3, 8, 8)
    expected = complexity_normalised(x)
    for move in (lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.rot90(1, (-2, -1))):
        torch.testing.assert_close(complexity_normalised(move(x)), move(expected))


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (8, 8)])
@pytest.mark.parametrize("value", [0.0, -1.0, 0.3])
def test_a_constant_image_is_evenly_complex(size, value) -> None:
    x = torch.cat([torch.full((1, 3, *size), value), torch.rand(1, 3, *size)])
    assert torch.equal(complexity_normalised(x)[0], torch.ones(1, *size))
    assert complexity_normalised(x).isfinite().all()
    assert complexity_published(torch.zeros(2, 3, *size)).count_nonzero() == 0


def test_the_term_is_a_weighted_mean() -> None:
    eps, eps_hat, weight = images(2, 3, 4, 4), images(4, 3, 4, 4)[2:], images(2, 1, 4, 4).abs()
    each = [(weight[i] * (eps_hat[i] - eps[i]).abs()).sum() / 48 for i in range(2)]
    torch.testing.assert_close(complexity_term(weight, eps_hat, eps), torch.stack(each))
    evenly = complexity_term(torch.ones_like(weight), eps_hat, eps)
    torch.testing.assert_close(evenly, (eps_hat - eps).abs().mean((1, 2, 3)))


@pytest.mark.parametrize("form", [complexity_published, complexity_normalised])
def test_gradients_flow_through_the_prediction_alone(form) -> None:
    x = torch.zeros(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)  # the root's worst place
    eps, eps_hat = images(2, 1, 4, 4), torch.zeros(2, 1, 4, 4).double().requires_grad_()
    weight = form(x)
    assert not weight.requires_grad
    complexity_term(weight, eps_hat, eps).sum().backward()
    torch.testing.assert_close(eps_hat.grad, -weight * eps.sign() / 16)
