"""Models that are converted in part or not at all: each says so, and nothing changes in silence."""

import pickle
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

import jinc
from jinc import conversion, convert, restore
from jinc.models.convert import RULES

X = torch.randn(1, 4, 16, 24, generator=torch.Generator().manual_seed(0))


class Does(nn.Module):
    """Activate, then call a function, which is no method."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.activation, self.function = nn.SiLU(), [function]

    def forward(self, x: Tensor) -> Tensor:
        return self.function[0](self.activation(x))


def assigned(x: Tensor, pixels: object) -> Tensor:
    """Set some pixels to zero."""
    x = x.clone()
    x[pixels] = 0
    return x


class First(nn.Module):
    """Return the first of several values."""

    def forward(self, values: tuple[Tensor, ...]) -> Tensor:
        return values[0]


LEFT = {
    "a third": (lambda x: F.interpolate(x, scale_factor=3.0), "16×24 to 48×72 is not by two"),
    "a quarter": (lambda x: F.max_pool2d(x, 4), "16×24 to 4×6 is not by two"),
    "a layer by three": (nn.Upsample(scale_factor=3), "is not by two"),
    "a layer by four": (nn.AvgPool2d(4), "is not by two"),
    "a stride of three": (nn.Conv2d(4, 4, 3, 3), "16×24 to 5×8 is not by two"),
    "slices": (lambda x: x[..., ::2, ::2], "a strided slice has no alias-free form"),
    "a helper": (lambda x: F.avg_pool2d(x, 2), "called by a function that is not a method"),
    "a method": (lambda x: x.relu(), "called as a method"),
    "indices": (nn.Sequential(nn.MaxPool2d(2, return_indices=True), First()), "with these argume"),
    "a divisor": (nn.AvgPool2d(2, divisor_override=1), "avg_pool2d with these arguments"),
    "corners": (nn.UpsamplingBilinear2d(scale_factor=2), "interpolate with these arguments"),
    "listed pixels": (lambda x: x[:, :, list(range(0, 16, 2))], "a strided slice"),
    "blocks": (lambda x: x[..., None, :, None].expand(-1, -1, -1, 2, -1, 2), "blocks of pixels"),
    "zeros between pixels": (lambda x: assigned(x, (..., slice(0, None, 2))), "an assignment to"),
    "zeros by a mask": (lambda x: assigned(x, x < 0), "an assignment to some pixels"),
    "a threshold": (nn.Threshold(0, 0), "threshold has no alias-free form"),
    "logarithms": (F.logsigmoid, "log_sigmoid has no alias-free form"),
    "unit vectors": (F.normalize, "normalize has no alias-free form"),
    "an inverse": (lambda x: 1 / x, "rdiv"),
    "means of blocks": (lambda x: x.view(1, 4, 8, 2, 12, 2).mean((3, 5)), "blocks of pixels"),
    "windows": (lambda x: F.unfold(x, 2, stride=2), "unfold has no alias-free form"),
    "scripted": (lambda x: scripted(squashed)(x), "what it calls is not known"),
    "other functions": (torch.tanh, "tanh has no alias-free form"),
    "a gate": (lambda x: x * (x + 1), "a product of maps"),
    "tokens": (lambda x: F.gelu(x.flatten(2).mT), "3-D: tokens"),
    "volumes": (lambda x: F.silu(x[:, :, None]), "5-D: volumes"),
    "patches": (lambda x: x.view(1, 4, 8, 2, 12, 2).permute(0, 1, 3, 5, 2, 4), "blocks of pixels"),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), "attention"),
    "channels last": (lambda x: F.relu(x.movedim(1, -1)), "channels last"),
    "heads": (lambda x: F.relu(x.view(1, 4, 2, -1)), "of no resolution of the image"),
}


@pytest.mark.parametrize("name", LEFT)
@torch.no_grad()
def test_what_stays_is_named_with_the_reason(name) -> None:
    function, reason = LEFT[name]
    model = Does(function)
    if isinstance(function, nn.Module):
        model = nn.Sequential(nn.SiLU(), function)
    before = model(X)
    (call,) = conversion(convert(model, example=X)).left
    assert reason in call.reason
    assert torch.equal(restore(model)(X), before)


def test_designs_that_leave_layers_name_them() -> None:
    model = nn.Sequential(nn.SiLU(), nn.AvgPool2d(2))
    for config, left in (("B@6", "silu"), ("C@6", "avg_pool2d")):
        (call,) = conversion(convert(model, config, example=X)).left
        assert (call.function, call.reason) == (left, f"design {config} leaves it")
        restore(model)


class Square(nn.Module):
    """Activate maps with as many channels as rows and columns."""

    def __init__(self, *, channels_last: bool) -> None:
        super().__init__()
        self.linear, self.act, self.last = nn.Linear(16, 16), nn.SiLU(), channels_last

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.linear(x.permute(0, 2, 3, 1)) if self.last else x)


@torch.no_grad()
def test_channels_last_are_found_where_sizes_do_not_tell() -> None:
    x = torch.randn(1, 16, 16, 16)
    with pytest.raises(jinc.JincError, match="channels last"):
        convert(Square(channels_last=True), example=x)
    assert conversion(convert(Square(channels_last=False), example=x)).left == []


@torch.no_grad()
def test_vectors_beside_maps_stay() -> None:
    """Squeeze and excitation: the map of one pixel is a vector."""
    gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.ReLU())
    model = nn.ModuleList([gate, nn.SiLU()])
    model.forward = lambda x: model[1](x) * model[0](x)
    whole = nn.Sequential(model)
    before = gate(X)
    assert conversion(convert(whole, example=X)).left == []
    assert torch.equal(gate(X), before)


WEIGHTS = {
    "normalised": parametrizations.weight_norm,
    "spectral": parametrizations.spectral_norm,
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
}


@pytest.mark.parametrize("name", WEIGHTS)
@torch.no_grad()
def test_weights_that_are_made_are_no_maps(name) -> None:
    model = nn.Sequential(WEIGHTS[name](nn.Conv2d(4, 4, 3, 2, 1)), nn.SiLU()).eval()
    before = model(X)
    made = conversion(convert(model, example=X))
    assert (sum(made.replaced.values()), made.left) == (2, [])
    assert torch.equal(restore(model)(X), before)


@pytest.mark.parametrize("patch", [2, 4])
@torch.no_grad()
def test_patches_are_those_of_a_dense_convolution(patch) -> None:
    """Slow waves pass as before; those that patches cannot hold do not."""
    layer = nn.Conv2d(4, 8, patch, stride=patch)
    place = torch.arange(48) * 2 * torch.pi / 48

    def wave(cycles: int) -> Tensor:
        return torch.cos(place[:, None] + cycles * place).expand(1, 4, 48, 48)

    slow, fast, nothing = (layer(each) for each in (wave(1), wave(20), 0 * wave(1)))
    convert(layer, "B@12", padding="circular", example=wave(1))
    assert float((layer(slow_wave := wave(1)) - slow).std() / slow.std()) < 0.06, slow_wave.shape
    left = (layer(wave(20)) - nothing).std() / (fast - nothing).std()
    assert float(left) < 0.05


class Shared(nn.Module):
    """Run one activation before and after pooling, and under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = self.second = nn.SiLU()
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.pool(self.first(x)))


