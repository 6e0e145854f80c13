"""Laws of the correct layers: constants stay, nothing drifts, symmetries are kept."""

import math
from itertools import product

import pytest
import torch

from jinc.nn import parse_config
from jinc.nn.layers import make_activation, make_downsample, make_upsample

CORRECT = [f"D@{taps}" for taps in range(2, 16, 2)] + ["D@ideal", "D+plain@6", "D+plain@12"]
LAYERS = {"up": make_upsample, "down": make_downsample, "activation": make_activation}


def layer(kind: str, name: str, padding: str = "circular") -> torch.nn.Module:
    return LAYERS[kind](parse_config(name), padding).double()


def noise(*size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.mark.parametrize("padding", ["circular", "reflect"])
@pytest.mark.parametrize("name", CORRECT)
def test_a_constant_comes_back(name, padding) -> None:
    ones = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    for kind in ("up", "down"):
        y = layer(kind, name, padding)(ones)
        torch.testing.assert_close(y, torch.ones_like(y), rtol=0, atol=1e-6)
    activated = layer("activation", name, padding)(ones)
    gelu = torch.nn.functional.gelu(ones)
    torch.testing.assert_close(activated, gelu, rtol=0, atol=1e-6)


def test_the_published_activation_does_not_give_constants_back() -> None:
    ones = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    centre = layer("activation", "D-2N")(ones)[0, 0, 4, 4].item()
    assert centre == pytest.approx(0.17, abs=0.01)


def centroid_drift(x: torch.Tensor, y: torch.Tensor) -> float:
    """How far y's centre of mass stands from x's along both axes, pixels."""
    place = torch.arange(x.shape[-1], dtype=torch.float64)
    drift = 0.0
    for dim in (-1, -2):
        mean = [float((m.sum(dim) * place).sum() / m.sum()) for m in (x[0, 0], y[0, 0])]
        drift = max(drift, abs(mean[1] - mean[0]))
    return drift


@pytest.mark.parametrize("name", CORRECT)
def test_up_and_down_leave_things_where_they_are(name) -> None:
    place = torch.arange(32, dtype=torch.float64)
    line = torch.exp(-((place - 14.3) ** 2) / 8)
    blob = (line[:, None] * line[None, :])[None, None]
    returned = layer("down", name)(layer("up", name)(blob))
    assert centroid_drift(blob, returned) < 1e-6


def test_published_even_taps_drift() -> None:
    place = torch.arange(32, dtype=torch.float64)
    line = torch.exp(-((place - 15.5) ** 2) / 8)
    blob = (line[:, None] * line[None, :])[None, None]
    returned = layer("down", "D-1N/6")(layer("up", "D-1N/6")(blob))
    assert centroid_drift(blob, returned) == pytest.approx(0.5, abs=0.01)


def symmetries(x: torch.Tensor) -> list[torch.Tensor]:
    return [x.flip(-1), x.flip(-2), x.mT, *(x.rot90(k, (-2, -1)) for k in (1, 2, 3))]


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", CORRECT)
def test_layers_commute_with_the_symmetries_of_the_square(name, dtype, atol) -> None:
    x = noise(12, 12, dtype=dtype)
    for kind, padding in product(LAYERS, ("circular", "reflect", "zeros")):
        f = layer(kind, name, padding).to(dtype)
        for turned, expected in zip(symmetries(x), symmetries(f(x)), strict=True):
            torch.testing.assert_close(f(turned), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("name", CORRECT)
def test_layers_commute_with_whole_shifts(name, kind) -> None:
    f, x = layer(kind, name), noise(12, 12)
    scale = {"up": 2, "down": 0.5, "activation": 1}[kind]
    moved = f(x).roll((round(4 * scale), round(-2 * scale)), (-2, -1))
    torch.testing.assert_close(f(x.roll((4, -2), (-2, -1))), moved, rtol=0, atol=1e-12)


@pytest.mark.parametrize("taps", [4, 6, 12])
def test_a_mirrored_edge_is_a_mirrored_image(taps) -> None:
    """Under `reflect` a layer does what it does, under `circular`, to the image and its mirrors."""
    x = noise(6, 6)
    mirrored = torch.cat([x, x.flip(-1)], -1)
    mirrored = torch.cat([mirrored, mirrored.flip(-2)], -2)
    for kind in LAYERS:
        y = layer(kind, f"D@{taps}", "reflect")(x)
        whole = layer(kind, f"D@{taps}", "circular")(mirrored)
        torch.testing.assert_close(y, whole[..., : y.shape[-2], : y.shape[-1]], rtol=0, atol=1e-12)


@pytest.mark.parametrize("taps", [4, 6, 12])
def test_down_is_the_transpose_of_up(taps) -> None:
    x, y = noise(6, 6), noise(12, 12)
    for padding in ("zeros", "circular"):
        up = (layer("up", f"D@{taps}", padding)(x) * y).sum()
        down = 4 * (layer("down", f"D@{taps}", padding)(y) * x).sum()
        torch.testing.assert_close(up, down)


@pytest.mark.parametrize(("name", "loss_db"), [("D@12", -40), ("D@6", -26)])
def test_a_wave_above_the_cutoff_dies(name, loss_db) -> None:
    """In any direction, from 1.5 × the cutoff on: the way down leaves ≤ the promised share."""
    place = torch.arange(64, dtype=torch.float64)
    for k, j in ((24, 0), (0, 31), (17, 17), (24, 10), (31, 31)):
        wave = torch.cos(2 * math.pi * (k * place[:, None] + j * place[None, :]) / 64)
        left = layer("down", name)(wave[None, None])
        assert 20 * math.log10(left.abs().max().item() + 1e-12) <= loss_db
