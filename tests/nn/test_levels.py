"""Another design at each level: names both ways, and networks put together by hand beside ours."""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.nn import Config, Configs, CS180UNet, Network, ResUNet, UNet, parse_config, parse_configs
from jinc.nn.blocks import DoubleConv
from jinc.nn.configs import EXAMPLES
from jinc.nn.layers import (
    Activation,
    AliasFreeActivation,
    AliasFreeDownsample,
    AliasFreeUpsample,
    IdealActivation,
    IdealDownsample,
    IdealUpsample,
)
from jinc.nn.levels import as_configs

SIZE = 16
LAYERS = (
    *(Activation, AliasFreeActivation, IdealActivation, DoubleConv),
    *(AliasFreeUpsample, IdealUpsample, nn.Upsample),
    *(AliasFreeDownsample, IdealDownsample, nn.MaxPool2d, nn.AvgPool2d),
)
"""All that a configuration decides on, but for the convolutions that resample in `CS180UNet`."""


def unet(config: object) -> Network:
    return UNet(config, channels=1, width=4, levels=3)


def resunet(config: object) -> Network:
    return ResUNet(config, channels=1, width=4, multipliers=(1, 2, 2), blocks=1)


def cs180(config: object) -> Network:
    return CS180UNet(config, channels=1, width=4, image_size=SIZE)


DEEPEST = {unet: 3, resunet: 2, cs180: 2}


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    x_t = torch.randn(2, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)
    return x_t, torch.tensor([3, 200])


@torch.no_grad()
def shaken(network: Network) -> Network:
    """In double precision, without silent branches; all of a kind and keys get the same weights."""
    generator = torch.Generator().manual_seed(1)
    for value in network.double().parameters():
        std = value[0].numel() ** -0.5
        value.copy_(torch.randn(value.shape, generator=generator, dtype=value.dtype) * std)
    return network.eval()


def grid() -> Iterator[tuple[str, ...]]:
    rng = random.Random(0)
    names = [*EXAMPLES, "D@6/0.2", "D-2@6/0.22", "D+plain@6/0.1", "C@8", "B-3"]
    for _ in range(300):
        yield tuple(rng.choices(names, k=rng.randint(1, 5)))


def test_names_are_joined_and_split_again() -> None:
    for names in grid():
        found = parse_configs(",".join(names))
        each = [parse_config(name) for name in names]
        assert [found.at(level) for level in range(len(names) + 3)] == each + 3 * each[-1:]
        assert parse_configs(found.name) == found
        assert found == as_configs(names) == as_configs([asdict(one) for one in each])
        assert as_configs(json.loads(json.dumps(found.argument()))) == found


def test_equal_networks_have_equal_names() -> None:
    assert parse_configs("D@6,D@6/0.25,D-2@6").name == "D@6"
    assert parse_configs("A, D@12,D@6,D@6").name == "A,D@12,D@6"
    assert parse_configs("D@6,D@6,A").name == "D@6,D@6,A"