class TwoLevels(nn.Module):
    """Call different functions at two resolutions."""

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(F.relu(x)[..., ::2, ::2])


@torch.no_grad()
def test_shared_modules_have_one_design() -> None:
    model = Shared()
    before = model(X)
    convert(model, "D@6", example=X)
    assert model.first is model.second
    assert torch.equal(restore(model)(X), before)
    convert(model, "D@12,D@6", designs={"first": "D@6", "second": "D@6"}, example=X)


def scripted(what: object = None) -> Callable[..., Tensor]:
    """Script a layer or a function; the function says that it is deprecated."""
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        return torch.jit.script(what or nn.SiLU())


def squashed(x: Tensor) -> Tensor:
    return torch.tanh(x)


def quantised() -> nn.Module:
    import torch.ao.nn.quantized as quantised

    return nn.Sequential(nn.SiLU(), quantised.ReLU6())


def compiled_in_place() -> nn.Module:
    model = nn.SiLU()
    model.compile(backend="eager")
    return nn.Sequential(model)


def hooked() -> nn.Module:
    from accelerate.hooks import ModelHook, add_hook_to_module

    return nn.Sequential(add_hook_to_module(nn.SiLU(), ModelHook()))


def breaks(module, name, operations):
    def forward(self, x):
        raise ValueError("out of paper")

    return forward


