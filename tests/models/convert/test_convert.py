"""Converted models: the same weights, far less aliasing, and undone without a trace."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import jinc
from jinc import conversion, convert, restore
from jinc.models.convert import effects, inputs_of
from jinc.signal import shift

diffusers = pytest.importorskip("diffusers")


def unet(**settings) -> nn.Module:
    """A tiny U-Net of diffusers."""
    attention = ("DownBlock2D", "AttnDownBlock2D"), ("AttnUpBlock2D", "UpBlock2D")
    down, up = settings.pop("blocks", attention)
    return diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(16, 32),
        down_block_types=down,
        up_block_types=up,
        layers_per_block=1,
        norm_num_groups=8,
        **settings,
    )


def conditional() -> nn.Module:
    return diffusers.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=8,
        attention_head_dim=8,
    )


def autoencoder() -> nn.Module:
    return diffusers.AutoencoderKL(
        sample_size=16,
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=8,
    )


def of_torch() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(16, 16, 4, stride=2, padding=1),
        nn.GELU(),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(16, 12, 3, padding=1),
        nn.AvgPool2d(2),
        nn.PixelShuffle(2),
    )


MODELS = {
    "unet": unet,
    "unet, padded at the end": lambda: unet(downsample_padding=0),
    "unet, resnets resample": lambda: unet(
        blocks=(
            ("ResnetDownsampleBlock2D", "DownBlock2D"),
            ("UpBlock2D", "ResnetUpsampleBlock2D"),
        )
    ),
    "unet, FIR filters": lambda: unet(
        blocks=(("SkipDownBlock2D",) * 2, ("SkipUpBlock2D",) * 2), time_embedding_type="fourier"
    ),
    "conditional": conditional,
    "autoencoder": autoencoder,
    "torch": of_torch,
}


@pytest.fixture(params=MODELS)
def model(request) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[request.param]().eval()


@pytest.fixture
def x() -> Tensor:
    """Two images, not square."""
    return torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(1))


def called(model: nn.Module, x: Tensor) -> Tensor:
    """Call a model of any kind."""
    if isinstance(model, nn.Sequential):
        return model(x)
    if isinstance(model, diffusers.AutoencoderKL):
        return model(x).sample
    if isinstance(model, diffusers.UNet2DConditionModel):
        return model(F.pad(x, (0, 0, 0, 0, 0, 1)), 5, torch.ones(2, 3, 8)).sample
    return model(x, 5).sample


def converted(model: nn.Module, config: str = "D@6", padding: str = "circular") -> nn.Module:
    """Convert a model of any kind."""
    example = (torch.randn(1, 3, 16, 24),) if isinstance(model, nn.Sequential) else None
    return convert(model, config, padding=padding, example=example)


@torch.no_grad()
def equivariance(model: nn.Module, x: Tensor) -> float:
    """Return how well predictions follow half a pixel, in dB."""
    there, result = (called(model, shift(x, 0.5, 0.5)), shift(called(model, x), 0.5, 0.5))
    return float(10 * torch.log10(result.var() / (there - result).square().mean()))


def padded(model: nn.Module) -> nn.Module:
    """Pad circularly, in place: what that does by itself."""
    for each in model.modules():
        if isinstance(each, nn.Conv2d) and any(each.padding):
            each.padding_mode = "circular"
            each._reversed_padding_repeated_twice = [p for p in each.padding[::-1] for _ in "12"]
    return model


@torch.no_grad()
def test_weights_stay_and_restoring_is_exact(model, x) -> None:
    before = called(model, x)
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    result = called(converted(model), x)
    assert result.shape == before.shape
    assert result.isfinite().all()
    assert not torch.allclose(result, before, atol=1e-3)
    assert {name: value.shape for name, value in model.state_dict().items()} == shapes
    model.load_state_dict(model.state_dict(), strict=True)
    assert torch.equal(called(converted(model), x), result)  # twice is once
    copied = copy.deepcopy(model)
    assert torch.equal(called(copied, x), result)
    for each in (copied, model):
        assert torch.equal(called(restore(each), x), before)
        assert not any("jinc" in name for name, _ in each.named_modules())


@pytest.mark.parametrize(("config", "gain"), [("D@12", 12), ("D@12/0.2", 16)])
def test_untrained_models_follow_shifts_better(model, x, config, gain) -> None:
    """White noise fills the filter's transition band, where 0.2 cycles per pixel leave less."""
    if isinstance(model, diffusers.AutoencoderKL) and config == "D@12":
        gain = 9  # differs by weights: see the next test
    for images in (x, x[..., :16]):
        before = equivariance(padded(model), images)
        assert equivariance(converted(model, config), images) > before + gain
        restore(model)


