"""Inception: its layout, and what it computes, against the network spelled out once more."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError
from jinc.metrics import Extractor, open_inception, score_name
from jinc.metrics.features.extractors import resize_tensorflow1
from jinc.metrics.features.inception import Inception

MIXED = {
    "5b": (192, {"1x1": 64, "5x5": (48, 64), "3x3dbl": (64, 96, 96), "pool": 32}),
    "5c": (256, {"1x1": 64, "5x5": (48, 64), "3x3dbl": (64, 96, 96), "pool": 64}),
    "5d": (288, {"1x1": 64, "5x5": (48, 64), "3x3dbl": (64, 96, 96), "pool": 64}),
    "6a": (288, {"3x3": 384, "3x3dbl": (64, 96, 96)}),
    "6b": (768, {"1x1": 192, "7x7": (128, 128, 192), "7x7dbl": (128,) * 4 + (192,), "pool": 192}),
    "6c": (768, {"1x1": 192, "7x7": (160, 160, 192), "7x7dbl": (160,) * 4 + (192,), "pool": 192}),
    "6d": (768, {"1x1": 192, "7x7": (160, 160, 192), "7x7dbl": (160,) * 4 + (192,), "pool": 192}),
    "6e": (768, {"1x1": 192, "7x7": (192, 192, 192), "7x7dbl": (192,) * 5, "pool": 192}),
    "7a": (768, {"3x3": (192, 320), "7x7x3": (192,) * 4}),
}
"""Channels after each convolution of each branch, as published."""

KERNELS = {
    **{"5x5_2": (5, 5), "3x3": (3, 3), "3x3_2": (3, 3), "3x3dbl_2": (3, 3), "3x3dbl_3": (3, 3)},
    **{"7x7_2": (1, 7), "7x7_3": (7, 1), "7x7dbl_2": (7, 1), "7x7dbl_3": (1, 7)},
    **{"7x7dbl_4": (7, 1), "7x7dbl_5": (1, 7)},
    **{"7x7x3_2": (1, 7), "7x7x3_3": (7, 1), "7x7x3_4": (3, 3)},
    **{"3x3_2a": (1, 3), "3x3_2b": (3, 1), "3x3dbl_3a": (1, 3), "3x3dbl_3b": (3, 1)},
}


def convolutions() -> dict[str, tuple[int, ...]]:
    """The shapes of all convolutions by name."""
    found = {
        "Conv2d_1a_3x3": (32, 3, 3, 3),
        "Conv2d_2a_3x3": (32, 32, 3, 3),
        "Conv2d_2b_3x3": (64, 32, 3, 3),
        "Conv2d_3b_1x1": (80, 64, 1, 1),
        "Conv2d_4a_3x3": (192, 80, 3, 3),
    }
    for place, (before, branches) in MIXED.items():
        for branch, widths in branches.items():
            chain = (widths,) if isinstance(widths, int) else widths
            inside = before
            for step, after in enumerate(chain, start=1):
                name = branch if isinstance(widths, int) else f"{branch}_{step}"
                kernel = KERNELS.get(name, (1, 1))
                label = "branch_pool" if name == "pool" else f"branch{name}"
                found[f"Mixed_{place}.{label}"] = (after, inside, *kernel)
                inside = after
    for place, before in {"7b": 1280, "7c": 2048}.items():
        at = f"Mixed_{place}.branch"
        found |= {f"{at}1x1": (320, before, 1, 1), f"{at}_pool": (192, before, 1, 1)}
        found |= {f"{at}3x3_1": (384, before, 1, 1), f"{at}3x3dbl_1": (448, before, 1, 1)}
        found |= {f"{at}3x3_2a": (384, 384, 1, 3), f"{at}3x3_2b": (384, 384, 3, 1)}
        found |= {f"{at}3x3dbl_2": (384, 448, 3, 3)}
        found |= {f"{at}3x3dbl_3a": (384, 384, 1, 3), f"{at}3x3dbl_3b": (384, 384, 3, 1)}
    return found


def random_weights() -> dict[str, Tensor]:
    """A state dict of the published layout."""
    random = torch.Generator().manual_seed(0)
    weights: dict[str, Tensor] = {}
    for name, shape in convolutions().items():
        spread = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        weights[f"{name}.conv.weight"] = spread * torch.randn(*shape, generator=random)
        for part in ("weight", "bias", "running_mean", "running_var"):
            drawn = torch.rand(shape[0], generator=random)
            weights[f"{name}.bn.{part}"] = drawn - 0.3 if "mean" in part else drawn * 0.5 + 0.5
        weights[f"{name}.bn.num_batches_tracked"] = torch.tensor(0)
    weights["fc.weight"] = torch.randn(1008, 2048, generator=random) / 45
    weights["fc.bias"] = torch.randn(1008, generator=random)
    return weights


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return random_weights()


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(weights, path)
    return path


def spelled_out(w: dict[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """The network in one function, its means over neighbours as sums and counts."""

    def conv(x: Tensor, name: str, stride: int = 1, same: bool = True) -> Tensor:
        kernel = w[f"{name}.conv.weight"]
        pad = [k // 2 for k in kernel.shape[2:]] if same else [0, 0]
        x = F.conv2d(x, kernel, stride=stride, padding=pad)
        g, b, m, v = (
            w[f"{name}.bn.{p}"][:, None, None]
            for p in ("weight", "bias", "running_mean", "running_var")
        )
        return ((x - m) / (v + 0.001).sqrt() * g + b).relu()

    def mean3(x: Tensor) -> Tensor:
        box = torch.ones(1, 1, 3, 3)
        sums = F.conv2d(x.flatten(0, 1)[:, None], box, padding=1).view_as(x)
        return sums / F.conv2d(torch.ones(1, 1, *x.shape[2:]), box, padding=1)

    def chain(x: Tensor, at: str, branch: str, count: int) -> Tensor:
        for step in range(1, count + 1):
            x = conv(x, f"{at}.branch{branch}_{step}")
        return x

    def last(x: Tensor, at: str, pooled: Tensor) -> Tensor:
        once = conv(x, f"{at}.branch3x3_1")
        twice = chain(x, at, "3x3dbl", 2)
        sides = [conv(once, f"{at}.branch3x3_2{s}") for s in "ab"]
        sides += [conv(twice, f"{at}.branch3x3dbl_3{s}") for s in "ab"]
        ends = conv(x, f"{at}.branch1x1"), conv(pooled, f"{at}.branch_pool")
        return torch.cat([ends[0], *sides, ends[1]], 1)

    found = {}
    x = conv(images, "Conv2d_1a_3x3", 2, same=False)
    x = conv(conv(x, "Conv2d_2a_3x3", same=False), "Conv2d_2b_3x3")
    x = F.max_pool2d(x, 3, 2)
    found["64"] = x
    x = conv(conv(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3", same=False)
    x = F.max_pool2d(x, 3, 2)
    found["192"] = x
    for at in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        sides = [chain(x, at, "5x5", 2), chain(x, at, "3x3dbl", 3)]
        pooled = conv(mean3(x), f"{at}.branch_pool")
        x = torch.cat([conv(x, f"{at}.branch1x1"), *sides, pooled], 1)
    halved = conv(x, "Mixed_6a.branch3x3", 2, same=False)
    deep = conv(chain(x, "Mixed_6a", "3x3dbl", 2), "Mixed_6a.branch3x3dbl_3", 2, same=False)
    x = torch.cat([halved, deep, F.max_pool2d(x, 3, 2)], 1)
    for at in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        sides = [chain(x, at, "7x7", 3), chain(x, at, "7x7dbl", 5)]
        pooled = conv(mean3(x), f"{at}.branch_pool")
        x = torch.cat([conv(x, f"{at}.branch1x1"), *sides, pooled], 1)
    found["768"] = x
    halved = conv(chain(x, "Mixed_7a", "3x3", 1), "Mixed_7a.branch3x3_2", 2, same=False)
    deep = conv(chain(x, "Mixed_7a", "7x7x3", 3), "Mixed_7a.branch7x7x3_4", 2, same=False)
    x = torch.cat([halved, deep, F.max_pool2d(x, 3, 2)], 1)
    x = last(x, "Mixed_7b", mean3(x))
    found["2048"] = x = last(x, "Mixed_7c", F.max_pool2d(x, 3, 1, padding=1))
    features = {layer: maps.flatten(2).mean(-1) for layer, maps in found.items()}
    return features | {"logits": features["2048"] @ w["fc.weight"].T}


def test_the_layout_is_the_published_one(weights) -> None:
    assert len(weights) == 566
    ours = {name: tuple(value.shape) for name, value in Inception().state_dict().items()}
    assert ours == {name: tuple(value.shape) for name, value in weights.items()}


def test_a_file_of_that_layout_computes_what_is_spelled_out(weights, file) -> None:
    images = torch.randint(0, 256, (1, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    resized = resize_tensorflow1(images.float(), (299, 299))
    expected = spelled_out(weights, (resized - 128) / 128)
    for layer in ("64", "192", "768", "2048"):
        extractor = open_inception(file, layer=layer, any_weights=True)
        features, logits = extractor(images.to(torch.uint8))
        assert features.shape == (1, int(layer))
        assert float(features.std()) > 0.01  # the random network is alive
        torch.testing.assert_close(features, expected[layer], rtol=1e-3, atol=1e-4)
        assert (logits is None) == (layer != "2048")
    torch.testing.assert_close(logits, expected["logits"], rtol=1e-3, atol=1e-3)


def test_every_weight_matters(weights, file) -> None:
    """A block that was forgotten, or used twice, would not notice its weights."""
    network = open_inception(file, any_weights=True).network
    assert isinstance(network, Inception)
    network.requires_grad_(True)
    network.fc.bias.requires_grad_(False)  # by definition of the Inception score
    image = torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(2)) * 2 - 1
    features, logits = network(image)
    assert logits is not None
    (features.square().sum() + logits.square().sum()).backward()
    still = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
    still += [n for n, p in network.named_parameters() if p.grad is not None and not p.grad.any()]
    assert not still


def test_counts_of_batches_may_be_missing(weights, tmp_path) -> None:
    lean = {name: value for name, value in weights.items() if "num_batches" not in name}
    assert len(lean) == 472
    torch.save(lean, tmp_path / "lean.pth")
    assert open_inception(tmp_path / "lean.pth", any_weights=True).layer == "2048"


def test_scores_by_other_weights_are_not_called_fid(file) -> None:
    extractor: Extractor = open_inception(file, any_weights=True)
    assert score_name(extractor.facts) == "Fréchet distance (inception-like)"


def test_a_file_with_another_hash_is_refused(file) -> None:
    with pytest.raises(JincError, match=rf"{file.name}: SHA-256 is .*, not 6726825d0af5f729"):
        open_inception(file)


def test_a_file_of_another_layout_is_refused(weights, tmp_path) -> None:
    file = tmp_path / "w.pth"
    name = "Mixed_6c.branch7x7_2.conv.weight"
    changes = {
        f"has no weight {name}": {k: v for k, v in weights.items() if k != name},
        "has an unknown weight AuxLogits": weights | {"AuxLogits": torch.zeros(1)},
        r"is \[160, 160, 7, 1\], not \[160, 160, 1, 7\]": weights | {name: weights[name].mT},
        f"{name} holds values that are not finite": weights | {name: weights[name] * torch.nan},
    }
    for says, changed in changes.items():
        torch.save(changed, file)
        with pytest.raises(JincError, match=says):
            open_inception(file, any_weights=True)
