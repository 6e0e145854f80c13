"""The networks of CS180: the published one written out once more, and what was added to it."""

import pytest
import torch
import torch.nn.functional as F

from jinc.errors import JincError
from jinc.nn import NO_CLASS, Conditioning, CS180UNet, load_network

NAMES = ("A", "B@6", "C@6", "D@6", "D@12", "D@ideal", "D+plain@6", "D-2N", "D-1N/6")
EVERYTHING = {"classes": 10, "augmentations": 9, "timesteps": 300}


def shaken(name: str = "A", **arguments) -> CS180UNet:
    """A network in double precision whose norms have seen images and are not at their start."""
    torch.manual_seed(0)
    network = CS180UNet(name, width=6, **arguments).double()
    with torch.no_grad():
        for value in network.parameters():
            if value.ndim == 1:
                value += 0.2 * torch.randn_like(value)
        for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            norm.momentum = None  # what one batch shows is all that is remembered
        network(*inputs(network))
    return network.eval()


def inputs(network: CS180UNet, batch: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    size = (batch, network.channels, network.image_size, network.image_size)
    x = torch.randn(size, generator=generator, dtype=torch.float64)
    return x, torch.tensor([0, 3, 150, 299])[:batch]


class Published:
    """The network as the course draws it, on plain tensors taken in the order they were made."""

    def __init__(self, network: CS180UNet) -> None:
        state = {k: v for k, v in network.state_dict().items() if "batches" not in k}
        self.groups = {part: [] for part in dict(network.named_children())}
        for key, value in state.items():
            self.groups[key.split(".")[0]].append(value)
        self.timesteps, self.classes = network.timesteps, network.classes

    def start(self, part: str) -> None:
        self.left = list(self.groups[part])

    def take(self, count: int) -> list[torch.Tensor]:
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def norm_gelu(self, x):
        scale, shift, mean, var = (v[:, None, None] for v in self.take(4))
        x = (x - mean) / (var + 1e-5).sqrt() * scale + shift
        return x * 0.5 * (1 + torch.erf(x / 2**0.5))

    def conv(self, x, stride=1):
        weight, bias = self.take(2)
        return self.norm_gelu(F.conv2d(x, weight, bias, stride=stride, padding=1))

    def up_conv(self, x, stride=2, padding=1):
        weight, bias = self.take(2)
        return self.norm_gelu(F.conv_transpose2d(x, weight, bias, stride=stride, padding=padding))

    def fc(self, x):
        w1, b1, w2, b2 = self.take(4)
        return (F.gelu(x @ w1.T + b1) @ w2.T + b2)[:, :, None, None]

    def tell(self, part, x, t, one_hot):
        self.start(part)
        shift = self.fc((t[:, None] / self.timesteps).to(x)) if self.timesteps else 0
        scale = self.fc(one_hot) if self.classes else 1
        return scale * x + shift

    def __call__(self, x, t, one_hot=None):
        self.start("first")
        fine = self.conv(self.conv(x))
        self.start("down1")
        half = self.conv(self.conv(self.conv(fine, 2)))
        self.start("down2")
        quarter = self.conv(self.conv(self.conv(half, 2)))
        vector = F.gelu(quarter.mean((-2, -1), keepdim=True))
        self.start("unflatten")
        x = self.up_conv(vector, stride=quarter.shape[-1], padding=0)
        x = self.tell("tell1", x, t, one_hot)
        self.start("up1")
        x = self.conv(self.conv(self.up_conv(torch.cat([x, quarter], 1))))
        x = self.tell("tell2", x, t, one_hot)
        self.start("up2")
        x = self.conv(self.conv(self.up_conv(torch.cat([x, half], 1))))
        self.start("joined")
        x = self.conv(self.conv(torch.cat([x, fine], 1)))
        return F.conv2d(x, *self.groups["last"], padding=1)


@torch.no_grad()
@pytest.mark.parametrize(
    ("classes", "timesteps", "channels", "image_size"),
    [(0, 0, 1, 28), (10, 0, 3, 32), (0, 300, 3, 32), (10, 300, 1, 28)],
)
def test_a_is_the_published_network(classes, timesteps, channels, image_size) -> None:
    network = shaken(classes=classes, timesteps=timesteps, channels=channels, image_size=image_size)
    x, t = inputs(network)
    labels = torch.tensor([7, NO_CLASS, 0, 9]) if classes else None
    one_hot = torch.eye(11, 10).double()[labels] if classes else None  # row −1 is zeros
    expected = Published(network)(x, t, one_hot)
    torch.testing.assert_close(network(x, t, Conditioning(labels)), expected, rtol=0, atol=1e-10)
    network.float()
    single = network(x.float(), t, Conditioning(labels))
    torch.testing.assert_close(single, expected.float(), rtol=0, atol=1e-5)


def conv_numbers(ins: int, outs: int, taps: int) -> int:
    """Weights and biases of a convolution, scales and shifts of its norm."""
    return ins * outs * taps**2 + 3 * outs


def test_parameters_are_as_many_as_drawn() -> None:
    def block(ins, outs):
        return conv_numbers(ins, outs, 3) + conv_numbers(outs, outs, 3)

    d = 64
    count = block(1, d) + conv_numbers(d, d, 3) + block(d, d)
    count += conv_numbers(d, 2 * d, 3) + block(2 * d, 2 * d) + conv_numbers(2 * d, 2 * d, 7)
    count += conv_numbers(4 * d, d, 4) + block(d, d) + conv_numbers(2 * d, d, 4) + block(d, d)
    count += block(2 * d, d) + 9 * d + 1
    networks = [CS180UNet(timesteps=0), CS180UNet(), CS180UNet(classes=10)]
    time, label = (sum(n * c + c + c * c + c for c in (d, 2 * d)) for n in (1, 10))
    expected = [count, count + time, count + time + label]
    assert [sum(p.numel() for p in n.parameters()) for n in networks] == expected


@pytest.mark.parametrize(
    ("name", "padding", "channels", "image_size"),
    [
        *((name, ("zeros", "reflect", "circular")[i % 3], 1, 4) for i, name in enumerate(NAMES)),
        ("A", "circular", 3, 32),
        *(("D@6", padding, 1, 28) for padding in ("zeros", "reflect", "circular")),
    ],
)
def test_every_configuration_learns_from_every_weight(name, padding, channels, image_size) -> None:
    size = {"channels": channels, "image_size": image_size}
    network = CS180UNet(name, width=4, padding=padding, **size, **EVERYTHING)
    x, t = inputs(network)
    predicted = network(
        x.float(), t, Conditioning(torch.tensor([1, 2, 3, NO_CLASS]), torch.randn(4, 9))
    )
    assert predicted.shape == x.shape
    predicted.square().mean().backward()
    for key, value in network.named_parameters():
        assert value.grad is not None, key
        assert value.grad.isfinite().all(), key


@torch.no_grad()
@pytest.mark.parametrize("name", ["A", "D@6"])
def test_a_missing_condition_is_as_none(name) -> None:
    network = shaken(name, **EVERYTHING)
    x, t = inputs(network)
    without = network(x, t)
    zeros, nothing = torch.zeros(4, 9, dtype=x.dtype), torch.full((4,), NO_CLASS)
    assert torch.equal(network(x, t, Conditioning(nothing)), without)
    assert torch.equal(network(x, t, Conditioning(augment=zeros)), without)
    mixed = network(x, t, Conditioning(torch.tensor([4, 5, NO_CLASS, 6])))
    torch.testing.assert_close(mixed[2], without[2])
    assert (mixed - without)[:2].abs().amax((1, 2, 3)).min() > 1e-3
    assert (network(x, t, Conditioning(augment=zeros + 0.1)) - without).abs().max() > 1e-3
    assert (network(x, t.flip(0)) - without).abs().max() > 1e-3


@torch.no_grad()
def test_without_steps_time_may_be_anything() -> None:
    network = shaken(timesteps=0)
    x, t = inputs(network)
    anything = torch.full((4,), torch.nan)
    assert torch.equal(network(x, t), network(x, anything))


@torch.no_grad()
@pytest.mark.parametrize("name", ["A", "D@6"])
def test_it_is_scale_aware(name) -> None:
    """BatchNorm measures no image when it predicts, so that amplitude goes through."""
    network = shaken(name)
    x, t = inputs(network)
    change = (network(1.1 * x, t) - network(x, t)).square().mean().sqrt()
    assert network.scale_aware
    assert change > 0.01 * network(x, t).std()


@torch.no_grad()
@pytest.mark.parametrize("name", ["A", "D@6", "D-1N/6"])
def test_saved_and_loaded_is_the_same(name, tmp_path) -> None:
    network = shaken(name, padding="reflect", **EVERYTHING).float()
    network.save(tmp_path)
    again = load_network(tmp_path).eval()
    assert isinstance(again, CS180UNet)
    assert again.arguments() == network.arguments()
    x, t = inputs(network)
    given = Conditioning(torch.tensor([1, 2, 3, 4]))
    assert torch.equal(network(x.float(), t, given), again(x.float(), t, given))


@pytest.mark.parametrize("padding", ["zeros", "reflect", "circular"])
@pytest.mark.parametrize("name", ["A", "B@6"])
def test_edges_lie_where_the_padding_says(name, padding) -> None:
    """A whole turn of the torus is nothing to circular padding, and to no other."""
    network = CS180UNet(name, width=4, padding=padding, timesteps=0).double().eval()
    x, _ = inputs(network)
    half = network.down1(network.first(x))
    moved = network.down1(network.first(x.roll((4, 8), (-2, -1))))
    up = network.up2(torch.cat([half, half], 1))
    moved_up = network.up2(torch.cat([moved, moved], 1))
    same = torch.allclose(up.roll((4, 8), (-2, -1)), moved_up, rtol=0, atol=1e-10)
    assert same == (padding == "circular")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"channels": 0}, "channels"),
        ({"width": 0}, "width"),
        ({"image_size": 30}, "image_size: 30"),
        ({"image_size": 0}, "image_size"),
        ({"classes": -1}, "classes"),
        ({"timesteps": -1}, "timesteps"),
        ({"augmentations": 1.5}, "augmentations"),
        ({"padding": "mirror"}, "padding"),
        ({"config": "D+norm-2N"}, "config"),
        ({"config": "E"}, "sampling procedure"),
    ],
)
def test_bad_arguments_are_named(arguments, word) -> None:
    with pytest.raises(JincError, match=word) as caught:
        CS180UNet(**arguments)
    assert "\n" not in str(caught.value)


def test_bad_inputs_are_named() -> None:
    network, t = CS180UNet(width=2), torch.tensor([1])
    with pytest.raises(JincError, match=r"^image_size: .*28×28, not 32×28"):
        network(torch.zeros(1, 1, 32, 28), t)
    with pytest.raises(JincError, match="3 channels"):
        network(torch.zeros(1, 3, 28, 28), t)
    with pytest.raises(JincError, match="labels"):
        network(torch.zeros(1, 1, 28, 28), t, Conditioning(torch.tensor([0])))
    with pytest.raises(JincError, match="augment"):
        network(torch.zeros(1, 1, 28, 28), t, Conditioning(augment=torch.zeros(1, 9)))