@pytest.mark.parametrize("width", [16, 24])
def test_the_low_pass_of_the_encoder_limits_autoencoders(x, width) -> None:
    """They have no other way than the coarse map, where what a transition band leaves folds."""
    images, gains = x[..., :width], {"D@12": [], "D@12/0.2": []}
    for seed in range(5):
        torch.manual_seed(seed)
        model = padded(autoencoder().eval())
        before = equivariance(model, images)
        for encoder, found in gains.items():
            convert(model, "D@12", padding="circular", designs={"encoder.*": encoder})
            found.append(equivariance(model, images) - before)
            restore(model)
    assert min(gains["D@12"]) > 9
    assert np.mean(gains["D@12"]) > 12
    assert min(gains["D@12/0.2"]) > 21


def test_gradients_reach_the_weights(model, x) -> None:
    called(model, x).square().mean().backward()
    reached = [name for name, each in model.named_parameters() if each.grad is not None]
    model.zero_grad()
    called(converted(model), x).square().mean().backward()
    found = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    assert list(found) == reached
    assert all(gradient.isfinite().all() for gradient in found.values())


@pytest.mark.parametrize("half", [torch.bfloat16])
def test_other_types_and_layouts(model, x, half) -> None:
    converted(model)
    with torch.no_grad(), torch.autocast("cpu", half):
        assert called(model, x).isfinite().all()
    with torch.no_grad():
        expected, model = called(model, x), model.to(memory_format=torch.channels_last)
        there = called(model, x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(there, expected, atol=1e-4, rtol=1e-4)


LAYERS = {
    "convolution": lambda: nn.Conv2d(1, 2, 3, stride=2, padding=1),
    "even convolution": lambda: nn.Conv2d(1, 2, 4, stride=2, padding=1),
    "transposed": lambda: nn.ConvTranspose2d(1, 2, 4, stride=2, padding=1),
    "transposed, odd": lambda: nn.ConvTranspose2d(1, 2, 3, stride=2, padding=1, output_padding=1),
    "pooling": lambda: nn.AvgPool2d(2),
    "interpolation": lambda: nn.Upsample(scale_factor=2, mode="bicubic"),
    "halving": lambda: nn.Upsample(scale_factor=0.5, mode="nearest"),
}


@pytest.mark.parametrize("name", LAYERS)
@torch.no_grad()
def test_slow_waves_pass_as_before(name) -> None:
    """Layers sample where they did: only what is too fine for the coarse grid is different."""
    torch.manual_seed(0)
    place = torch.arange(64) * 2 * torch.pi / 64
    wave = torch.cos(place[:, None] + 2 * place + 1)[None, None]
    layer = LAYERS[name]()
    before = layer(wave)
    after = convert(layer, "D@12", padding="circular", example=(wave,))(wave)
    assert after.shape == before.shape
    expected, found = (torch.fft.rfft2(each)[..., 1, 2] for each in (before, after))
    assert float((found - expected).abs().max()) < 0.06 * float(expected.abs().max())


@pytest.mark.parametrize("size", [15, 17])
@torch.no_grad()
def test_odd_sizes_stay(size) -> None:
    x = torch.randn(1, 3, size, size + 1)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.SiLU(), nn.Conv2d(4, 4, 3, 2, 1), nn.SiLU())
    before = model(x)
    assert convert(model, "D@6", example=(x,))(x).shape == before.shape


from torch.nn.functional import silu  # noqa: E402  as users' files import it


def helper(x: Tensor) -> Tensor:
    return F.silu(x)


class Calls(nn.Module):
    """Call a function in one of many ways."""

    WAYS = ("F", "nn", "torch", "imported", "partial", "method")

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.function = F.silu

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "F":
            return F.silu(x)
        if self.way == "nn":
            return nn.functional.silu(x)
        if self.way == "torch":
            return torch.nn.functional.silu(x)
        if self.way == "partial":
            return self.function(x)
        return self.activated(x) if self.way == "method" else silu(x)

    def activated(self, x: Tensor) -> Tensor:
        return F.silu(x)


@pytest.mark.parametrize("way", Calls.WAYS)
@torch.no_grad()
def test_functions_are_found_however_they_are_called(way) -> None:
    x = torch.randn(1, 2, 16, 16)
    expected = convert(nn.SiLU(), example=(x,))(x)
    assert torch.equal(convert(Calls(way), example=(x,))(x), expected)
    assert torch.equal(Calls(way)(x), F.silu(x))  # others of the class stay
    assert torch.equal(convert(Calls(way), example=(x,))(x[0]), F.silu(x[0]))  # no map


