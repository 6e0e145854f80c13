"""The Inception network that FID is defined with, as released on 2015-12-05."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Layer: TypeAlias = Literal["64", "192", "768", "2048"]
"""Where features are taken, by how many they are: after the first and the second pooling, before
the last reduction, and at the end."""

CLASSES = 1008
_STEM: Mapping[str, tuple[int, int, dict[str, Any]]] = {
    "Conv2d_1a_3x3": (3, 32, {"kernel_size": 3, "stride": 2}),
    "Conv2d_2a_3x3": (32, 32, {"kernel_size": 3}),
    "Conv2d_2b_3x3": (32, 64, {"kernel_size": 3, "padding": 1}),
    "Conv2d_3b_1x1": (64, 80, {"kernel_size": 1}),
    "Conv2d_4a_3x3": (80, 192, {"kernel_size": 3}),
}


class Inception(nn.Module):
    """Inception-v3 with the pooling and the 1,008 classes of TensorFlow's file.

    Unlike the published architecture, 3×3 average pooling ignores the padding, and the last block
    has max pooling instead. Names of weights are those of `pt_inception-2015-12-05-6726825d.pth`.

    Args:
        layer: that features are taken from.

    Source: arXiv 1512.00567; the layers of inception-2015-12-05.tgz.
    """

    def __init__(self, layer: Layer = "2048") -> None:
        super().__init__()
        self.layer = layer
        for name, (before, after, kernel) in _STEM.items():
            self.add_module(name, _Conv(before, after, **kernel))
        self.Mixed_5b = _block_a(192, 32)
        self.Mixed_5c = _block_a(256, 64)
        self.Mixed_5d = _block_a(288, 64)
        self.Mixed_6a = _block_b(288)
        self.Mixed_6b = _block_c(768, 128)
        self.Mixed_6c = _block_c(768, 160)
        self.Mixed_6d = _block_c(768, 160)
        self.Mixed_6e = _block_c(768, 192)
        self.Mixed_7a = _block_d(768)
        self.Mixed_7b = _block_e(1280, "mean")
        self.Mixed_7c = _block_e(2048, "max")
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features and logits.

        Args:
            images: `[B, 3, 299, 299]` in [−1, 127/128].

        Returns:
            `[B, 64, 192, 768 or 2048]`, averaged over the image, and `[B, 1008]` logits without
            their bias, as the Inception score is defined with; None for the layers before the last.
        """
        x = self._along(images, "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3")
        x = F.max_pool2d(x, 3, stride=2)
        if self.layer == "64":
            return x.mean(dim=(-2, -1)), None
        x = F.max_pool2d(self._along(x, "Conv2d_3b_1x1", "Conv2d_4a_3x3"), 3, stride=2)
        if self.layer == "192":
            return x.mean(dim=(-2, -1)), None
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        if self.layer == "768":
            return x.mean(dim=(-2, -1)), None
        features = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean(dim=(-2, -1))
        return features, features @ self.fc.weight.T

    def _along(self, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = self.get_submodule(name)(x)
        return x


class _Conv(nn.Module):
    """Convolution, batch normalisation and ReLU."""

    def __init__(self, before: int, after: int, **kernel: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, bias=False, **kernel)
        self.bn = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


Chain: TypeAlias = tuple[str | tuple[str, ...], ...]
"""Names of consecutive convolutions; those in a tuple are parallel."""


class _Mixed(nn.Module):
    """Parallel chains with concatenated outputs, the pooled one last."""

    def __init__(
        self, parts: Mapping[str, _Conv], chains: tuple[Chain, ...], pool: Literal["mean", "max"]
    ) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.chains = chains
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(self._along(chain, x) for chain in self.chains), self._pooled(x)], 1)

    def _along(self, chain: Chain, x: Tensor) -> Tensor:
        for step in chain:
            names = (step,) if isinstance(step, str) else step
            x = torch.cat([self.get_submodule(name)(x) for name in names], dim=1)
        return x

    def _pooled(self, x: Tensor) -> Tensor:
        if self.pool == "mean":
            x = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        else:
            x = F.max_pool2d(x, 3, stride=1, padding=1)
        projected: Tensor = self.get_submodule("branch_pool")(x)
        return projected


class _Reduced(_Mixed):
    """Chains of stride 2 beside max pooling of stride 2."""

    def _pooled(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, stride=2)


