"""Features of data sets, kept on disk so that they are made once."""

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save as serialize
from torch import Tensor

from jinc.data import ImageSet, cache_folder
from jinc.errors import JincError
from jinc.files import writing
from jinc.metrics.features.extractors import Extractor
from jinc.metrics.features.features import Features, Progress, features_of, images_digest
from jinc.tensors import read_tensors

_VERSION = 1  # to be raised when features of the same images come out differently


def cached_features(
    images: ImageSet,
    extractor: Extractor,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Features:
    """Extract the features of a set of images, or read them from the cache.

    The key of the cache is every byte of the images, the extractor, and how images are resized.
    A damaged file is replaced. Features of a network without weights are not cached, for it
    cannot be told from another. A cache that cannot be written is a warning: the features are
    returned all the same.

    Args:
        images: the set.
        extractor: what looks.
        folder: of the cache; `features` in `cache_folder` if not given.
        progress: called with how many images are done.

    Returns:
        Features of all images in order.

    Raises:
        JincError: as `features_of`.
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
    """Read a file of the cache; None where it is missing, unreadable or damaged."""
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