class Sometimes(nn.Module):
    """Run one of two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.often, self.seldom = nn.SiLU(), nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.often(x) if x.mean() > -9 else self.seldom(x)


def test_modules_that_the_example_does_not_run_are_named() -> None:
    x = torch.randn(1, 2, 16, 16)
    model = convert(Sometimes(), example=(x,))
    assert conversion(model).unseen == ["seldom"]
    assert conversion(convert(nn.Sequential(nn.SiLU()), example=(x,))).unseen == []


class Helped(nn.Module):
    """Call a helper, a method and a strided slice."""

    def __init__(self) -> None:
        super().__init__()
        self.activation = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return helper(self.activation(x)).relu()[..., ::2, ::2]


def test_what_stays_is_named_with_its_line() -> None:
    left = conversion(convert(Helped(), example=(torch.randn(1, 2, 16, 16),))).left
    assert [call.function for call in left] == ["silu", "relu", "__getitem__"]
    assert all(call.place.startswith(f"{__file__}:") for call in left)


class Last(nn.Module):
    """Activate maps with channels last, as some networks do between linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.SiLU(), nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x).movedim(1, -1))


@torch.no_grad()
def test_channels_last_stay() -> None:
    x = torch.randn(1, 5, 16, 24)
    model = convert(Last(), example=(x,))
    assert [call.module for call in conversion(model).left] == ["last"]
    torch.testing.assert_close(model(x), F.gelu(model.first(x)).movedim(1, -1))


def test_designs_by_level_and_by_name() -> None:
    model = convert(unet(), "D@12,D@6", designs={"mid_block.*": "A"})
    assert {name for _, name in conversion(model).replaced} == {"D@12", "D@6"}
    edits = [each for each in conversion(model).edits if each.operations]
    found = {each.name: each.operations.config.name for each in edits}
    assert not any(name.startswith("mid_block") for name in found)
    assert found["conv_act"] == found["down_blocks.0.resnets.0.nonlinearity"] == "D@12"
    assert found["down_blocks.0.downsamplers.0.conv"] == "D@12"  # of its finer side
    assert found["down_blocks.1.resnets.0.nonlinearity"] == "D@6"


