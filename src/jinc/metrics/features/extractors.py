"""What looks at images when they are scored: a network, and how images are brought to it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from jinc.data import to_channels, to_uint8
from jinc.errors import JincError, is_of_memory
from jinc.files import one_line
from jinc.metrics.features.resizing import RESIZES, Resize
from jinc.metrics.features.weight_files import network_digest
from jinc.schema import build

UNKNOWN = "unknown"
"""The digest of networks that have no weights to tell them by."""


@dataclass(frozen=True)
class ExtractorFacts:
    """All that a score depends on beside the images, told with every score.

    Args:
        name: of the network.
        layer: where in it features are taken.
        weights: SHA-256 of its weights, 64 hexadecimal digits; or `UNKNOWN`.
        channels: 1, and colours are made grey; or 3, and grey is repeated.
        image_size: height and width that images are resized to; None as they come.
        resize: by which rule.
        low: what black becomes.
        high: what white becomes.
    """

    name: str
    layer: str
    weights: str
    channels: int
    image_size: tuple[int, int] | None
    resize: Resize
    low: float
    high: float

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> "ExtractorFacts":
        """Take them as JSON has them.

        Args:
            found: names and values.

        Raises:
            JincError: one is missing, unknown or of another type.
        """
        return build(cls, found, "extractor")

    @property
    def is_known(self) -> bool:
        """Whether these facts are no other network's."""
        return self.weights != UNKNOWN

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that any other extractor would change."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def words(self) -> str:
        """Say in a few words how images are looked at."""
        size = "×".join(map(str, self.image_size)) if self.image_size else "size as they come"
        resized = "" if self.resize == "none" else f", resize {self.resize}"
        return f"{self.name}, {self.layer}, {size}{resized}, weights {self.weights[:8]}"


@dataclass(frozen=True, eq=False)
class Extractor:
    """A network that makes features of images, and all that is done to images before it.

    Images are rounded to bytes first, whether they come from files or straight from a model, so
    that both are given the same features. Features are not to be differentiated.

    Args:
        name: what scores are named after.
        network: from prepared images `[B, channels, H, W]` to features `[B, D]`, or to features
            and logits `[B, K]`, or None, of classes; set to evaluation.
        channels: 1 or 3.
        image_size: height and width that images are resized to; None as they come.
        resize: by which rule.
        low: what black, −1, becomes.
        high: what white, 1, becomes.
        layer: where features are taken.
        sha256: of the file that holds the weights; if not given, of the weights themselves and of
            what the network says of its layers. What has no weights cannot be told from others.

    Raises:
        JincError: an argument is out of range.

    >>> from torch import nn
    >>> pixels = Extractor("pixels", nn.Flatten(), channels=1, resize="none")
    >>> pixels(torch.ones(2, 1, 4, 4))[0].shape
    torch.Size([2, 16])
    """

    name: str
    network: Callable[[Tensor], Any]
    channels: int = 3
    image_size: tuple[int, int] | None = None
    resize: Resize = "antialiased"
    low: float = -1.0
    high: float = 1.0
    layer: str = "features"
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise JincError(f"channels must be 1 (grey) or 3 (RGB), not {self.channels}")
        if self.resize not in RESIZES:
            raise JincError(f"resize must be one of {', '.join(RESIZES)}, not {self.resize!r}")
        if (self.image_size is None) == (self.resize in ("antialiased", "tensorflow1")):
            raise JincError(f"resize: {self.resize} does not go with image_size {self.image_size}")
        if isinstance(self.network, nn.Module):
            self.network.eval()

    @cached_property
    def facts(self) -> ExtractorFacts:
        """All that a score depends on beside the images."""
        digest = self.sha256
        if digest is None:
            digest = _own_digest(self.network)
        return ExtractorFacts(
            self.name,
            self.layer,
            digest,
            self.channels,
            self.image_size,
            self.resize,
            self.low,
            self.high,
        )

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        if isinstance(self.network, nn.Module):
            for weight in self.network.parameters():
                return weight.device
        return torch.device("cpu")

    def prepare(self, images: Tensor) -> Tensor:
        """Bring images to the network.

        Args:
            images: `[B, 1 or 3, h, w]`, uint8, or float in [−1, 1], which is rounded to bytes.

        Returns:
            float32, `[B, channels, H, W]` from `low` to `high`, where the network is.

        Raises:
            JincError: they have another shape, or hold values that are not numbers.
        """
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            found = list(images.shape)
            raise JincError(f"images: must be [batch, 1 or 3, height, width], not {found}")
        stored = images if images.dtype == torch.uint8 else to_uint8(images)
        if stored.shape[1] != self.channels:
            fitted = to_channels(stored.cpu().permute(0, 2, 3, 1).numpy(), self.channels)
            stored = torch.from_numpy(fitted).permute(0, 3, 1, 2)
        levels = stored.to(self.device, torch.float32)
        sized = RESIZES[self.resize](levels, self.image_size or (0, 0))
        return sized * ((self.high - self.low) / 255) + self.low

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Make features.

        Args:
            images: as `prepare` takes them.

        Returns:
            features `[B, D]`, and logits `[B, K]` where the network has them, as it makes them.

        Raises:
            JincError: images that cannot be looked at, or features of another shape.
        """
        prepared = self.prepare(images)
        try:
            found = self.network(prepared)
        except (RuntimeError, ValueError, torch.jit.Error) as error:
            if is_of_memory(error):
                raise
            size = "×".join(map(str, prepared.shape[1:]))
            reason = f"cannot look at images of {size} numbers ({_reason(error)})"
            raise JincError(f"{self.name}: {reason}") from error
        features, logits = found if isinstance(found, tuple) else (found, None)
        if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != len(images):
            shape = list(features.shape) if isinstance(features, Tensor) else type(features)
            raise JincError(f"{self.name}: must make [{len(images)}, D] features, not {shape}")
        return features, logits


def _own_digest(network: Callable[[Tensor], Any]) -> str:
    """Return what a network is told by; what has no weights may be any other of its name."""
    if isinstance(network, nn.Module) and network.state_dict():
        return network_digest(network)
    return UNKNOWN


def _reason(error: Exception) -> str:
    """Tell in a line why a network failed; a program's own trace comes first in what it says."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return one_line(Exception(lines[-1 if "TorchScript" in str(error) else 0]))[:200]
