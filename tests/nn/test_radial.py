"""Radial convolutions: quarter turns and flips exactly, other angles as far as the grid allows."""

import math

import pytest
import torch

from jinc.nn import ResUNet, UNet
from jinc.nn.radial import RadialConv, radial_basis
from jinc.signal import rotate

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
            torch.nn.init.normal_(weight, std=1 / math.sqrt(weight[0].numel()))
    return made.eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padding", ["zeros", "reflect", "circular"])
@torch.no_grad()
def test_a_network_commutes_with_quarter_turns_and_flips(kind: str, padding: str) -> None:
    x, t = torch.randn(1, 1, 16, 16), torch.tensor([300])
    radial, free = network(kind, "R@6", padding), network(kind, "D@6", padding)
    for move in (lambda x: x.rot90(1, (-2, -1)), lambda x: x.flip(-1), lambda x: x.flip(-2)):
        expected = move(radial(x, t))
        torch.testing.assert_close(radial(move(x), t), expected, rtol=0, atol=1e-5)
        assert expected.std() > 0.02
    assert (free(x.flip(-1), t) - free(x, t).flip(-1)).abs().max() > 1e-2


def test_kernels_look_alike_from_every_side() -> None:
    """The response on a circle of frequencies varies little, by less than free kernels' do."""
    basis = radial_basis(torch.float64, torch.device("cpu"))
    torch.testing.assert_close(basis.sum((1, 2)), torch.ones(4, dtype=torch.float64))
    angle = torch.arange(0, 90, 3) * (math.pi / 180)
    place = torch.arange(-2, 3, dtype=torch.float64)
    for frequency, decibels in ((0.125, 65), (0.25, 45), (0.375, 25)):
        waves = 2j * math.pi * frequency * torch.stack([angle.sin(), angle.cos()])
        rows, columns = (torch.exp(each[:, None] * place) for each in waves)
        response = torch.einsum("ay,ax,myx->ma", rows, columns, basis + 0j).real
        spread = response.std(1) / response.abs().amax(0).max()
        assert (20 * spread[1:].log10() < -decibels + 20).all(), (frequency, 20 * spread.log10())


def test_it_is_a_convolution_with_the_sum_of_its_functions() -> None:
    layer = RadialConv(2, 3, "zeros", bias=True).double()
    x = torch.zeros(1, 2, 7, 7, dtype=torch.float64)
    x[0, 1, 3, 3] = 1
    basis = radial_basis(torch.float64, torch.device("cpu"))
    expected = torch.einsum("om,mhw->ohw", layer.weight[:, 1], basis)
    found = layer(x)[0, :, 1:6, 1:6] - layer.bias[:, None, None]
    torch.testing.assert_close(found, expected)


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