def test_converting_changes_no_number() -> None:
    """Neither statistics of batches nor random numbers; the mode stays."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU())
    model[1].eval()
    before = copy.deepcopy(model.state_dict())
    numbers = torch.get_rng_state()
    convert(model, example=torch.ones(1, 3, 8, 8))
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [each.training for each in model] == [True, False, True, True]


CONVOLUTIONS = {
    "zeros": {"kernel_size": 3, "padding": 1},
    "its own": {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
    "not square": {"kernel_size": (1, 5), "padding": (0, 2)},
    "one side more": {"kernel_size": 4, "padding": "same"},
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", CONVOLUTIONS)
@torch.no_grad()
def test_circular_convolutions_follow_whole_pixels(name) -> None:
    """Padding alone: the configuration A replaces no resampling and no nonlinearity."""
    model = nn.Sequential(nn.Conv2d(3, 3, **CONVOLUTIONS[name]), nn.ReLU())
    x = torch.randn(1, 3, 8, 8)
    convert(model, "A", padding="circular", example=x)
    moved = (torch.roll(each, (3, 2), (2, 3)) for each in (x, model(x)))
    torch.testing.assert_close(model(next(moved)), next(moved))
    made = conversion(model)
    assert (made.replaced, made.padded) == ({}, {"0"})
    assert [each.reason for each in made.left] == ["design A leaves it"]


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize("stride", [3, (2, 1)])
def test_other_strides_are_named_whatever_the_padding(stride, padding) -> None:
    model = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 3, 3, stride=stride, padding=1))
    made = conversion(convert(model, padding=padding, example=torch.randn(1, 3, 16, 16)))
    assert made.replaced == {("ReLU", "D@6"): 1}
    assert ["is not by two" in each.reason for each in made.left] == [True]


@pytest.mark.parametrize("kind", [nn.MaxPool2d, nn.AvgPool2d])
@pytest.mark.parametrize("window", [(2, 2, 0), (3, 2, 1), (4, 2, 1)])
@pytest.mark.parametrize("ceil_mode", [False, True])
@torch.no_grad()
def test_pools_keep_their_sizes(kind, window, ceil_mode) -> None:
    for size in ((14, 16), (15, 17)):
        x, layer = torch.randn(1, 1, *size), kind(*window, ceil_mode=ceil_mode)
        model = nn.Sequential(nn.SiLU(), layer)
        expected, by_two = layer(x).shape, layer(x).shape[-1] in (size[1] // 2, (size[1] + 1) // 2)
        assert convert(model, example=x)(x).shape == expected
        assert (conversion(model).left == []) is by_two


def test_transposed_convolutions_take_sizes() -> None:
    x = torch.randn(1, 3, 8, 8)
    layer = nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1)
    expected = [layer(x, output_size=(n, n)).shape for n in (15, 16)]
    convert(layer, example=x)
    assert [layer(x, output_size=(n, n)).shape for n in (15, 16)] == expected


TABLE = np.ones((2, 2))


class WithTable(nn.Module):
    """Mention an array of the module."""

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x) * float(TABLE.sum())


@torch.no_grad()
def test_arrays_beside_functions() -> None:
    x = torch.randn(1, 2, 8, 8)
    torch.testing.assert_close(
        convert(WithTable(), example=x)(x), 4 * convert(nn.SiLU(), example=x)(x)
    )


OTHERS = {
    "control": lambda: diffusers.ControlNetModel(
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=8,
        attention_head_dim=8,
        conditioning_embedding_out_channels=(8, 16),
    ),
    "quantised": lambda: diffusers.VQModel(norm_num_groups=8, block_out_channels=(16,)),
    "transformer": lambda: diffusers.DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        num_layers=1,
        sample_size=16,
        norm_num_groups=4,
    ),
}


GAINS = {"control": 12, "transformer": 2}  # the codes of a quantised one jump


@pytest.mark.parametrize("name", OTHERS)
@torch.no_grad()
def test_other_models_of_diffusers(name) -> None:
    torch.manual_seed(0)
    model = OTHERS[name]().eval()
    for each in model.parameters():  # the last ones of a control network are zeros
        each.add_(0.03 * torch.randn(each.shape))
    keys, kinds = list(model.state_dict()), [type(each) for each in model.modules()]
    inputs = inputs_of(model, None).map(torch.randn_like)
    before, there = tree_leaves(inputs(model)), effects({"": model}, inputs, rounds=1)
    assert not any(
        each.has_form for each in conversion(convert(model, "D@12", padding="circular")).left
    )
    after, here = tree_leaves(inputs(model)), effects({"": model}, inputs, rounds=1)
    assert list(model.state_dict()) == keys
    for new, old in zip(after, before, strict=True):
        assert new.isfinite().all()
        assert not torch.allclose(new, old, atol=1e-3)
    if name in GAINS:
        assert here[""].half_pixel_db > there[""].half_pixel_db + GAINS[name]
    assert [type(each) for each in restore(model).modules()] == kinds
    assert all(map(torch.equal, tree_leaves(inputs(model)), before))


class Broken(Calls):
    """Run once."""

    runs = 0

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        if self.runs > 1:
            raise RuntimeError("out of memory")
        return F.silu(x)


@pytest.mark.parametrize(
    ("make", "settings", "words"),
    [
        (of_torch, {}, "Sequential is unknown; give inputs"),
        (unet, {"config": "R@12"}, "R@12 cannot convert a model"),
        (unet, {"config": "A"}, "has nothing that A replaces"),
        (unet, {"config": "D-2N"}, "D-2N cannot convert a model"),
        (unet, {"config": "D@ideal"}, "cannot convert a model"),
        (lambda: nn.Conv2d(3, 3, 3), {"example": (torch.ones(1, 3, 8, 8),)}, "nothing that D@6"),
        (lambda: converted(unet()), {"config": "D@12"}, "converted to D@6, circular; call jinc.re"),
        (lambda: Broken("F"), {"example": (torch.ones(1, 3, 8, 8),)}, "out of memory"),
    ],
)
def test_refusals_leave_the_model_as_it_was(make, settings, words) -> None:
    model = make()
    kinds = [type(each) for each in model.modules()]
    with pytest.raises((jinc.JincError, RuntimeError), match=words):
        convert(model, **settings)
    assert [type(each) for each in model.modules()] == kinds


def test_only_converted_models_are_restored() -> None:
    with pytest.raises(jinc.JincError, match="was not converted"):
        restore(unet())


def parts() -> nn.Module:
    """Layers of diffusers and of torch, small to compile."""
    from diffusers.models import resnet

    down = resnet.Downsample2D(3, use_conv=True, padding=0, name="op")
    return nn.Sequential(down, resnet.Upsample2D(3), resnet.FirDownsample2D(), nn.SiLU())


@pytest.mark.parametrize(
    "make", [parts, *(pytest.param(make, marks=pytest.mark.slow) for make in (of_torch, unet))]
)
def test_compiled_models_agree(make, x) -> None:
    agrees_compiled(make, x, "aot_eager")


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")  # torch's own use
def test_compiled_code_agrees(x) -> None:
    agrees_compiled(parts, x, "inductor")


@torch.no_grad()
def agrees_compiled(make: Callable[[], nn.Module], x: Tensor, backend: str) -> None:
    torch.manual_seed(0)
    model = converted(make().eval())
    expected = called(model, x)
    model.compile(backend=backend)
    torch.testing.assert_close(called(model, x), expected, atol=1e-5, rtol=0)
