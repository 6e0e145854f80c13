"""The residual U-Net: its numbers, what it is told, how it starts, and its linear stream."""

import pytest
import torch

from jinc.errors import JincError
from jinc.nn import NETWORKS, NO_CLASS, Conditioning, ResUNet, load_network
from jinc.nn.resblocks import ResAttention, ResBlock

NAMES = ("A", "B@6", "C@6", "D@6", "D@12", "D@ideal", "D+plain@6", "B-0", "C-1N", "D-2N", "D-1N/6")
SMALL = {"width": 8, "multipliers": (1, 2, 2), "blocks": 1}
TOLD = {"classes": 5, "augmentations": 9}


def shaken(name: str = "D@6", **arguments) -> ResUNet:
    """A network in double precision that no longer predicts zeros."""
    torch.manual_seed(0)
    network = ResUNet(name, **SMALL | arguments).double()
    with torch.no_grad():
        for value in network.parameters():
            if not value.any():
                value.normal_(std=value[0].numel() ** -0.5)
    return network.eval()


def inputs(channels: int = 3, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, channels, size, size, generator=generator, dtype=torch.float64)
    return x, torch.tensor([3, 700])


def conv(ins: int, outs: int, taps: int = 3) -> int:
    return ins * outs * taps**2 + outs


def unet_numbers(*, width, multipliers, blocks, attention, channels, told, resampling) -> int:
    """Count by the drawings: `told` numbers a channel, `resampling` numbers of a way up or down."""

    def block(ins, outs):
        stream = conv(ins, outs, 1) if ins != outs else 0
        branch = 2 * ins + conv(ins, outs) + 2 * outs + conv(outs, outs)
        return branch + stream + conv(4 * width, told * outs, 1)

    def attend(level):
        c = width * multipliers[level]
        return 2 * c + 4 * conv(c, c, 1) if level in attention else 0

    at, last = [width * m for m in multipliers], len(multipliers) - 1
    count = conv(width, 4 * width, 1) + conv(4 * width, 4 * width, 1)
    count += conv(channels, at[0]) + 2 * at[0] + conv(at[0], channels)
    skips, ins = [at[0]], at[0]
    for level, outs in enumerate(at):
        for _ in range(blocks):
            count += block(ins, outs) + attend(level)
            ins = outs
            skips.append(outs)
        if level < last:
            count += resampling(block, outs)
            skips.append(outs)
    count += 2 * block(ins, ins) + 2 * ins + 4 * conv(ins, ins, 1)
    for level in reversed(range(last + 1)):
        for _ in range(blocks + 1):
            count += block(ins + skips.pop(), at[level]) + attend(level)
            ins = at[level]
        if level:
            count += resampling(block, ins)
    return count


CIFAR = {"width": 128, "multipliers": (1, 2, 2, 2), "blocks": 2, "attention": (1,), "channels": 3}


def test_parameters_are_as_many_as_drawn() -> None:
    """The count that gives DDPM's published 35.7 million gives ours with ADM's blocks put in."""
    published = unet_numbers(**CIFAR, told=1, resampling=lambda block, c: conv(c, c))
    assert published == 35_746_307
    expected = unet_numbers(**CIFAR, told=2, resampling=lambda block, c: block(c, c))
    with torch.device("meta"):
        network = ResUNet("D@6")
    assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize(
    "shape",
    [
        {"width": 8, "multipliers": (1,), "blocks": 1, "attention": (), "channels": 1},
        {"width": 6, "multipliers": (1, 3, 2), "blocks": 3, "attention": (0, 2), "channels": 3},
        {"width": 64, "multipliers": (2, 1), "blocks": 1, "attention": (0,), "channels": 1},
    ],
)
def test_other_shapes_are_counted_too(shape) -> None:
    expected = unet_numbers(**shape, told=2, resampling=lambda block, c: block(c, c))
    network = ResUNet("A", attention_levels=shape["attention"], **without(shape, "attention"))
    assert sum(p.numel() for p in network.parameters()) == expected
    x = torch.randn(1, shape["channels"], 8, 8)
    assert network(x, torch.tensor([7])).shape == x.shape


def without(mapping: dict, key: str) -> dict:
    return {name: value for name, value in mapping.items() if name != key}


def test_all_configurations_share_keys_and_shapes() -> None:
    shapes = {
        name: {key: value.shape for key, value in ResUNet(name, **SMALL).state_dict().items()}
        for name in NAMES
    }
    assert all(found == shapes["A"] for found in shapes.values())


