"""Checkpoints of the published implementation, against the real ones and a plain rebuild.

The first half of this file is the published network once more, from its description block by
block. Nothing in it comes from `jinc`: filters are dense and written out, zeros are stuffed by
hand, attention is torch's own module, and every weight has the name the published code gives it.
"""

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from scipy.special import j1
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.models import load_official
from jinc.nn import Conditioning, UNet

A, B, C, D, D_NORM = range(5)


def jinc_taps(size: int, beta: float, omega_c: float) -> Tensor:
    place = np.arange(size) - (size - 1) / 2
    radius = np.sqrt(place[:, None] ** 2 + place[None, :] ** 2)
    with np.errstate(invalid="ignore"):
        taps = omega_c * j1(omega_c * radius) / (2 * np.pi * radius)
    taps[radius == 0] = omega_c**2 / (4 * np.pi)
    taps *= np.outer(np.kaiser(size, beta), np.kaiser(size, beta))
    return torch.tensor(taps / taps.sum(), dtype=torch.float32)


class Filter(nn.Module):
    def __init__(self, taps: Tensor) -> None:
        super().__init__()
        self.taps = taps

    def forward(self, x: Tensor) -> Tensor:
        size, channels = len(self.taps), x.shape[1]
        before = (size - 1) // 2
        after = size - 1 - before
        x = F.pad(x, (before, after, before, after))
        return F.conv2d(x, self.taps.expand(channels, 1, size, size), groups=channels)


