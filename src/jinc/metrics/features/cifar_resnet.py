"""CIFAR-10 ResNets as feature networks for small photographs."""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import file_digest
from jinc.metrics.features.extractors import Extractor
from jinc.metrics.features.weight_files import (
    check_digest_in_name,
    read_weights,
    take_weights,
)

WIDTHS = (16, 32, 64)
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Normalisation of the channels, for images in [0, 1]."""

SIZE = (32, 32)


class CifarResNet(nn.Module):
    """A ResNet of 6n + 2 layers with parameter-free shortcuts.

    Args:
        blocks: n, residual blocks at each of 32×32, 16×16 and 8×8.

    Source: arXiv 1512.03385, section 4.2, option A; names as in `resnet20-12fca82f.th`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        before = WIDTHS[0]
        for place, width in enumerate(WIDTHS, start=1):
            widths = [before, *[width] * (blocks - 1)]
            self.add_module(f"layer{place}", nn.Sequential(*(_Block(w, width) for w in widths)))
            before = width
        self.linear = nn.Linear(before, 10)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and the logits of the ten classes.

        Args:
            images: `[B, 3, 32, 32]` in [0, 1].

        Returns:
            `[B, 64]`, the average-pooled last layer, and `[B, 10]`.
        """
        x = F.relu(self.bn1(self.conv1((images - self.mean) / self.std)))
        for place in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{place}")(x)
        features = x.mean(dim=(-2, -1))
        return features, self.linear(features)


class _Block(nn.Module):
    """Two convolutions and a shortcut; wider blocks downsample, and pad the shortcut's channels."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.widens = before != after
        self.conv1 = nn.Conv2d(before, after, 3, 2 if self.widens else 1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.widens:
            more = y.shape[1] - x.shape[1]
            x = F.pad(x[..., ::2, ::2], (0, 0, 0, 0, more // 2, more - more // 2))
        return F.relu(x + y)


def open_cifar_resnet(path: str | Path) -> Extractor:
    """Open a CIFAR-10 ResNet of any depth, with logits.

    Args:
        path: such as `resnet20-12fca82f.th` or `resnet56-4bfd9763.th`, whose names hold the
            beginnings of their SHA-256.
    """
    file = Path(path)
    check_digest_in_name(file)
    weights = read_weights(file)
    blocks = _blocks(weights)
    if not blocks:
        raise JincError(f"{file}: is of another layout, it has no residual blocks")
    network = CifarResNet(blocks)
    take_weights(network, weights, file)
    # Convolutions of few channels are faster so on CPUs.
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    name = f"resnet{6 * blocks + 2}-cifar10"
    return Extractor(name, network, 3, SIZE, "antialiased", 0.0, 1.0, "64", file_digest(file))


def _blocks(names: Iterable[str]) -> int:
    """Count the residual blocks of the first size."""
    found = [re.match(r"layer1\.(\d+)\.", name) for name in names]
    return max((int(match[1]) + 1 for match in found if match), default=0)