@pytest.mark.parametrize(
    ("name", "padding", "channels", "size"),
    [
        *((name, ("zeros", "reflect", "circular")[i % 3], 3, 8) for i, name in enumerate(NAMES)),
        *(("D@6", padding, 1, 28) for padding in ("zeros", "reflect", "circular")),
    ],
)
def test_every_configuration_learns_from_every_weight(name, padding, channels, size) -> None:
    network = shaken(name, channels=channels, padding=padding, **TOLD)
    x, t = inputs(channels, size)
    predicted = network(
        x, t, Conditioning(torch.tensor([4, NO_CLASS]), torch.randn(2, 9, dtype=x.dtype))
    )
    assert predicted.shape == x.shape
    predicted.square().mean().backward()
    for key, value in network.named_parameters():
        assert value.grad is not None, key
        assert value.grad.isfinite().all(), key
        assert value.grad.any(), key


@torch.no_grad()
@pytest.mark.parametrize("name", ["A", "D@6"])
def test_a_fresh_network_predicts_zeros(name) -> None:
    network = ResUNet(name, width=8)
    x = torch.randn(1, 3, 32, 32)
    assert not network(x, torch.tensor([10])).any()


@torch.no_grad()
@pytest.mark.parametrize("name", ["A", "B@6", "D@6", "D@ideal"])
def test_the_stream_is_linear(name) -> None:
    """With silent branches, as at the start, all before the last norm adds up."""
    network = ResUNet(name, **SMALL, channels=1).double().eval()
    network.last = torch.nn.Identity()
    (x, t), y = inputs(1), torch.randn(2, 1, 16, 16, dtype=torch.float64)
    zero = network(torch.zeros_like(x), t)
    apart = network(x, t) + network(y, t) - zero
    torch.testing.assert_close(network(x + y, t), apart, rtol=0, atol=1e-10)
    assert (network(x, t) - zero).abs().max() > 1e-3
    busy = shaken(name, channels=1)
    busy.last = torch.nn.Identity()
    difference = busy(x + y, t) + busy(torch.zeros_like(x), t) - busy(x, t) - busy(y, t)
    assert difference.abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("name", ["A", "D@6"])
def test_it_is_scale_aware(name) -> None:
    """The stream carries the amplitude past the norms of the branches."""
    network = shaken(name)
    x, t = inputs()
    change = (network(1.1 * x, t) - network(x, t)).square().mean().sqrt()
    assert network.scale_aware
    assert change > 0.01 * network(x, t).std()


@torch.no_grad()
@pytest.mark.parametrize("name", ["A", "D@6"])
def test_a_missing_condition_is_as_none(name) -> None:
    network = shaken(name, **TOLD)
    x, t = inputs()
    without = network(x, t)
    assert torch.equal(network(x, t, Conditioning(torch.full((2,), NO_CLASS))), without)
    assert torch.equal(
        network(x, t, Conditioning(augment=torch.zeros(2, 9, dtype=x.dtype))), without
    )
    mixed = network(x, t, Conditioning(torch.tensor([4, NO_CLASS])))
    torch.testing.assert_close(mixed[1], without[1])
    assert (mixed - without)[0].abs().max() > 1e-3
    assert (
        network(x, t, Conditioning(augment=torch.ones(2, 9, dtype=x.dtype))) - without
    ).abs().max() > 1e-3
    assert (network(x, t.flip(0)) - without).abs().max() > 1e-3


@torch.no_grad()
def test_images_do_not_see_each_other() -> None:
    network = shaken()
    x, t = inputs()
    torch.testing.assert_close(network(x, t)[1:], network(x[1:], t[1:]), rtol=0, atol=1e-12)


@torch.no_grad()
def test_dropout_acts_in_training_only() -> None:
    network = shaken(dropout=0.3)
    x, t = inputs()
    assert torch.equal(network(x, t), network(x, t))
    network.train()
    assert not torch.equal(network(x, t), network(x, t))


def test_a_seed_makes_the_same_network() -> None:
    def made():
        torch.manual_seed(3)
        return ResUNet(**SMALL, **TOLD).state_dict().values()

    assert all(torch.equal(one, other) for one, other in zip(made(), made(), strict=True))


