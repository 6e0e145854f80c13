"""The memory of training is predicted before it is taken."""

import gc
from dataclasses import replace

import psutil
import pytest
import torch

from jinc.errors import JincError
from jinc.nn import UNet
from jinc.train import TrainConfig, check_settings
from jinc.train.memory import training_bytes


def test_a_linear_law_of_the_batch(digits) -> None:
    with torch.device("meta"):
        network = UNet("A", channels=1, width=8, levels=1)
    weights = sum(weight.nbytes for weight in network.parameters())
    one, two, four = (
        training_bytes(network, (8, 8), TrainConfig(batch_size=n, ema_decay=(0.9, 0.99)))
        for n in (1, 2, 4)
    )
    assert four - two == 2 * (two - one)
    assert one - (two - one) == 6 * weights
    halves = TrainConfig(batch_size=4, accumulation=2, ema_decay=(0.9, 0.99))
    assert training_bytes(network, (8, 8), halves) == two


@pytest.mark.parametrize("config", ["A", "D@6"])
def test_predicted_memory_is_what_autograd_saves(config) -> None:
    """Counted on the CPU by the tensors themselves, each storage once."""
    batch = 8
    with torch.device("meta"):
        twin = UNet(config, channels=1, width=8, levels=1)
    asked = TrainConfig(batch_size=batch, ema_decay=())
    predicted = training_bytes(twin, (16, 16), asked) - 4 * sum(w.nbytes for w in twin.parameters())
    network = UNet(config, channels=1, width=8, levels=1)
    ours = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    held: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in ours:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    gc.collect()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(torch.zeros(batch, 1, 16, 16), torch.zeros(batch, dtype=torch.long))
    assert 0.5 < predicted / sum(held.values()) < 2


def test_a_network_that_is_too_large_is_an_error_before_it_is_built(digits) -> None:
    before = psutil.Process().memory_info().rss
    tiny = TrainConfig(config="A", levels=1, batch_size=4, device="cpu")
    for change in ({"width": 4096, "levels": 3}, {"batch_size": 65_536, "width": 2048}):
        with pytest.raises(JincError, match=r"training would take [\d,.]+ GiB of memory, .* free"):
            check_settings(replace(tiny, **change), digits)
    assert psutil.Process().memory_info().rss - before < 2**28
    check_settings(replace(tiny, width=4), digits)
