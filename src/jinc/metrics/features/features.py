"""Features of a set of images with their provenance, and their cache on disk."""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors.torch import save as serialize
from torch import Tensor

from jinc.data import ImageSet, to_uint8
from jinc.errors import JincError
from jinc.files import cache_folder, writing
from jinc.metrics.features.extractors import Extractor, ExtractorFacts
from jinc.metrics.features.statistics import Statistics, check_features
from jinc.tensors import read_tensors

PIXELS = 1 << 19
"""Pixels per batch of the network, after resizing; at least one image."""

MOST_AT_ONCE = 256

Progress: TypeAlias = Callable[[int], None]
"""Called with the number of images done."""


@dataclass(frozen=True, eq=False)
class Features:
    """Features of a set of images.

    Args:
        values: `[n, D]`, on the CPU; finite.
        logits: of classes, `[n, K]`, or None.
        extractor: the feature network.
        images: SHA-256 of the images' bytes and sizes in order, 64 hexadecimal digits.
        name: of the set, in tables.
    """

    values: Tensor
    logits: Tensor | None
    extractor: ExtractorFacts
    images: str
    name: str = "images"

    def __post_init__(self) -> None:
        for found in (self.values, self.logits):
            if found is None:
                continue
            try:
                check_features(found)
            except JincError as error:
                raise JincError(f"{self.name}: {error}") from None
            if len(found) != len(self.values):
                raise JincError(f"{self.name}: {len(found)} logits, {len(self.values)} features")

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def statistics(self) -> Statistics:
        """Their mean and covariance."""
        return Statistics.over(self.values.split(4096))  # type: ignore[no-untyped-call]


def features_of(
    images: ImageSet | Iterable[Tensor],
    extractor: Extractor,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Features:
    """Extract features of a set of images.

    Args:
        images: a set, or batches `[B, C, H, W]` of one C, H and W, uint8, or float in [−1, 1],
            which is rounded to bytes as in files.
        extractor: the feature network.
        name: of the set in tables; its own name by default.
        progress: called with the number of images done.

    Returns:
        Features of all images in order.

    Raises:
        JincError: there are no images, they differ in size, or features are not finite.
    """
    called = name or (images.name if isinstance(images, ImageSet) else "images")
    digest = hashlib.sha256()
    values: list[Tensor] = []
    logits: list[Tensor] = []
    for part, classes in extracted(images, extractor, called, digest, progress):
        values.append(part)
        if classes is not None:
            logits.append(classes)
    if not values:
        raise JincError(f"{called}: there are no images")
    return Features(
        torch.cat(values),
        torch.cat(logits) if logits else None,
        extractor.facts,
        digest.hexdigest(),
        called,
    )


def images_digest(images: ImageSet | Iterable[Tensor]) -> str:
    """Return the SHA-256 of a set, as in `Features.images`, without a network."""
    digest = hashlib.sha256()
    for batch in _batches(images, MOST_AT_ONCE, "images"):
        _hash_images(digest, batch)
    return digest.hexdigest()


def extracted(
    images: ImageSet | Iterable[Tensor],
    extractor: Extractor,
    name: str,
    digest: "hashlib._Hash",
    progress: Progress | None,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Extract features batch by batch.

    Args:
        images: as `features_of` takes them.
        extractor: the feature network.
        name: of the set, for errors.
        digest: updated with the images.
        progress: called with the number of images done.

    Yields:
        features `[B, D]` and logits `[B, K]`, or None, on the CPU.
    """
    done = 0
    for batch in _batches(images, _batch_size(images, extractor), name):
        _hash_images(digest, batch)
        values, logits = extractor(batch)
        yield values.cpu(), None if logits is None else logits.cpu()
        done += len(batch)
        if progress is not None:
            progress(done)


def _batch_size(images: ImageSet | Iterable[Tensor], extractor: Extractor) -> int:
    size = extractor.image_size
    if size is None:
        size = images.image_size if isinstance(images, ImageSet) else (64, 64)
    return max(1, min(MOST_AT_ONCE, PIXELS // (size[0] * size[1])))


def _batches(images: ImageSet | Iterable[Tensor], most: int, name: str) -> Iterator[Tensor]:
    """Yield bytes `[B, C, H, W]`, B ≤ most."""
    if isinstance(images, ImageSet):
        for first in range(0, len(images), most):
            yield images.batch(range(first, min(len(images), first + most)))
        return
    shape: torch.Size | None = None
    for batch in images:
        if batch.ndim != 4:
            raise JincError(f"{name}: must be [batch, C, H, W], not {list(batch.shape)}")
        if shape is not None and batch.shape[1:] != shape:
            raise JincError(
                f"{name}: differ in size, {_words(batch.shape[1:])} and {_words(shape)}"
            )
        shape = batch.shape[1:]
        for part in batch.split(most):  # type: ignore[no-untyped-call]
            if len(part):
                yield part if part.dtype == torch.uint8 else to_uint8(part)


def _hash_images(digest: "hashlib._Hash", batch: Tensor) -> None:
    """Hash each image with its size, so that the batch size does not matter."""
    for image in batch.cpu():
        digest.update(repr(list(image.shape)).encode())
        digest.update(image.contiguous().numpy().data)


def _words(shape: torch.Size) -> str:
    channels, height, width = shape
    return f"{height}×{width} pixels of {channels} channels"


_VERSION = 1  # to be raised when features of the same images come out differently


def cached_features(
    images: ImageSet,
    extractor: Extractor,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Features:
    """Extract the features of a set of images, or read them from the cache.

    The key of the cache is every byte of the images, the extractor and its preprocessing. A damaged
    file is replaced. Features of a network without weights, which no digest identifies, are not
    cached. A cache that cannot be written is a warning.

    Args:
        images: the set.
        extractor: the feature network.
        folder: of the cache; `features` in `cache_folder` by default.
        progress: called with the number of images done.

    Returns:
        Features of all images in order.
    """
    if not extractor.facts.is_known:
        return features_of(images, extractor, progress=progress)
    digest = images_digest(images)
    file = _file(folder, digest, extractor)
    found = _read(file)
    if found is not None and len(found.get("values", ())) == len(images):
        values, logits = found["values"], found.get("logits")
        return Features(values, logits, extractor.facts, digest, images.name)
    made = features_of(images, extractor, progress=progress)
    kept = {"values": made.values} | ({} if made.logits is None else {"logits": made.logits})
    try:
        _write(file, kept)
    except JincError as error:
        warnings.warn(f"features are not cached: {error}", stacklevel=2)
    return made


def _file(folder: Path | None, images: str, extractor: Extractor) -> Path:
    place = cache_folder() / "features" if folder is None else folder
    key = f"{_VERSION} features {images} {extractor.facts.fingerprint}"
    return place / f"{hashlib.sha256(key.encode()).hexdigest()}.safetensors"


def _write(file: Path, tensors: Mapping[str, Tensor]) -> None:
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    checked = whole | {"sha256": _digest(whole)}
    with writing(file) as out:
        out.write(serialize(checked))


def _read(file: Path) -> dict[str, Tensor] | None:
    """Read a file of the cache; None if it is missing or damaged."""
    try:
        found = read_tensors(file)
    except JincError:
        return None
    digest = found.pop("sha256", None)
    if digest is None or not torch.equal(digest, _digest(found)):
        return None
    return found


def _digest(tensors: Mapping[str, Tensor]) -> Tensor:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {list(tensors[name].shape)}".encode())
        digest.update(tensors[name].numpy().data)
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)