@torch.no_grad()
@pytest.mark.parametrize("name", ["A", "D-2N"])
def test_saved_and_loaded_is_the_same(name, tmp_path) -> None:
    network = shaken(name, attention_levels=[0, 2], dropout=0.1, padding="circular", **TOLD).float()
    network.save(tmp_path)
    again = load_network(tmp_path).eval()
    assert isinstance(again, ResUNet)
    assert again.arguments() == network.arguments()
    x, t = inputs()
    assert torch.equal(network(x.float(), t), again(x.float(), t))


@pytest.mark.parametrize("kind", ["unet", "resunet", "cs180"])
def test_every_kind_is_read_back_by_its_name(kind, tmp_path) -> None:
    made = NETWORKS[kind]("D@6", width=4, channels=1)
    made.save(tmp_path)
    again = load_network(tmp_path)
    assert type(again) is type(made)
    state = again.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in made.state_dict().items())


@torch.no_grad()
def test_attention_does_not_know_where_pixels_lie() -> None:
    torch.manual_seed(0)
    attend = ResAttention(16, 8).double()
    assert attend.heads == 2
    x = torch.randn(2, 16, 3, 4, dtype=torch.float64)
    assert torch.equal(attend(x), x)
    torch.nn.init.normal_(attend.project.weight)
    order = torch.randperm(12)
    moved = attend(x.flatten(2)[..., order].view_as(x))
    expected = attend(x).flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-12)
    tokens = attend.norm(x).flatten(2).mT
    q, k, v = attend.qkv(tokens).unflatten(-1, (3, 2, 8)).permute(2, 0, 3, 1, 4)
    seen = ((q @ k.mT / 8**0.5).softmax(-1) @ v).transpose(1, 2).flatten(2)
    slow = x + attend.project(seen).mT.reshape(x.shape)
    torch.testing.assert_close(attend(x), slow, rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_block_is_what_is_drawn() -> None:
    """Against the same written out in the open, at one size and with everything pointwise."""
    network = shaken("A", channels=1)
    block = next(m for m in network.modules() if isinstance(m, ResBlock) and m.stream.state_dict())
    ins, outs = block.conv1.in_channels, block.conv1.out_channels
    x = torch.randn(2, ins, 5, 7, dtype=torch.float64)
    told = torch.randn(2, 32, dtype=torch.float64)
    silu = torch.nn.functional.silu
    h = block.conv1(silu(block.norm1(x)))
    numbers = told @ block.embed.weight.T + block.embed.bias
    scale, shift = numbers[:, :outs, None, None], numbers[:, outs:, None, None]
    h = silu(block.norm2(h) * (1 + scale) + shift)
    expected = block.stream(x) + block.conv2(h)
    torch.testing.assert_close(block(x, told), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"channels": 0}, "channels"),
        ({"width": 7}, "width"),
        ({"blocks": 0}, "blocks"),
        ({"multipliers": ()}, "multipliers"),
        ({"multipliers": (1, 0)}, "multipliers"),
        ({"multipliers": (1, 1.5)}, "multipliers"),
        ({"multipliers": 4}, "multipliers"),
        ({"attention_levels": "1"}, "attention_levels"),
        ({"attention_levels": (4,)}, "attention_levels"),
        ({"attention_levels": (-1,)}, "attention_levels"),
        ({"dropout": 1.0}, "dropout"),
        ({"dropout": float("nan")}, "dropout"),
        ({"width": 40}, "head_channels"),
        ({"head_channels": 0}, "head_channels"),
        ({"classes": -1}, "classes"),
        ({"padding": "mirror"}, "padding"),
        ({"config": "D+norm-2N"}, "config"),
        ({"config": "E"}, "sampling procedure"),
    ],
)
def test_bad_arguments_are_named(arguments, word) -> None:
    with pytest.raises(JincError, match=word) as caught:
        ResUNet(**{"width": 8} | arguments)
    assert "\n" not in str(caught.value)


def test_bad_inputs_are_named() -> None:
    network, t = ResUNet(width=8, channels=1), torch.tensor([1])
    with pytest.raises(JincError, match=r"^image_size: 28×28 cannot .* 3 times; take 32×32"):
        network(torch.zeros(1, 1, 28, 28), t)
    with pytest.raises(JincError, match="3 channels"):
        network(torch.zeros(1, 3, 16, 16), t)
    with pytest.raises(JincError, match="labels"):
        network(torch.zeros(1, 1, 16, 16), t, Conditioning(torch.tensor([0])))
    with pytest.raises(JincError, match="augment"):
        network(torch.zeros(1, 1, 16, 16), t, Conditioning(augment=torch.zeros(1, 9)))