def test_designs_without_names_are_kept_whole() -> None:
    odd, usual = replace(parse_config("D@6"), gain=2.0), parse_config("B@6")
    for found in (Configs((odd,)), Configs((odd, usual)), Configs((usual, odd))):
        assert "*" in found.name
        assert as_configs(json.loads(json.dumps(found.argument()))) == found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("D@6,", "level 1 has no design"),
        (",D@6", "level 0 has no design"),
        (",", "level 0 has no design"),
        ("D@6,,D@6", "level 1 has no design"),
        ("D@6,d@12", "did you mean D@12"),
        ("D@7,D@6", "write D@6 or D@8"),
        ("A,E", "sampling procedure"),
        ("D@6,D@6/0.5", "outside (0, 0.25]"),
        ("D@6/0,2", "outside (0, 0.25]"),
    ],
)
def test_other_names_are_refused_in_one_line(name, words) -> None:
    with pytest.raises(JincError, match=r"^config: ") as caught:
        parse_configs(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_design_at_all_is_refused() -> None:
    with pytest.raises(JincError, match="config: there is no design"):
        as_configs([])


@pytest.mark.parametrize("make", DEEPEST)
def test_more_designs_than_levels_are_refused(make) -> None:
    names = (DEEPEST[make] + 1) * ["D@6"]
    make(",".join([*names[1:], "B@6"]))
    make(",".join([*names, "D@6"]))
    with pytest.raises(JincError, match=f"^config: .* this network has {len(names)}"):
        make(",".join([*names, "B@6"]))


@pytest.mark.parametrize("make", [resunet, cs180])
def test_a_norm_inside_is_refused_at_any_level(make) -> None:
    with pytest.raises(JincError, match=r"^config: .* is of the network 'unet'"):
        make("D@6,D+norm-2N")


@torch.no_grad()
def levels_of_layers(network: Network, x_t: Tensor, t: Tensor) -> dict[str, int]:
    """Run a network and note where each layer ran; a resampler belongs to its finer side."""
    found: dict[str, int] = {}

    def note(name: str):
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            side = max(inputs[0].shape[-1], output.shape[-1])
            assert found.setdefault(name, level := int(math.log2(SIZE / side))) == level

        return hook

    for name, layer in network.named_modules():
        if isinstance(layer, LAYERS) and not name.startswith("flatten"):
            layer.register_forward_hook(note(name))
    network(x_t, t)
    return found


@torch.no_grad()
def by_hand(make, config: Configs, x_t: Tensor, t: Tensor) -> Tensor:
    """Take the network of the first design, and put layers of the others in at their levels."""
    network = shaken(make(config.at(0)))
    places = levels_of_layers(shaken(make(config.at(0))), x_t, t)
    assert set(places.values()) == set(range(DEEPEST[make] + 1))
    for name, level in places.items():
        network.set_submodule(name, one_design(make, config.at(level)).get_submodule(name))
    return network(x_t, t)


@cache
def one_design(make, design: Config) -> Network:
    return shaken(make(design))


MIXES = ("D@12,D@6,B@6", "D@6,D@6/0.2", "B@6,D@6", "D+plain@6,D@6,D@ideal", "B@6,D@ideal,D@2")
"""All resample through filters at the levels that the deepest has below it."""
ANY_MIXES = ("A,D@6", "D@6,A", "C@6,B@6,D@6", "A,D-2N", "D-1N/6,D@6", "D@6,A,D@6")


@torch.no_grad()
@pytest.mark.parametrize(
    ("make", "name"),
    [
        *((unet, name) for name in (*MIXES, *ANY_MIXES)),
        *((resunet, name) for name in (MIXES[0], MIXES[4], ANY_MIXES[0], ANY_MIXES[3])),
        *((cs180, name) for name in (MIXES[0], MIXES[4], "C@12,A,C@6")),
        (unet, "D+norm-2N,D@6"),
        (unet, "A,D-2N,D+norm-2N,D@6"),
    ],
)
def test_a_network_is_that_put_together_by_hand(make, name, inputs) -> None:
    config = parse_configs(name)
    ours = shaken(make(name))(*inputs)
    assert torch.equal(ours, by_hand(make, config, *inputs))
    for each in config.levels:
        if make is not cs180 or each.filters_resampling == config.at(0).filters_resampling:
            assert (ours - one_design(make, each)(*inputs)).abs().max() > 1e-6


@torch.no_grad()
@pytest.mark.parametrize(
    ("make", "name"), [(unet, "A"), (unet, "D@ideal"), (resunet, "D@12/0.2"), (cs180, "D@6")]
)
def test_one_design_at_each_level_is_one_for_all(make, name, inputs) -> None:
    config = parse_config(name)
    each = shaken(make(",".join([name] * 3)))
    assert torch.equal(each(*inputs), shaken(make(config))(*inputs))
    assert each.arguments() == make(name).arguments()


@torch.no_grad()
@pytest.mark.parametrize("make", DEEPEST)
def test_nothing_is_resampled_below_the_deepest_level(make, inputs) -> None:
    """There D is C, and B is A, to the bit; the activations there are others."""
    above = DEEPEST[make] * "D@6,"
    outputs = {last: shaken(make(above + last))(*inputs) for last in ("D@6", "C@6", "B@6", "A")}
    assert torch.equal(outputs["D@6"], outputs["C@6"])
    assert torch.equal(outputs["B@6"], outputs["A"])
    assert (outputs["D@6"] - outputs["A"]).abs().max() > 1e-6


@pytest.mark.parametrize("make", [unet, resunet])
def test_keys_and_shapes_are_those_of_the_baseline(make) -> None:
    baseline = {k: v.shape for k, v in make("A").state_dict().items()}
    for name in (*MIXES, *ANY_MIXES):
        assert {k: v.shape for k, v in make(name).state_dict().items()} == baseline


@torch.no_grad()
def test_convolutions_that_resample_belong_to_the_finer_level(inputs) -> None:
    """A strided and a transposed convolution stand where no filter resamples, in CS180's alone."""
    parts = {0: ("down1", "up2"), 1: ("down2", "up1")}
    plain, filtered = ({k: v.shape for k, v in cs180(n).state_dict().items()} for n in ("A", "D@6"))

    def of(shapes: dict[str, torch.Size], level: int) -> dict[str, torch.Size]:
        return {k: v for k, v in shapes.items() if k.split(".")[0] in parts[level]}

    for name, expected in (("A,D@6", (plain, filtered)), ("D@6,C@6", (filtered, plain))):
        network = shaken(cs180(name))
        found = {k: v.shape for k, v in network.state_dict().items()}
        for level in parts:
            assert of(found, level) == of(expected[level], level)
        assert network(*inputs).shape == inputs[0].shape


@torch.no_grad()
@pytest.mark.parametrize(
    ("make", "name"), [(unet, "D@12,D@6/0.2"), (resunet, "A,D@6"), (cs180, "B@6,D@6,C@6")]
)
def test_saved_and_loaded_is_the_same(make, name, inputs, tmp_path) -> None:
    network = shaken(make(name)).float()
    network.save(tmp_path / "own")
    network.save_pretrained(tmp_path / "hub")
    assert json.loads((tmp_path / "own" / "config.json").read_text())["config"] == name
    x_t, t = inputs
    for again in (
        type(network).load(tmp_path / "own"),
        type(network).from_pretrained(tmp_path / "hub"),
    ):
        assert again.config == network.config
        assert torch.equal(again.eval()(x_t.float(), t), network(x_t.float(), t))


@pytest.mark.parametrize("name", ["A", "D@6", "D-2N", "D@12"])
def test_files_of_before_there_were_levels_are_read(name, tmp_path) -> None:
    """A name, or where none meant it, all fields of one design."""
    unet(name).save(tmp_path)
    file = tmp_path / "config.json"
    facts = json.loads(file.read_text())
    assert facts["config"] == name
    file.write_text(json.dumps(facts | {"config": asdict(parse_config(name)) | {"cutoff": 0.2}}))
    expected = replace(parse_config(name), cutoff=0.2)
    assert UNet.load(tmp_path).config == Configs((expected,))


@pytest.mark.parametrize("config", [[], ["D@6", 3], [["D@6"]], {"taps": 6}, [{"letters": "D"}], 6])
def test_damaged_files_are_named(config, tmp_path) -> None:
    unet("D@6").save(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"config": config}))
    with pytest.raises(JincError, match="make no network"):
        UNet.load(tmp_path)
