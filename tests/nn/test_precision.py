"""Networks in half precision, and compiled: they give what they give in fp32, but rounded."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from jinc.nn import Network, ResUNet, UNet

NAMES = ("A", "B@6", "C@6", "D@6", "D@12", "D@ideal", "D-2N")
KINDS = {
    "unet": lambda name: UNet(name, width=8, levels=1),
    "resunet": lambda name: ResUNet(name, width=8, multipliers=(1, 2), blocks=1),
}


@pytest.fixture
def network(kind: str, name: str) -> Network:
    torch.manual_seed(0)
    made: Network = KINDS[kind](name)
    for weight in made.parameters():
        if not weight.any():  # a branch that starts at zero would hide its errors
            torch.nn.init.normal_(weight, std=0.1)
    return made


def output_and_gradient(network: Network, call: Callable[..., Tensor]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x_t, direction = torch.randn(2, 2, 3, 8, 8, generator=generator)
    network.zero_grad()
    output = call(x_t, torch.tensor([3, 700])).float()
    (output * direction).mean().backward()
    gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    return output.detach(), torch.cat(gradients)


def compiled(network: Network, **options: object) -> Callable[..., Tensor]:
    torch.compiler.reset()  # of networks of one class only so many are kept
    return torch.compile(network, **options)


def distance(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize(
    ("kind", "precision", "name"),
    [
        *(("unet", torch.bfloat16, name) for name in NAMES),
        *(("resunet", torch.float16, name) for name in NAMES),
        ("unet", torch.float16, "D@6"),
        ("resunet", torch.bfloat16, "D@6"),
    ],
)
def test_half_precision_is_off_by_a_few_roundings(network, precision) -> None:
    exact, exact_gradient = output_and_gradient(network, network)
    with torch.autocast("cpu", precision):
        output, gradient = output_and_gradient(network, network)
    rounding = torch.finfo(precision).eps
    assert 0.1 * rounding < distance(output, exact) < 5 * rounding
    assert distance(gradient, exact_gradient) < 12 * rounding


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_networks_are_one_graph_without_python(network) -> None:
    traced = compiled(network, backend="aot_eager", fullgraph=True)
    expected = output_and_gradient(network, network)
    torch.testing.assert_close(output_and_gradient(network, traced), expected, rtol=0, atol=1e-5)


# Each takes a minute to compile, so one for each way of resampling.
@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")  # torch's own use
@pytest.mark.filterwarnings("ignore:Torchinductor does not support code generation for complex")
@pytest.mark.parametrize(("kind", "name"), [("unet", "D@6"), ("resunet", "A"), ("unet", "D@ideal")])
def test_compiled_networks_give_the_same(network) -> None:
    expected = output_and_gradient(network, network)
    found = output_and_gradient(network, compiled(network))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
