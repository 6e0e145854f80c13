"""Half-pixel shifts of a random U-Net, the figures of the design: baseline, published, correct."""

import pytest
import torch

from jinc.nn import UNet
from jinc.signal import shift


@torch.no_grad()
def equivariance_db(name: str, pixels: float, seeds: int = 1) -> float:
    """PSNR of f(shift x) against shift f(x), the output's range as peak, mean over networks."""
    total = 0.0
    for seed in range(seeds):
        torch.manual_seed(seed)
        network = UNet(name, padding="circular").eval()
        x, t = torch.randn(4, 3, 32, 32), torch.tensor([100, 300, 600, 900])
        expected = shift(network(x, t), 0.0, pixels)
        error = (network(shift(x, 0.0, pixels), t) - expected).square().mean()
        peak = expected.max() - expected.min()
        total += (20 * peak.log10() - 10 * error.log10()).item()
    return total / seeds


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("A", 19, 23),
        ("D-2N", 27, 30),
        ("D+plain@12", 37, 42),
        ("D+plain@6", 37, 42),
        ("D@12", 34, 39),
        ("D@6", 34, 39),
        ("D@12/0.2", 45, 50),
        ("D@12,D@6", 34, 39),
        ("B@6,D@6", 20, 25),
    ],
)
def test_half_a_pixel(name, least, most) -> None:
    """A lower cutoff leaves room for the filter's slope; one level unfiltered undoes the others."""
    assert least <= equivariance_db(name, 0.5) <= most


@pytest.mark.parametrize("name", ["D-2N", "D@6", "D@ideal"])
def test_a_pixel_of_the_deepest_level_is_exact(name) -> None:
    """Eight pixels are one at the deepest level: there is no finer grid to stick to.

    Not so for A, whose bilinear upsampling stretches corner to corner.
    """
    assert equivariance_db(name, 8) > 100
