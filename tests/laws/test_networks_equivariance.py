"""How networks other than the published one move, turn and mirror with their images."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from jinc.nn import CS180UNet, Network, ResUNet, UNet, parse_config
from jinc.nn.resblocks import linear_downsample, linear_upsample
from jinc.signal import shift

CORRECT = ("D@2", "D@6", "D@12", "D@ideal", "D+plain@6")
MIXED = ("D@12,D@6/0.2,B@6", "B@6,D@ideal,D+plain@12")
"""Another correct design at each level."""


def residual(name: str, **arguments) -> Network:
    return ResUNet(name, width=16, padding="circular", **arguments)


def course(name: str, **arguments) -> Network:
    return CS180UNet(name, channels=3, width=16, image_size=32, padding="circular", **arguments)


@torch.no_grad()
def shaken(
    make: Callable[..., Network], name: str, seed: int = 0, size: int = 32, **arguments
) -> Network:
    """A random network without silent branches; its batch norms have seen noise."""
    torch.manual_seed(seed)
    network = make(name, **arguments)
    for value in network.parameters():
        if not value.any():
            value.normal_(std=value[0].numel() ** -0.5)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # what one batch shows is all that is remembered
    if norms:
        network(torch.randn(8, 3, size, size), torch.arange(8))
    return network.eval()


@torch.no_grad()
def equivariance_db(
    make: Callable[..., Network], name: str, pixels: float, seeds: int = 1
) -> float:
    """PSNR of f(shift x) against shift f(x), the output's range as peak, mean over networks."""
    total = 0.0
    for seed in range(seeds):
        network = shaken(make, name, seed)
        x, t = torch.randn(4, 3, 32, 32), torch.tensor([10, 80, 200, 299])
        expected = shift(network(x, t), 0.0, pixels)
        error = (network(shift(x, 0.0, pixels), t) - expected).square().mean()
        peak = expected.max() - expected.min()
        total += (20 * peak.log10() - 10 * error.log10()).item()
    return total / seeds


@pytest.mark.parametrize(
    ("make", "name", "least", "most"),
    [
        (residual, "A", 31, 36),
        (residual, "B@6", 31, 36),
        (residual, "C@6", 47, 52),
        (residual, "D@6", 49, 54),
        (residual, "D@12", 49, 54),
        (course, "A", 15, 20),
        (course, "D@6", 31, 37),
        (course, "D@12", 31, 37),
    ],
)
def test_half_a_pixel(make, name, least, most) -> None:
    """Most of the residual network's gain is in its activations: its baseline is linear already."""
    seeds = 1 if make is residual else 3
    assert least <= equivariance_db(make, name, 0.5, seeds) <= most


@pytest.mark.parametrize("name", ["A", "D-2N", "D@6", "D@ideal", MIXED[1]])
def test_a_pixel_of_the_deepest_level_is_exact(name) -> None:
    """Eight pixels are one at the deepest of four levels, where attention knows no places."""
    assert equivariance_db(residual, name, 8) > 120


def symmetries(x: torch.Tensor) -> list[torch.Tensor]:
    return [x.flip(-1), x.flip(-2), x.mT, *(x.rot90(k, (-2, -1)) for k in (1, 2, 3))]


@torch.no_grad()
def symmetric(network: Network) -> Network:
    """Make every kernel look the same from all sides."""
    for value in network.double().parameters():
        if value.ndim == 4:
            turned = [value, *symmetries(value), value.mT.rot90(2, (-2, -1))]
            value.copy_(torch.stack(turned).mean(0))
    return network


@torch.no_grad()
def asymmetry(network: Network, size: int = 32) -> float:
    x, t = torch.randn(2, 3, size, size, dtype=torch.float64), torch.tensor([10, 299])
    turned = [network(each, t) for each in symmetries(x)]
    pairs = zip(turned, symmetries(network(x, t)), strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs)


PADDINGS = ("zeros", "reflect", "circular")


@pytest.mark.parametrize(
    ("make", "name", "padding"),
    [
        *((ResUNet, name, PADDINGS[i % 3]) for i, name in enumerate((*CORRECT, *MIXED))),
        *((CS180UNet, name, PADDINGS[i % 3]) for i, name in enumerate((*MIXED, *CORRECT))),
        *((UNet, MIXED[0], padding) for padding in PADDINGS),
        (UNet, MIXED[1], "reflect"),
    ],
)
def test_symmetric_kernels_make_symmetric_networks(make, name, padding) -> None:
    """What stands between the convolutions prefers no side, in all of a network."""
    shape = (1, 2, 2) if name in MIXED else (1, 2)
    sizes = {
        ResUNet: {"multipliers": shape, "blocks": 1},
        CS180UNet: {"image_size": 16},
        UNet: {"levels": 3},
    }
    network = shaken(make, name, size=16, width=8, channels=3, padding=padding, **sizes[make])
    assert asymmetry(symmetric(network), size=16) < 1e-10


def test_the_baselines_differ_in_that() -> None:
    """Means and repetitions are symmetric; a strided convolution begins at a corner."""
    assert asymmetry(symmetric(shaken(residual, "A"))) < 1e-10
    assert asymmetry(symmetric(shaken(course, "A"))) > 1e-3


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize("name", ["A", "C@6", *CORRECT])
def test_the_ways_up_and_down_are_linear_and_transposed(name, padding) -> None:
    """The way down is a quarter of the transpose of the way up, for the baseline as well."""
    config = parse_config(name)
    up, down = (f(config, padding).double() for f in (linear_upsample, linear_downsample))
    x, y = torch.randn(1, 2, 6, 6).double(), torch.randn(1, 2, 12, 12).double()
    torch.testing.assert_close((up(x) * y).sum(), 4 * (down(y) * x).sum())
    torch.testing.assert_close(up(x - 3 * down(y)), up(x) - 3 * up(down(y)))