def _block_a(before: int, pooled: int) -> _Mixed:
    """35×35: 1×1, 5×5, twice 3×3, and average pooling."""
    parts = {
        "branch1x1": _Conv(before, 64, kernel_size=1),
        "branch5x5_1": _Conv(before, 48, kernel_size=1),
        "branch5x5_2": _Conv(48, 64, kernel_size=5, padding=2),
        "branch3x3dbl_1": _Conv(before, 64, kernel_size=1),
        "branch3x3dbl_2": _Conv(64, 96, kernel_size=3, padding=1),
        "branch3x3dbl_3": _Conv(96, 96, kernel_size=3, padding=1),
        "branch_pool": _Conv(before, pooled, kernel_size=1),
    }
    return _Mixed(
        parts, (("branch1x1",), _steps("branch5x5", 2), _steps("branch3x3dbl", 3)), "mean"
    )


def _block_b(before: int) -> _Mixed:
    """35×35 to 17×17."""
    parts = {
        "branch3x3": _Conv(before, 384, kernel_size=3, stride=2),
        "branch3x3dbl_1": _Conv(before, 64, kernel_size=1),
        "branch3x3dbl_2": _Conv(64, 96, kernel_size=3, padding=1),
        "branch3x3dbl_3": _Conv(96, 96, kernel_size=3, stride=2),
    }
    return _Reduced(parts, (("branch3x3",), _steps("branch3x3dbl", 3)), "max")


def _block_c(before: int, inner: int) -> _Mixed:
    """17×17: separable 7×7, once and twice."""
    parts = {
        "branch1x1": _Conv(before, 192, kernel_size=1),
        "branch7x7_1": _Conv(before, inner, kernel_size=1),
        "branch7x7_2": _row(inner, inner, 7),
        "branch7x7_3": _column(inner, 192, 7),
        "branch7x7dbl_1": _Conv(before, inner, kernel_size=1),
        "branch7x7dbl_2": _column(inner, inner, 7),
        "branch7x7dbl_3": _row(inner, inner, 7),
        "branch7x7dbl_4": _column(inner, inner, 7),
        "branch7x7dbl_5": _row(inner, 192, 7),
        "branch_pool": _Conv(before, 192, kernel_size=1),
    }
    return _Mixed(
        parts, (("branch1x1",), _steps("branch7x7", 3), _steps("branch7x7dbl", 5)), "mean"
    )


def _block_d(before: int) -> _Mixed:
    """17×17 to 8×8."""
    parts = {
        "branch3x3_1": _Conv(before, 192, kernel_size=1),
        "branch3x3_2": _Conv(192, 320, kernel_size=3, stride=2),
        "branch7x7x3_1": _Conv(before, 192, kernel_size=1),
        "branch7x7x3_2": _row(192, 192, 7),
        "branch7x7x3_3": _column(192, 192, 7),
        "branch7x7x3_4": _Conv(192, 192, kernel_size=3, stride=2),
    }
    return _Reduced(parts, (_steps("branch3x3", 2), _steps("branch7x7x3", 4)), "max")


def _block_e(before: int, pool: Literal["mean", "max"]) -> _Mixed:
    """8×8: rows and columns in parallel."""
    parts = {
        "branch1x1": _Conv(before, 320, kernel_size=1),
        "branch3x3_1": _Conv(before, 384, kernel_size=1),
        "branch3x3_2a": _row(384, 384, 3),
        "branch3x3_2b": _column(384, 384, 3),
        "branch3x3dbl_1": _Conv(before, 448, kernel_size=1),
        "branch3x3dbl_2": _Conv(448, 384, kernel_size=3, padding=1),
        "branch3x3dbl_3a": _row(384, 384, 3),
        "branch3x3dbl_3b": _column(384, 384, 3),
        "branch_pool": _Conv(before, 192, kernel_size=1),
    }
    once: Chain = ("branch3x3_1", ("branch3x3_2a", "branch3x3_2b"))
    twice: Chain = (
        "branch3x3dbl_1",
        "branch3x3dbl_2",
        ("branch3x3dbl_3a", "branch3x3dbl_3b"),
    )
    return _Mixed(parts, (("branch1x1",), once, twice), pool)


def _steps(name: str, count: int) -> Chain:
    return tuple(f"{name}_{place}" for place in range(1, count + 1))


def _row(before: int, after: int, length: int) -> _Conv:
    return _Conv(before, after, kernel_size=(1, length), padding=(0, length // 2))


def _column(before: int, after: int, length: int) -> _Conv:
    return _Conv(before, after, kernel_size=(length, 1), padding=(length // 2, 0))
