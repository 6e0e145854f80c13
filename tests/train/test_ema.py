"""The average is the recursion of its definition."""

import pytest
import torch

from jinc.nn import CS180UNet, UNet
from jinc.train import Ema

TAKEN, SKIPPED = torch.tensor(True), torch.tensor(False)


@pytest.fixture
def network() -> UNet:
    torch.manual_seed(0)
    return UNet("A", channels=1, width=4, levels=1)


def shake(network: torch.nn.Module) -> None:
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight))


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_it_follows_its_recursion(network, decay) -> None:
    ema = Ema(network, decay)
    expected = {name: w.double().clone() for name, w in network.state_dict().items()}
    for step in range(1, 31):
        shake(network)
        ema.update(step, TAKEN)
        d = min(decay, step / (step + 9))
        for name, weight in network.state_dict().items():
            expected[name] = d * expected[name] + (1 - d) * weight.double()
    for name, average in ema.network.state_dict().items():
        assert (average - expected[name]).abs().max() < 1e-5


def test_buffers_outside_the_state_dict_are_not_copied() -> None:
    network = UNet("D@6", channels=1, width=4, levels=1)
    ema = Ema(network, 0.9)
    saved = network.state_dict()
    taps = [buffer for name, buffer in ema.network.named_buffers() if name not in saved]
    assert taps
    for each in taps:
        each.fill_(7.0)
    ema.update(1, TAKEN)
    assert all((each == 7).all() for each in taps)


def test_decay_0_follows_the_network(network) -> None:
    ema = Ema(network, 0.0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_()
    ema.update(1, TAKEN)
    for average, weight in zip(ema.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(average, weight, rtol=1e-6, atol=1e-7)


def test_a_skipped_step_changes_nothing(network) -> None:
    ema = Ema(network, 0.9)
    shake(network)
    ema.update(1, TAKEN)
    before = {name: w.clone() for name, w in ema.network.state_dict().items()}
    shake(network)
    ema.update(2, SKIPPED)
    for name, average in ema.network.state_dict().items():
        assert torch.equal(average, before[name])


def test_a_constant_network_is_its_average(network) -> None:
    ema = Ema(network, 0.99)
    for step in range(1, 50):
        ema.update(step, TAKEN)
    for average, weight in zip(ema.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(average, weight, rtol=0, atol=1e-7)


def test_it_shares_no_memory_and_needs_no_gradient(network) -> None:
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


def test_running_means_are_copied_and_not_averaged() -> None:
    """They are averages already; and whole numbers, as a count of batches, have no average."""
    network = CS180UNet(channels=1, width=2, image_size=8)
    ema = Ema(network, 0.999)
    for step in range(1, 4):
        network(torch.randn(3, 1, 8, 8), torch.zeros(3))
        ema.update(step, TAKEN)
    buffers = dict(network.named_buffers())
    assert any(name.endswith("num_batches_tracked") for name in buffers)
    for name, copy in ema.network.named_buffers():
        assert torch.equal(copy, buffers[name])
        assert copy is not buffers[name]


def test_a_given_average_continues(network) -> None:
    """What a resumed run does: the average is given, and moves as it would have."""
    one = Ema(network, 0.9)
    shake(network)
    one.update(1, TAKEN)
    average = UNet("A", channels=1, width=4, levels=1)
    average.load_state_dict(one.network.state_dict())
    two = Ema(network, 0.9, average)
    shake(network)
    for ema in (one, two):
        ema.update(2, TAKEN)
    found = two.network.state_dict()
    assert two.network is average
    assert all(torch.equal(w, found[name]) for name, w in one.network.state_dict().items())