def stuff(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    fine = x.new_zeros(batch, channels, 2 * height, 2 * width)
    fine[:, :, ::2, ::2] = x
    return fine


class PlainDC(nn.Module):
    """DC of A and B."""

    def __init__(self, i: int, o: int, mid: int | None = None, residual: bool = False) -> None:
        super().__init__()
        mid = mid or o
        self.residual = residual
        self.double_conv = nn.Sequential(
            nn.Conv2d(i, mid, 3, padding=1, bias=False),
            nn.GroupNorm(1, mid),
            nn.GELU(),
            nn.Conv2d(mid, o, 3, padding=1, bias=False),
            nn.GroupNorm(1, o),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.double_conv(x)
        return F.gelu(x + y) if self.residual else y


class FilteredDC(nn.Module):
    """DC of C and D, and of D+norm."""

    def __init__(
        self, filter_: Filter, inside: bool, i: int, o: int, mid: int | None, residual: bool
    ) -> None:
        super().__init__()
        mid = mid or o
        self.filter, self.inside, self.residual = filter_, inside, residual
        self.conv1 = nn.Conv2d(i, mid, 3, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(1, mid)
        self.conv2 = nn.Conv2d(mid, o, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(1, o)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)
        if not self.inside:
            y = self.norm1(y)
        y = self.filter(stuff(y))
        if self.inside:
            y = self.norm1(y)
        y = self.filter(F.gelu(y))[:, :, ::2, ::2]
        y = self.norm2(self.conv2(y))
        if not self.residual:
            return y
        y = self.filter(stuff(x + y))
        if self.inside:
            y = self.norm2(y)
        return self.filter(F.gelu(y))[:, :, ::2, ::2]


class Attention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mha = nn.MultiheadAttention(channels, 4, batch_first=True)
        self.ln = nn.LayerNorm([channels])
        self.ff_self = nn.Sequential(
            nn.LayerNorm([channels]),
            nn.Linear(channels, channels),
            nn.GELU(),
            nn.Linear(channels, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).swapaxes(1, 2)
        normed = self.ln(tokens)
        attended = self.mha(normed, normed, normed, need_weights=False)[0] + tokens
        tokens = self.ff_self(attended) + attended
        return tokens.swapaxes(2, 1).reshape(x.shape)


class Published(nn.Module):
    def __init__(
        self, variant: int, width: int, channels: int, taps: Tensor | None, classes: int = 0
    ) -> None:
        super().__init__()
        self.variant, w = variant, width
        self.filter = None if taps is None else Filter(taps)
        self.inc = self._dc(channels, w)
        self.down1, self.sa1 = self._down(w, 2 * w), Attention(2 * w)
        self.down2, self.sa2 = self._down(2 * w, 4 * w), Attention(4 * w)
        self.down3, self.sa3 = self._down(4 * w, 4 * w), Attention(4 * w)
        self.bot1 = self._dc(4 * w, 8 * w)
        self.bot2 = self._dc(8 * w, 8 * w)
        self.bot3 = self._dc(8 * w, 4 * w)
        self.up1, self.sa4 = self._up(8 * w, 2 * w), Attention(2 * w)
        self.up2, self.sa5 = self._up(4 * w, w), Attention(w)
        self.up3, self.sa6 = self._up(2 * w, w), Attention(w)
        self.outc = nn.Conv2d(w, channels, 1)
        if classes:
            self.label_emb = nn.Embedding(classes, 256)

    def _dc(self, i: int, o: int, mid: int | None = None, residual: bool = False) -> nn.Module:
        if self.variant in (A, B):
            return PlainDC(i, o, mid, residual)
        return FilteredDC(self.filter, self.variant == D_NORM, i, o, mid, residual)

    def _block(self, i: int, o: int) -> nn.Module:
        block = nn.Module()
        block.emb_layer = nn.Sequential(nn.SiLU(), nn.Linear(256, o))
        if self.variant == D_NORM:
            block.norm1 = nn.GroupNorm(1, i)  # there, and never used
        return block

    def _down(self, i: int, o: int) -> nn.Module:
        block = self._block(i, o)
        convs = self._dc(i, i, residual=True), self._dc(i, o)
        if self.variant in (A, C):
            block.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), *convs)
        else:
            block.conv = nn.Sequential(*convs)
        return block

    def _up(self, i: int, o: int) -> nn.Module:
        block = self._block(i, o)
        block.conv = nn.Sequential(self._dc(i, i, residual=True), self._dc(i, o, mid=i // 2))
        return block

    def _go_down(self, block: nn.Module, x: Tensor, emb: Tensor) -> Tensor:
        if self.variant in (A, C):
            y = block.maxpool_conv(x)
        else:
            y = block.conv(self.filter(x)[:, :, ::2, ::2])
        return y + block.emb_layer(emb)[:, :, None, None]

    def _go_up(self, block: nn.Module, x: Tensor, skip: Tensor, emb: Tensor) -> Tensor:
        if self.variant in (A, C):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        else:
            x = self.filter(stuff(x))
        return block.conv(torch.cat([skip, x], 1)) + block.emb_layer(emb)[:, :, None, None]

    @torch.no_grad()
    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        frequency = 1.0 / (10000.0 ** (torch.arange(0, 256, 2).float() / 256))
        angle = t[:, None].float() * frequency
        emb = torch.cat([angle.sin(), angle.cos()], -1)
        if labels is not None:
            emb = emb + self.label_emb(labels)
        x1 = self.inc(x)
        x2 = self.sa1(self._go_down(self.down1, x1, emb))
        x3 = self.sa2(self._go_down(self.down2, x2, emb))
        x4 = self.sa3(self._go_down(self.down3, x3, emb))
        x4 = self.bot3(self.bot2(self.bot1(x4)))
        y = self.sa4(self._go_up(self.up1, x4, x3, emb))
        y = self.sa5(self._go_up(self.up2, y, x2, emb))
        y = self.sa6(self._go_up(self.up3, y, x1, emb))
        return self.outc(y)


def rebuild(
    variant: int, width: int, channels: int, size: int = 3, beta: float = 2.0, classes: int = 0
) -> Published:
    torch.manual_seed(variant + width + channels + size)
    taps = None if variant == A else jinc_taps(size, beta, math.pi / 2)
    network = Published(variant, width, channels, taps, classes)
    for weight in network.parameters():  # ones and zeros, where norms begin, would hide mistakes
        if weight.ndim == 1:
            torch.nn.init.normal_(weight, 0.3)
    return network.eval()


def save_published(file: Path, network: Published, **metadata: object) -> Path:
    weights = {f"w/{name}": w.contiguous() for name, w in network.state_dict().items()}
    weights["io/x"] = torch.zeros(1)
    save_file(weights, file, {key: str(value) for key, value in metadata.items()})
    return file


def agree(ours: nn.Module, theirs: Published, image: int, labels: Tensor | None = None) -> None:
    channels = theirs.outc.out_channels
    x, t = torch.randn(3, channels, image, image), torch.tensor([0, 57, 999])
    with torch.no_grad():
        error = (ours(x, t, Conditioning(labels)) - theirs(x, t, labels)).abs().max()
    assert error < 1e-5
    with torch.no_grad():
        assert (ours(x, t.flip(0), Conditioning(labels)) - theirs(x, t, labels)).abs().max() > 1e-3


def refused(file: Path, reason: str, **options: object) -> None:
    with pytest.raises(JincError, match=reason) as caught:
        load_official(file, **options)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_real_checkpoints_give_their_own_outputs(official_checkpoints) -> None:
    for file in official_checkpoints:
        with safe_open(file, framework="pt") as opened:
            x, t, y = (opened.get_tensor(f"io/{name}") for name in "xty")
        with torch.no_grad():
            assert (load_official(file)(x, t) - y).abs().max() < 1e-5, file.name


def test_the_rebuild_gives_the_real_outputs_too(official_checkpoints) -> None:
    for file in official_checkpoints:
        with safe_open(file, framework="pt") as opened:
            said = opened.metadata()
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # no dict
        taps = None
        if said["variant"] != "0":
            beta, size = float(said["kaiser_beta"]), int(said["kernel_size"])
            taps = jinc_taps(size, beta, float(said["omega_c"]))
        network = Published(int(said["variant"]), int(said["image_size"]), 1, taps)
        network.load_state_dict({n[2:]: w for n, w in tensors.items() if n.startswith("w/")})
        output = network(tensors["io/x"], tensors["io/t"])
        assert (output - tensors["io/y"]).abs().max() < 1e-5, file.name


@pytest.mark.parametrize(
    ("variant", "name", "width", "channels", "size", "beta", "image"),
    [
        (A, "A", 4, 1, 3, 0.0, 16),
        (A, "A", 12, 3, 3, 0.0, 8),
        (B, "B-2N", 8, 3, 3, 2.0, 16),
        (B, "B-0N/4", 4, 1, 4, 0.0, 24),
        (C, "C-1N/7", 8, 1, 7, 1.0, 8),
        (C, "C-2N/6", 4, 3, 6, 2.0, 16),
        (D, "D-2N", 12, 1, 3, 2.0, 16),
        (D, "D-1N/6", 8, 3, 6, 1.0, 16),
        (D, "D-3.5N/4", 4, 1, 4, 3.5, 8),
        (D_NORM, "D+norm-2N", 8, 3, 3, 2.0, 16),
        (D_NORM, "D+norm-1N/7", 4, 1, 7, 1.0, 8),
    ],
)
def test_every_variant_is_recognised_and_computes_the_same(
    tmp_path, variant, name, width, channels, size, beta, image
) -> None:
    theirs = rebuild(variant, width, channels, size, beta)
    said = {"variant": variant, "image_size": image, "image_channels": channels}
    said |= {"kernel_size": size, "omega_c": math.pi / 2}
    said["kaiser_beta"] = None if variant == A else beta
    ours = load_official(save_published(tmp_path / "x.safetensors", theirs, **said))
    assert (ours.config.name, ours.width, ours.channels) == (name, width, channels)
    assert (ours.levels, ours.classes, ours.training) == (3, 0, False)
    agree(ours, theirs, image)


@pytest.mark.parametrize("variant", [A, D, D_NORM])
def test_labels(tmp_path, variant) -> None:
    theirs = rebuild(variant, 4, 1, classes=5)
    said = {} if variant == A else {"kaiser_beta": 2.0, "kernel_size": 3}
    ours = load_official(save_published(tmp_path / "x.safetensors", theirs, **said))
    assert ours.classes == 5
    agree(ours, theirs, 8, torch.tensor([4, 0, 2]))
    agree(ours, theirs, 8)
    with torch.no_grad():
        x, t = torch.randn(1, 1, 8, 8), torch.tensor([9])
        assert not torch.equal(
            *(ours(x, t, Conditioning(torch.tensor([label]))) for label in (1, 3))
        )


@pytest.mark.parametrize(
    ("wrapper", "prefix"),
    [
        (None, ""),
        (None, "module."),
        ("state_dict", "_orig_mod.module."),
        ("model_state_dict", ""),
        ("ema_model", "module."),
    ],
)
def test_pt_files_as_training_scripts_write_them(tmp_path, wrapper, prefix) -> None:
    theirs = rebuild(D, 4, 1, 4, 1.0)
    weights = {prefix + name: w for name, w in theirs.state_dict().items()}
    content = {wrapper: weights, "epoch": 7} if wrapper else weights
    torch.save(content, tmp_path / "x.pt")
    agree(load_official(tmp_path / "x.pt", taps=4, kaiser_beta=1.0), theirs, 8)


def test_another_cutoff_is_another_filter(tmp_path) -> None:
    torch.manual_seed(0)
    theirs = Published(C, 4, 1, jinc_taps(6, 2.0, 1.1)).eval()
    said = {"kaiser_beta": 2.0, "kernel_size": 6, "omega_c": 1.1}
    agree(load_official(save_published(tmp_path / "x.safetensors", theirs, **said)), theirs, 8)
    torch.save(theirs.state_dict(), tmp_path / "x.pt")
    agree(load_official(tmp_path / "x.pt", taps=6, kaiser_beta=2, omega_c=1.1), theirs, 8)
    x, t = torch.randn(1, 1, 8, 8), torch.tensor([5])
    other = load_official(tmp_path / "x.pt", taps=6, kaiser_beta=2)
    assert (other(x, t) - theirs(x, t)).abs().max() > 1e-3


def test_the_way_up_may_have_a_cutoff_of_its_own(tmp_path) -> None:
    theirs = rebuild(D, 4, 1, 6)
    said = {"kaiser_beta": 2.0, "kernel_size": 6, "omega_c_down": 1.1, "omega_c_up": 1.4}
    ours = load_official(save_published(tmp_path / "x.safetensors", theirs, **said))
    up, down = jinc_taps(6, 2.0, 1.4), jinc_taps(6, 2.0, 1.1)
    torch.testing.assert_close(ours.ups[0].resample.kernel, up)
    torch.testing.assert_close(ours.downs[0].resample.kernel, down)
    x = torch.randn(2, 4, 8, 8)
    expected = Filter(down)(F.gelu(Filter(up)(stuff(x))))[:, :, ::2, ::2]
    torch.testing.assert_close(ours.first.activation(x), expected)
    ours.save(tmp_path / "network")
    again = UNet.load(tmp_path / "network")
    assert (again.config, again.config.name) == (ours.config, "D-2N/6*")
    torch.save(theirs.state_dict(), tmp_path / "x.pt")
    told = load_official(tmp_path / "x.pt", taps=6, kaiser_beta=2, omega_c=1.1, omega_c_up=1.4)
    assert told.config == ours.config


def test_a_beta_of_zero_is_an_answer(tmp_path) -> None:
    theirs = rebuild(B, 4, 1, beta=0.0)
    torch.save(theirs.state_dict(), tmp_path / "x.pt")
    agree(load_official(tmp_path / "x.pt", kaiser_beta=0.0), theirs, 8)


def test_missing_file(tmp_path) -> None:
    refused(tmp_path / "x.pt", "No such file")
    refused(tmp_path, "is a folder")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize(
    "data", [b"", b"hello", bytes(100), b"\x80\x04K", b"PK\x03\x04" + bytes(60)]
)
def test_no_checkpoint_at_all(tmp_path, suffix, data) -> None:
    file = tmp_path / f"x{suffix}"
    file.write_bytes(data)
    refused(file, "cannot be read as|holds no|is damaged|damaged archive|not weights by name")


@pytest.mark.parametrize("old", [False, True])
def test_truncated_anywhere(tmp_path, old) -> None:
    torch.save(
        rebuild(A, 4, 1).state_dict(), tmp_path / "x.pt", _use_new_zipfile_serialization=not old
    )
    save_published(tmp_path / "x.safetensors", rebuild(A, 4, 1))
    for file in (tmp_path / "x.pt", tmp_path / "x.safetensors"):
        data = file.read_bytes()
        for length in (1, 7, 9, 100, len(data) // 3, len(data) // 2, len(data) - 1):
            file.write_bytes(data[:length])
            refused(
                file, "cannot be read as|holds no|is damaged|damaged archive|not weights by name"
            )


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("place", ["bare", "beside weights"])
def test_code_in_a_pickle_does_not_run(tmp_path, place) -> None:
    file, mark = tmp_path / "x.pt", tmp_path / "ran"
    if place == "bare":
        file.write_bytes(pickle.dumps(Bomb(mark)))
    else:
        torch.save({"state_dict": rebuild(A, 4, 1).state_dict(), "bomb": Bomb(mark)}, file)
    refused(file, "cannot be read as|holds no|is damaged|damaged archive|not weights by name")
    assert not mark.exists()


@pytest.mark.parametrize("variant", [B, C, D, D_NORM])
def test_a_pt_does_not_say_its_filter(tmp_path, variant) -> None:
    torch.save(rebuild(variant, 4, 1).state_dict(), tmp_path / "x.pt")
    refused(tmp_path / "x.pt", "kaiser_beta")


@pytest.mark.parametrize(
    "content",
    [[1, 2], 3, torch.zeros(2), {"a": 1}, {}, {3: torch.zeros(1)}, {"a": torch.zeros(1)}],
    ids=str,
)
def test_tensors_that_are_no_such_network(tmp_path, content) -> None:
    torch.save(content, tmp_path / "x.pt")
    refused(tmp_path / "x.pt", "weights by name|names are not those")


@pytest.mark.parametrize("name", ["inc.double_conv.0.weight", "sa4.mha.in_proj_bias", "outc.bias"])
def test_a_missing_weight_is_named(tmp_path, name) -> None:
    weights = rebuild(A, 4, 1).state_dict()
    del weights[name]
    torch.save(weights, tmp_path / "x.pt")
    refused(tmp_path / "x.pt", "is missing|has no weights of a first")


def test_an_extra_weight_is_named(tmp_path) -> None:
    for extra in ("sa7.ln.weight", "down1.norm1.weight", "extra"):
        weights = rebuild(A, 4, 1).state_dict() | {extra: torch.zeros(3)}
        torch.save(weights, tmp_path / "x.pt")
        refused(tmp_path / "x.pt", "weight .* is unknown")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("inc.double_conv.0.weight", (4, 1, 3)),
        ("inc.double_conv.0.weight", (6, 1, 3, 3)),
        ("inc.double_conv.0.weight", (4, 2, 3, 3)),
        ("inc.double_conv.0.weight", (0, 1, 3, 3)),
        ("bot2.double_conv.3.weight", (32, 32, 1, 1)),
        ("sa1.mha.in_proj_weight", (8, 24)),
        ("up3.emb_layer.1.bias", (4, 1)),
        ("label_emb.weight", ()),
        ("label_emb.weight", (10, 128)),
    ],
)
def test_odd_shapes(tmp_path, name, shape) -> None:
    torch.save(rebuild(A, 4, 1).state_dict() | {name: torch.zeros(shape)}, tmp_path / "x.pt")
    refused(tmp_path / "x.pt", "shape|first convolution|width|no table|is missing")


def test_a_small_file_cannot_ask_for_a_huge_network(tmp_path) -> None:
    weights = rebuild(A, 4, 1).state_dict()
    wide = weights | {"inc.double_conv.0.weight": torch.zeros(200_000, 1, 1, 1)}
    torch.save(wide, tmp_path / "x.pt")
    refused(tmp_path / "x.pt", "width: 200000")
    torch.save(weights | {"down99999999.x": torch.zeros(1)}, tmp_path / "x.pt")
    refused(tmp_path / "x.pt", "names are not those")
    torch.save(weights | {f"down{i}.x": torch.zeros(1) for i in range(60)}, tmp_path / "x.pt")
    refused(tmp_path / "x.pt", "names are not those")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"variant": 2}, "metadata says variant 2, names are those of D"),
        ({"variant": "x"}, "variant x"),
        ({"kaiser_beta": "soft"}, "kaiser_beta = 'soft', not a number"),
        ({"kaiser_beta": "nan"}, "kaiser_beta"),
        ({"kaiser_beta": -1}, "kaiser_beta"),
        ({"kernel_size": "inf"}, "kernel_size"),
        ({"kernel_size": "3.5"}, "kernel_size"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": 100000}, "kernel_size"),
        ({"omega_c": 9}, "cutoff|omega_c"),
        ({"omega_c": "nan"}, "cutoff|omega_c"),
        ({"omega_c": 0}, "cutoff|omega_c"),
    ],
    ids=str,
)
def test_metadata_that_makes_no_sense(tmp_path, said, reason) -> None:
    said = {"variant": D, "kaiser_beta": 2.0, "kernel_size": 3} | said
    refused(save_published(tmp_path / "x.safetensors", rebuild(D, 4, 1), **said), reason)
