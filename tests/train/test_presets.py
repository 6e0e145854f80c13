"""Every preset can be trained, and what it is going to cost is counted right."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import psutil
import pytest
import torch

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.nn import CS180UNet, ResUNet, UNet
from jinc.train import (
    PRESET_COSTS,
    PRESETS,
    check_settings,
    count_network,
    find_preset,
    forward_gflop,
    measure,
    preset_image,
)

CLASSED = {"digits", "mnist-class"}


@pytest.mark.parametrize("name", PRESETS)
def test_networks_take_the_images_at_the_listed_costs(name) -> None:
    config = find_preset(name)
    channels, size = preset_image(config)
    classes = 10 if config.conditional else 0
    parameters, gflop = count_network(config, channels, (size, size), classes)
    assert PRESET_COSTS[name] == (parameters, pytest.approx(gflop, rel=1e-3))
    assert config.conditional == (name in CLASSED)
    sides = {size >> level for level in range(len(config.multipliers))}
    if config.network == "resunet":
        assert set(config.attention) <= sides


@pytest.mark.parametrize(
    "name", ["digits", "mnist", "mnist-class", "mnist-denoiser", "microscopy", "upright"]
)
def test_no_settings_contradict_one_another(name) -> None:
    config = replace(find_preset(name), device="cpu")
    size, rng = config.image_size, np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, size, size, config.channels or 1), dtype=np.uint8)
    names = tuple("0123456789")
    check_settings(config, ImageSet(pixels, np.arange(20) % 10, names, "noise"))


def test_grids_and_checkpoints_come_before_the_end() -> None:
    """For data sets of a usual size, there is something to see and to go on from."""
    for name, config in PRESETS.items():
        total = config.total_steps({"digits": 1797}.get(name, 30_000))
        assert config.checkpoint_every < total, name
        assert config.warmup < total / 2, name
        assert config.sample_every < total, name


def test_an_unknown_name_has_a_suggestion() -> None:
    assert find_preset("digits") is PRESETS["digits"]
    with pytest.raises(JincError, match="unknown preset 'mnits'; did you mean mnist"):
        find_preset("mnits")
    with pytest.raises(JincError, match=r"there are digits, .*celeba") as caught:
        find_preset("zzzz")
    assert "\n" not in str(caught.value)


def conv(ins: int, outs: int, side: int, taps: int = 9) -> int:
    return 2 * ins * outs * taps * side**2


def test_operations_are_those_counted_by_hand() -> None:
    """The CS180 network, which has no attention and whose classes nobody asks for."""
    D, N, T = 4, 8, 300
    network = CS180UNet("A", channels=1, width=D, image_size=N, timesteps=T)
    half, quarter = N // 2, N // 4

    def block(ins: int, outs: int, side: int) -> int:
        return conv(ins, outs, side) + conv(outs, outs, side)

    down = conv(D, D, half) + block(D, D, half) + conv(D, 2 * D, quarter)
    down += block(2 * D, 2 * D, quarter)
    spread = 2 * (2 * D) ** 2 * quarter**2  # one vector to quarter × quarter places
    told = sum(2 * (C + C * C) for C in (2 * D, D))
    up = conv(4 * D, D, quarter, 16) + block(D, D, half)  # 16 taps for each pixel that comes in
    up += conv(2 * D, D, half, 16) + block(D, D, N)
    ends = block(1, D, N) + block(2 * D, D, N) + conv(D, 1, N)
    expected = down + spread + told + up + ends
    assert forward_gflop(network, (N, N)) * 1e9 == pytest.approx(expected, rel=1e-12)


def test_twice_the_side_is_four_times_the_convolutions() -> None:
    with torch.device("meta"):
        settings = {"channels": 3, "width": 8, "multipliers": (1, 2), "attention_levels": ()}
        network = ResUNet("A", **settings)

    def without_products(side: int) -> float:
        """Leave out the products of attention in the middle: two, 16 wide, at half the side."""
        return forward_gflop(network, (side, side)) * 1e9 - 2 * 2 * 16 * (side // 2) ** 4

    once, twice = map(without_products, (32, 64))
    told = once - (twice - once) / 3  # what does not grow is the embedding of the step
    attend = set(network.middle[0].attend.modules())
    linear = [m for m in network.modules() if isinstance(m, torch.nn.Linear) and m not in attend]
    assert told == pytest.approx(sum(2 * m.weight.numel() for m in linear), rel=1e-6)


def test_attention_grows_with_the_square_of_the_pixels() -> None:
    with torch.device("meta"):
        network = UNet("A", channels=1, width=64, levels=1)
    sides = [forward_gflop(network, (side, side)) for side in (16, 32, 64)]
    # Differences of f(n) = a + b n² + c n⁴ at n, 2n, 4n: the quartic part is what 4 leaves over.
    quartic = (sides[2] - sides[1]) - 4 * (sides[1] - sides[0])
    maps = {8: 64, 16: 64}  # one attention at half the side, one at all of it
    per_n4 = sum(4 * width * (side / 16) ** 4 for side, width in maps.items())
    assert quartic * 1e9 == pytest.approx(per_n4 * (64**4 - 5 * 32**4 + 4 * 16**4), rel=1e-6)


def test_operations_do_not_depend_on_the_device() -> None:
    """Kernels differ: the CPU pads narrow heads, and its attention goes uncounted."""
    here = UNet("D@6", channels=1, width=4, levels=1)
    with torch.device("meta"):
        nowhere = UNet("D@6", channels=1, width=4, levels=1)
    before = torch.get_rng_state()
    assert forward_gflop(here, (8, 8)) == forward_gflop(nowhere, (8, 8))
    assert torch.equal(torch.get_rng_state(), before)


def test_counting_does_not_change_the_network() -> None:
    network = CS180UNet("A", channels=1, width=2, image_size=8).train()
    before = {name: t.clone() for name, t in network.state_dict().items()}
    forward_gflop(network, (8, 8))
    assert network.training
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())


def test_measuring_writes_nothing(new_trainer) -> None:
    trainer = new_trainer(checkpoint_every=1, log_every=1, sample_every=1, workers=2)
    before = sorted(trainer.run.path.rglob("*"))
    cost = measure(trainer, steps=2)
    assert sorted(trainer.run.path.rglob("*")) == before == [trainer.run.path / "config.yaml"]
    network = trainer.stepper.network
    assert cost.parameters == sum(math.prod(p.shape) for p in network.parameters())
    assert cost.steps == trainer.total == 20
    assert cost.hours == pytest.approx(20 * cost.seconds_per_step / 3600)
    assert 0 < cost.seconds_per_step < 60
    assert cost.memory_bytes > 1e7
    assert trainer.batches._pool is None


def test_peak_memory_includes_freed_memory() -> None:
    """In a process of its own, which has no memory to spare."""
    code = (
        "import psutil; from jinc.train.cost import peak_memory\n"
        "before = psutil.Process().memory_info().rss\n"
        "block = b'x' * 2**28\n"
        "del block\n"
        "print(before, psutil.Process().memory_info().rss, peak_memory())"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    before, after, most = map(int, said.stdout.split())
    assert after < before + 2**27
    assert before + 0.9 * 2**28 < most < psutil.virtual_memory().total
