"""Radial convolutions: quarter turns and flips exactly, other angles as far as the grid allows."""

import math

import pytest
import torch

from jinc.nn import ResUNet, UNet
from jinc.nn.radial import RADIUS, RadialConv, gaussians
from jinc.signal import extend, rotate

KINDS = {
    "unet": lambda config, padding: UNet(config, channels=1, width=8, levels=2, padding=padding),
    "resunet": lambda config, padding: ResUNet(
        config, channels=1, width=8, multipliers=(1, 2), blocks=1, padding=padding, head_channels=8
    ),
}


def network(kind: str, config: str, padding: str = "zeros") -> torch.nn.Module:
    """Return a network whose weights are all random, those that start at zero too."""
    torch.manual_seed(0)
    made = KINDS[kind](config, padding)
    for weight in made.parameters():
        if weight.ndim > 1:
            inputs = weight[..., 0].numel() if weight.ndim == 3 else weight[0].numel()
            torch.nn.init.normal_(weight, std=1 / math.sqrt(inputs))
    return made.eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padding", ["zeros", "reflect", "circular"])
@torch.no_grad()
def test_a_network_commutes_with_quarter_turns_and_flips(kind: str, padding: str) -> None:
    x, t = torch.randn(1, 1, 16, 16), torch.tensor([300])
    radial, free = network(kind, "R@6", padding), network(kind, "D+5x5@6", padding)
    symmetric = network(kind, "D+symmetric@6", padding)
    for move in (lambda x: x.rot90(1, (-2, -1)), lambda x: x.flip(-1), lambda x: x.flip(-2)):
        expected = move(radial(x, t))
        torch.testing.assert_close(radial(move(x), t), expected, rtol=0, atol=1e-5)
        assert expected.std() > 0.02
        expected = move(symmetric(x, t))
        torch.testing.assert_close(symmetric(move(x), t), expected, rtol=0, atol=1e-5)
    assert (free(x.flip(-1), t) - free(x, t).flip(-1)).abs().max() > 1e-2


def kernels() -> torch.Tensor:
    """Return the delta and the Gaussians, `[4, 11, 11]`."""
    lines = gaussians(2 * RADIUS + 1, "zeros", torch.float64, torch.device("cpu"))[:, RADIUS]
    delta = torch.zeros(1, 2 * RADIUS + 1, 2 * RADIUS + 1, dtype=torch.float64)
    delta[0, RADIUS, RADIUS] = 1
    return torch.cat([delta, torch.einsum("my,mx->myx", lines, lines)])


def worst_isotropy(kernels: torch.Tensor) -> float:
    """Return the least isotropy of all sums of kernels, dB.

    It is the power of a response below 0.5 cycles per pixel over that of its deviation from the
    mean at each radius.
    """
    n = 256
    line = torch.fft.fftfreq(n, dtype=torch.float64)
    radius = torch.hypot(line[:, None], line)
    inside, ring = radius <= 0.5, (radius * n).round().long()
    padded = torch.nn.functional.pad(kernels, (0, n - 11, 0, n - 11)).roll((-5, -5), (1, 2))
    response = torch.fft.fft2(padded).real
    held = ring.flatten().bincount().double()
    rings = torch.zeros(len(kernels), len(held), dtype=torch.float64)
    mean = rings.index_add(1, ring.flatten(), response.flatten(1)) / held
    whole, off = response[:, inside], (response - mean[:, ring])[:, inside]
    root = torch.linalg.inv(torch.linalg.cholesky(whole @ whole.T))
    return -10 * math.log10(torch.linalg.eigvalsh(root @ off @ off.T @ root.T)[-1])


def test_every_kernel_looks_alike_from_all_sides() -> None:
    """The symmetries of the square alone do not make a kernel isotropic."""
    radial = kernels()
    torch.testing.assert_close(radial.sum((1, 2)), torch.ones(4, dtype=torch.float64))
    square = torch.zeros(3, 11, 11, dtype=torch.float64)
    square[0, 5, 5] = 1
    square[1, 4:7:2, 5] = square[1, 5, 4:7:2] = 1
    square[2, 4:7:2, 4:7:2] = 1
    assert worst_isotropy(radial) > 18 > 1 > worst_isotropy(square)


@pytest.mark.parametrize("size", [6, 9])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "circular"])
def test_it_is_a_convolution_with_the_sum_of_its_functions(size: int, padding: str) -> None:
    """On small and on large maps, with any padding."""
    layer = RadialConv(2, 3, padding, bias=True).double()
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 2, size, size + 1, dtype=torch.float64)
    weight = torch.einsum("mio,mhw->oihw", layer.weight, kernels())
    expected = torch.nn.functional.conv2d(extend(x, RADIUS, RADIUS, padding), weight, layer.bias)
    torch.testing.assert_close(layer(x), expected)


@torch.no_grad()
def test_a_network_follows_other_rotations_better_than_one_with_free_kernels() -> None:
    x, t = torch.zeros(1, 1, 32, 32), torch.tensor([300])
    x[..., 10:20, 13:18] = 1
    x = rotate(x, 0.1)

    def error(config: str) -> float:
        made = network("unet", config)
        moved = rotate(made(x, t), 0.5)
        return float((made(rotate(x, 0.5), t) - moved).square().mean() / moved.square().mean())

    assert error("R@12") < error("D@12") / 4
