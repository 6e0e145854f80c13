"""Feature extractors: a network and its preprocessing, resizing included."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.data import to_channels, to_uint8
from jinc.errors import JincError, is_of_memory
from jinc.files import one_line
from jinc.metrics.features.weight_files import network_digest
from jinc.schema import build

UNKNOWN = "unknown"
"""The digest of networks without weights."""

Resize: TypeAlias = Literal["none", "antialiased", "tensorflow1", "inside"]
"""None; antialiased; as TensorFlow 1 does; or inside the network."""


@dataclass(frozen=True)
class ExtractorFacts:
    """All that a score depends on besides the images; part of every score.

    Args:
        name: of the network.
        layer: that features are taken from.
        weights: SHA-256 of its weights, 64 hexadecimal digits; or `UNKNOWN`.
        channels: 1 converts colours to grey, 3 repeats grey.
        image_size: height and width that images are resized to; None keeps their size.
        resize: the resizing rule.
        low: value of black.
        high: value of white.
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
        """Build them from JSON; raise a JincError if one is missing, unknown or mistyped."""
        return build(cls, found, "extractor")

    @property
    def is_known(self) -> bool:
        """Whether these facts identify the network."""
        return self.weights != UNKNOWN

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the facts, 16 hexadecimal digits."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def words(self) -> str:
        """Describe the network and its preprocessing in a few words."""
        size = "×".join(map(str, self.image_size)) if self.image_size else "size as they come"
        resized = "" if self.resize == "none" else f", resize {self.resize}"
        return f"{self.name}, {self.layer}, {size}{resized}, weights {self.weights[:8]}"


@dataclass(frozen=True, eq=False)
class Extractor:
    """A feature network with its preprocessing.

    Images are rounded to bytes first, so that those from files and from a model get the same
    features. Features have no gradient.

    Args:
        name: names the scores.
        network: maps prepared images `[B, channels, H, W]` to features `[B, D]`, or to a tuple of
            features and class logits `[B, K]` or None; put into evaluation mode.
        channels: 1 or 3.
        image_size: height and width that images are resized to; None keeps their size.
        resize: the resizing rule.
        low: value of black, −1.
        high: value of white, 1.
        layer: that features are taken from.
        sha256: of the weight file; by default of the weights and the network's description.

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
        """All that a score depends on besides the images."""
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
        """The network's device."""
        if isinstance(self.network, nn.Module):
            for weight in self.network.parameters():
                return weight.device
        return torch.device("cpu")

    def prepare(self, images: Tensor) -> Tensor:
        """Preprocess images.

        Args:
            images: `[B, 1 or 3, h, w]`, uint8, or float in [−1, 1], which is rounded to bytes.

        Returns:
            float32, `[B, channels, H, W]` from `low` to `high`, on the network's device.
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
        """Extract features.

        Args:
            images: as `prepare` takes them.

        Returns:
            features `[B, D]`, and logits `[B, K]` or None.

        Raises:
            JincError: the network fails on these images, or its features have another shape.
        """
        prepared = self.prepare(images)
        try:
            found = self.network(prepared)
        except (RuntimeError, ValueError, torch.jit.Error) as error:
            if is_of_memory(error):
                raise
            size = "×".join(map(str, prepared.shape[1:]))
            reason = f"fails on images of {size} numbers ({_reason(error)})"
            raise JincError(f"{self.name}: {reason}") from error
        features, logits = found if isinstance(found, tuple) else (found, None)
        if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != len(images):
            shape = list(features.shape) if isinstance(features, Tensor) else type(features)
            raise JincError(f"{self.name}: must make [{len(images)}, D] features, not {shape}")
        return features, logits


def _own_digest(network: Callable[[Tensor], Any]) -> str:
    if isinstance(network, nn.Module) and network.state_dict():
        return network_digest(network)
    return UNKNOWN


def _reason(error: Exception) -> str:
    """Return why a network failed, in a line; a TorchScript trace has the reason last."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return one_line(Exception(lines[-1 if "TorchScript" in str(error) else 0]))[:200]


def resize_tensorflow1(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize bilinearly as TensorFlow 1 did, without antialiasing or half-pixel centres.

    Row i of H comes from h/H·i, which shifts the image up and left by up to half a pixel; FID is
    defined with it.

    Args:
        images: float, `[B, C, h, w]`.
        size: H and W.

    Returns:
        `[B, C, H, W]`.

    Source: `tf.image.resize_bilinear` with `align_corners=False`, before `half_pixel_centers`.

    >>> resize_tensorflow1(torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), (1, 4)).flatten().tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    for axis, length in zip((-1, -2), (size[1], size[0]), strict=True):
        images = _stretched(images, axis, length)
    return images


def resize_antialiased(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize bilinearly with a filter as wide as the step, as Pillow does.

    Args:
        images: float, `[B, C, h, w]`.
        size: H and W.

    Returns:
        `[B, C, H, W]`, the same tensor where nothing changes.
    """
    if tuple(images.shape[-2:]) == size:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)


def _stretched(images: Tensor, axis: int, length: int) -> Tensor:
    """Resize along one axis."""
    last = images.shape[axis] - 1
    # Positions in float32, since that is where TensorFlow rounds them.
    step = torch.tensor((last + 1) / length, dtype=torch.float32, device=images.device)
    place = torch.arange(length, dtype=torch.float32, device=images.device) * step
    low = place.long().clamp(max=last)
    high = (low + 1).clamp(max=last)
    share = (place - low).to(images.dtype)
    share = share if axis == -1 else share[:, None]
    start = images.index_select(axis, low)
    return start + (images.index_select(axis, high) - start) * share


RESIZES: Mapping[Resize, Callable[[Tensor, tuple[int, int]], Tensor]] = {
    "none": lambda images, _: images,
    "inside": lambda images, _: images,
    "antialiased": resize_antialiased,
    "tensorflow1": resize_tensorflow1,
}
