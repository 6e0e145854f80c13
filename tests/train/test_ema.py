"""The average is the recursion of its definition."""

import pytest
import torch

from jinc.nn import UNet
from jinc.train import Ema


@pytest.fixture
def network() -> UNet:
    torch.manual_seed(0)
    return UNet("A", channels=1, width=4, levels=1)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_it_follows_its_recursion(network, decay) -> None:
    ema = Ema(network, decay)
    expected = {name: w.double().clone() for name, w in network.state_dict().items()}
    for step in range(1, 31):
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(torch.randn_like(weight))
        ema.update(step)
        d = min(decay, step / (step + 9))
        for name, weight in network.state_dict().items():
            expected[name] = d * expected[name] + (1 - d) * weight.double()
    for name, average in ema.network.state_dict().items():
        assert (average - expected[name]).abs().max() < 1e-5


def test_decay_0_is_the_network_itself(network) -> None:
    ema = Ema(network, 0.0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_()
    ema.update(1)
    for average, weight in zip(ema.network.parameters(), network.parameters(), strict=True):
        assert torch.equal(average, weight)


def test_a_network_at_rest_stays_its_average(network) -> None:
    ema = Ema(network, 0.99)
    for step in range(1, 50):
        ema.update(step)
    for average, weight in zip(ema.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(average, weight, rtol=0, atol=1e-7)


def test_it_shares_no_memory_and_wants_no_gradient(network) -> None:
    ema = Ema(network, 0.9)
    before = [w.clone() for w in ema.network.parameters()]
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    for average, old in zip(ema.network.parameters(), before, strict=True):
        assert torch.equal(average, old)
        assert not average.requires_grad
    assert not ema.network.training
    assert all(weight.requires_grad for weight in network.parameters())
