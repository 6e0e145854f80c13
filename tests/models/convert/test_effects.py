"""Cost and equivariance of models side by side."""

import pytest
import torch
from torch import nn

from jinc.models.convert.effects import effects, kept_bytes, sharing_weights, untrained
from jinc.models.convert.examples import Inputs
from jinc.nn.layers import AliasFreeActivation
from jinc.signal import design_jinc

INPUTS = Inputs((torch.ones(1, 3, 16, 24),))


def circular(stride: int = 1) -> nn.Module:
    return nn.Conv2d(3, 4, 3, stride, padding=1, padding_mode="circular")


def test_convolutions_follow_shifts_and_pooling_does_not() -> None:
    models = {"linear": circular(), "pooled": nn.Sequential(circular(), nn.MaxPool2d(2))}
    found = effects(models, INPUTS, rounds=1)
    assert found["linear"].half_pixel_db > 100
    assert found["pooled"].half_pixel_db < 10
    multiplications = 16 * 24 * 4 * 27
    assert found["linear"].gflop == pytest.approx(2 * multiplications / 1e9)
    assert all(each.seconds > 0 for each in found.values())


def test_fused_activations_count_as_their_steps(monkeypatch) -> None:
    layer = AliasFreeActivation(design_jinc(6, 0.25))
    found = []
    for fused in ("1", "0"):
        monkeypatch.setenv("JINC_FUSED", fused)
        found.append(effects({"": layer}, INPUTS, rounds=1)[""].gflop)
    assert found == pytest.approx([3 * 16 * 24 * 4 * 36 / 1e9] * 2)


def test_bytes_for_the_backward_pass() -> None:
    """A convolution keeps its input and its weights; nothing is counted twice."""
    layer, x = nn.Conv2d(3, 4, 1, bias=False), torch.ones(2, 3, 5, 5)
    assert kept_bytes(lambda: (layer(x), layer(x))) == 4 * (x.numel() + layer.weight.numel())


def test_models_without_maps_have_no_equivariance() -> None:
    flat = nn.Sequential(circular(), nn.Flatten())
    assert effects({"flat": flat}, INPUTS, rounds=1)["flat"].half_pixel_db is None


def test_copies_share_weights_or_draw_their_own() -> None:
    model, numbers = nn.Sequential(circular(), nn.BatchNorm2d(4)), torch.get_rng_state()
    shared, twin = sharing_weights(model), untrained(model)
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(a is b for a, b in zip(shared.parameters(), model.parameters(), strict=True))
    assert shared[1].running_mean is model[1].running_mean
    assert not torch.equal(twin[0].weight, model[0].weight)
    assert torch.equal(untrained(model)[0].weight, twin[0].weight)
