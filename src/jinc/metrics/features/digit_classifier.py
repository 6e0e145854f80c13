"""A small classifier of digits, whose features score generated digits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from safetensors.torch import save as serialize
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import file_digest, writing
from jinc.manifest import check_manifest, replacing
from jinc.metrics.features.extractors import Extractor
from jinc.metrics.features.weight_files import take_weights
from jinc.tensors import read_tensors

DigitSet: TypeAlias = Literal["mnist", "mnist-m"]


@dataclass(frozen=True)
class DigitShape:
    """Input shape and widths of a classifier.

    Args:
        image_size: pixels a side.
        channels: 1 or 3.
        widths: channels after each of the five convolutions.
    """

    image_size: int
    channels: int
    widths: tuple[int, int, int, int, int]


SHAPES: Mapping[DigitSet, DigitShape] = {
    "mnist": DigitShape(28, 1, (16, 32, 32, 64, 64)),
    "mnist-m": DigitShape(32, 3, (32, 64, 64, 128, 128)),
}

WEIGHTS, FACTS = "classifier.safetensors", "classifier.json"


class DigitClassifier(nn.Module):
    """Five 3×3 convolutions, two of stride 2, and global average pooling."""

    def __init__(self, shape: DigitShape = SHAPES["mnist"]) -> None:
        super().__init__()
        a, b, c, d, e = shape.widths
        self.features = nn.Sequential(
            *_block(shape.channels, a),
            *_block(a, b, 2),
            *_block(b, c),
            *_block(c, d, 2),
            *_block(d, e),
        )
        self.classes = nn.Linear(e, 10)

    def embed(self, images: Tensor) -> Tensor:
        """Return features `[B, D]` of images `[B, C, H, W]` in [−1, 1]."""
        maps: Tensor = self.features(images)
        return maps.mean(dim=(-2, -1))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits `[B, 10]` of images `[B, C, H, W]` in [−1, 1]."""
        logits: Tensor = self.classes(self.embed(images))
        return logits


class _Both(nn.Module):
    """A classifier that returns features and logits."""

    def __init__(self, classifier: DigitClassifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.classifier.embed(images)
        return features, self.classifier.classes(features)


def save_digit_classifier(
    folder: str | Path, classifier: DigitClassifier, kind: DigitSet, facts: Mapping[str, Any]
) -> None:
    """Write a folder of weights, facts and manifest, or replace it atomically.

    Args:
        folder: its path.
        classifier: the trained classifier.
        kind: of its digits.
        facts: recipe and accuracy, ready for JSON.

    Raises:
        JincError: it cannot be written, or holds other files.
    """
    weights = {name: value.contiguous() for name, value in classifier.state_dict().items()}
    with replacing(Path(folder)) as whole:
        with writing(whole / WEIGHTS) as file:
            file.write(serialize(weights))
        with writing(whole / FACTS) as file:
            text = json.dumps({"kind": kind, **facts}, indent=2, ensure_ascii=False)
            file.write((text + "\n").encode())


def read_digit_classifier(path: str | Path) -> tuple[DigitClassifier, DigitSet, str]:
    """Read a trained classifier, in evaluation mode.

    Args:
        path: a folder that `jinc features train` wrote, or a safetensors file of the weights.

    Returns:
        The classifier, the kind of its digits, and the SHA-256 of its weights.
    """
    place = Path(path)
    if place.is_dir():
        if not any((place / name).is_file() for name in (WEIGHTS, FACTS)):
            raise JincError(f"{place}: is no classifier of `jinc features train`")
        check_manifest(place)
        place = place / WEIGHTS
    weights = read_tensors(place)
    first = weights.get("features.0.weight")
    shapes: dict[tuple[int, ...], DigitSet] = {
        (s.widths[0], s.channels, 3, 3): kind for kind, s in SHAPES.items()
    }
    kind = None if first is None else shapes.get(tuple(first.shape))
    if kind is None:
        raise JincError(f"{place}: is of another layout, no classifier of digits")
    classifier = DigitClassifier(SHAPES[kind])
    take_weights(classifier, weights, place)
    return classifier, kind, file_digest(place)


def open_digit_classifier(path: str | Path) -> Extractor:
    """Open a trained classifier of digits as an extractor, with logits.

    Args:
        path: a folder that `jinc features train` wrote, or a safetensors file of the weights.
    """
    classifier, kind, digest = read_digit_classifier(path)
    shape = SHAPES[kind]
    size = (shape.image_size, shape.image_size)
    name, layer = f"{kind}-classifier", str(shape.widths[-1])
    return Extractor(
        name, _Both(classifier), shape.channels, size, "antialiased", -1.0, 1.0, layer, digest
    )


def _block(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(after), nn.ReLU()]