line, volume = torch.ones(1, 4, 16), torch.ones(1, 4, 8, 16, 16)
REFUSED = {
    "lines": (lambda: nn.Sequential(nn.Conv1d(4, 4, 3, 2), nn.SiLU()), line, {}, "3-D: tokens or"),
    "volumes": (lambda: nn.Sequential(nn.Conv3d(4, 4, 3), nn.SiLU()), volume, {}, "5-D: volumes"),
    "scripted": (scripted, X, {}, "it is scripted"),
    "scripted layer": (lambda: nn.Sequential(scripted()), X, {}, "0 is scripted"),
    "compiled": (lambda: torch.compile(nn.SiLU(), backend="eager"), X, {}, "it is compiled"),
    "compiled layer": (compiled_in_place, X, {}, "0 is compiled"),
    "quantised": (quantised, X, {}, "1 is quantised"),
    "hooked": (hooked, X, {}, "0 has a forward of its own"),
    "two levels": (
        Shared,
        X,
        {"config": "D@12,D@6"},
        "D@6 as first at level 1 and D@12 as first at",
    ),
    "two functions": (
        TwoLevels,
        X,
        {"config": "A,D@12"},
        "D@12 as the model itself at level 1 and A as the model itself at level 0",
    ),
    "no such module": (
        Shared,
        X,
        {"designs": {"pol": "A"}},
        "'pol' matches no module; nearest are pool",
    ),
    "two names": (
        Shared,
        X,
        {"designs": {"second": "A"}},
        "A as second at level 0 and D@6 as first",
    ),
    "no rule": (nn.SiLU, X, {"rules": ["strided"]}, "'strided' is no function"),
    "no list of rules": (nn.SiLU, X, {"rules": "strided"}, "'strided' is no function"),
    "no rules": (nn.SiLU, X, {"rules": None}, "None is no function"),
    "short rule": (nn.SiLU, X, {"rules": [lambda module: None]}, "<lambda> fails for it: "),
    "no designs": (nn.SiLU, X, {"designs": "A"}, "'A' is no mapping of names"),
    "no padding": (nn.SiLU, X, {"padding": ""}, "'' is not one of zeros, reflect"),
    "no name": (nn.SiLU, X, {"designs": {3: "A"}}, "3: 'A' is not the pattern of a name"),
    "no example": (nn.SiLU, 5, {}, "5 is no tensor, nor"),
    "no batch": (nn.SiLU, X[0], {}, "a map without batch"),
    "no batch to convolve": (lambda: nn.Conv2d(4, 4, 3, 2), X[0], {}, "a map without batch"),
    "converted part": (
        lambda: nn.Sequential(convert(nn.SiLU(), example=X)),
        X,
        {},
        "0 is converted already",
    ),
    "wrong rule": (nn.SiLU, X, {"rules": [lambda *_: 3]}, "returned 3 for it"),
    "broken rule": (nn.SiLU, X, {"rules": [breaks, *RULES]}, "SiLU cannot run: out of paper"),
    "wrong example": (lambda: nn.Conv2d(3, 4, 3, 2), X, {}, "Conv2d cannot run: Given groups=1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_leave_models_as_they_were(name) -> None:
    make, example, settings, words = REFUSED[name]
    model = make()
    before = [(type(each), dict(vars(each))) for each in model.modules()]
    with pytest.raises(jinc.JincError, match=words) as error:
        convert(model, **settings, example=example)
    assert len(str(error.value).splitlines()) == 1
    assert [type(each) for each in model.modules()] == [kind for kind, _ in before]
    for each, (_, attributes) in zip(model.modules(), before, strict=True):
        assert vars(each).keys() == attributes.keys()


@pytest.mark.parametrize("model", [None, "a/folder"])
def test_what_is_no_model_is_refused(model) -> None:
    with pytest.raises(jinc.JincError, match=r"is no torch\.nn\.Module"):
        convert(model)


def test_converted_models_are_no_pickles() -> None:
    model = convert(nn.Sequential(nn.SiLU()), example=X)
    with pytest.raises(jinc.JincError, match="pickle: SiLU is converted; save state_dict"):
        pickle.dumps(model)
    pickle.dumps(restore(model))
