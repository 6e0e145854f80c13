"""What a layer promises: no parameters, no keys, and the function behind it."""

import pytest
import torch
import torch.nn.functional as F

from jinc.nn import AliasFreeActivation, AliasFreeDownsample, AliasFreeUpsample, parse_config
from jinc.nn.layers import make_activation, make_downsample, make_upsample
from jinc.signal import design_jinc, downsample, filtered_activation, upsample

NAMES = ("A", "B@6", "C@6", "D@12", "D@ideal", "D-2N", "D+plain@6")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [make_upsample, make_downsample, make_activation])
def test_layers_add_nothing_to_a_state_dict(make, name) -> None:
    layer = make(parse_config(name), "zeros")
    assert not list(layer.parameters())
    assert not layer.state_dict()


@pytest.mark.parametrize("name", NAMES)
def test_layers_change_the_size_as_their_names_say(name) -> None:
    config, x = parse_config(name), torch.randn(2, 3, 8, 4)
    assert make_upsample(config, "zeros")(x).shape == (2, 3, 16, 8)
    assert make_downsample(config, "zeros")(x).shape == (2, 3, 4, 2)
    assert make_activation(config, "zeros")(x).shape == x.shape


def test_layers_are_their_functions() -> None:
    kernel, x = design_jinc(6, 0.25).float(), torch.randn(2, 3, 8, 8)
    up = AliasFreeUpsample(kernel, padding="reflect")
    down = AliasFreeDownsample(kernel, padding="reflect")
    act = AliasFreeActivation(kernel, F.silu, kappa=0.3, padding="reflect")
    torch.testing.assert_close(up(x), upsample(x, kernel, padding="reflect"))
    torch.testing.assert_close(down(x), downsample(x, kernel, padding="reflect"))
    expected = filtered_activation(x, kernel, F.silu, kappa=0.3, padding="reflect")
    torch.testing.assert_close(act(x), expected)


def test_norm_inside_acts_before_the_nonlinearity() -> None:
    kernel, x = design_jinc(6, 0.25).float(), torch.randn(2, 3, 8, 8)
    norm = torch.nn.GroupNorm(1, 3)
    act = AliasFreeActivation(kernel, kappa=0.0)
    u = upsample(x, kernel)
    torch.testing.assert_close(act(x, norm), downsample(F.gelu(norm(u)), kernel))


def test_taps_follow_the_module() -> None:
    layer = AliasFreeUpsample(design_jinc(6, 0.25)).double()
    assert layer.kernel.dtype == torch.float64
