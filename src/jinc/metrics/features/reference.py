"""Mean and covariance of the features of real images, in a file in place of the images."""

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.files import one_line, reading, writing
from jinc.metrics.features.extractors import Extractor, ExtractorFacts
from jinc.metrics.features.features import Progress, extracted
from jinc.metrics.features.statistics import LARGEST, Statistics, check_features
from jinc.schema import build

NEGATIVE = 1e-3
"""Largest negative variance from rounding to float32, relative to the largest entry."""

_ZIP = b"PK\x03\x04"

_MOST = {"mu": 8 * LARGEST, "sigma": 8 * LARGEST**2, "jinc": 1 << 20}
"""Maximum bytes of each array, checked by its header."""

# RuntimeError: an encrypted member, or an unknown compression.
_DAMAGE = (OSError, ValueError, EOFError, KeyError, RuntimeError, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class _Facts:
    """The optional facts in a file of `Reference.save` besides mean and covariance."""

    name: str | None = None
    extractor: Mapping[str, Any] | None = None
    images: str | None = None
    count: int | None = None
    shape: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 2:
            raise JincError(f"count: {self.count} is not at least 2")


@dataclass(frozen=True, eq=False)
class Reference:
    """The statistics of real images that a Fréchet distance needs.

    Args:
        statistics: of their features; a count of 2 stands for an unknown number of images, without
            effect on mean and covariance.
        name: of the set, in tables.
        extractor: the feature network; None if unknown.
        images: SHA-256 of the images, as `Features.images`; None if unknown.
        count: number of images; None if unknown.
        shape: channels (1 if all pixels are grey), height and width; None if unknown.
    """

    statistics: Statistics
    name: str
    extractor: ExtractorFacts | None = None
    images: str | None = None
    count: int | None = None
    shape: tuple[int, int, int] | None = None

    def save(self, file: Path) -> None:
        """Write a `.npz` file with `mu` and `sigma`, as other tools do, and the other facts."""
        known = None if self.extractor is None else asdict(self.extractor)
        facts = _Facts(self.name, known, self.images, self.count, self.shape)
        out = BytesIO()
        mean, covariance = self.statistics.mean.numpy(), self.statistics.covariance.numpy()
        np.savez(out, mu=mean, sigma=covariance, jinc=np.array(json.dumps(asdict(facts))))
        with writing(file) as opened:
            opened.write(out.getvalue())


def reference_of(
    images: ImageSet, extractor: Extractor, *, progress: Progress | None = None
) -> Reference:
    """Compute the statistics of images, in memory that does not depend on their number.

    Args:
        images: two or more.
        extractor: the feature network.
        progress: called with the number of images done.
    """
    digest = sha256()
    parts = (each for each, _ in extracted(images, extractor, images.name, digest, progress))
    try:
        found = Statistics.over(parts)
        found.covariance  # noqa: B018 refuses one image
    except JincError as error:
        raise JincError(f"{images.name}: {error}") from None
    shape = (1 if images.is_grey else images.channels, *images.image_size)
    return Reference(found, images.name, extractor.facts, digest.hexdigest(), found.count, shape)


def is_reference(path: str | Path) -> bool:
    """Whether a file holds statistics, not images."""
    try:
        with reading(Path(path)) as opened:
            if opened.read(4) != _ZIP:
                return False
            with zipfile.ZipFile(opened) as archive:
                return {"mu.npy", "sigma.npy"} <= {*archive.namelist()}
    except _DAMAGE:
        return False


def read_reference(path: str | Path) -> Reference:
    """Read statistics, without unpickling.

    Args:
        path: a NumPy archive with `mu`, `[D]`, and `sigma`, `[D, D]`, the unbiased covariance, as
            pytorch-fid, clean-fid and others write them; or one of `Reference.save`.
    """
    try:
        with reading(Path(path)) as file, zipfile.ZipFile(file) as archive:
            names = {*archive.namelist()}
            arrays = {n: _array(archive, n) for n in _MOST if f"{n}.npy" in names}
    except JincError as error:
        raise JincError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    except _DAMAGE as error:
        raise JincError(f"{path}: cannot be read ({one_line(error)})") from None
    if not {"mu", "sigma"} <= {*arrays}:
        raise JincError(f"{path}: holds no mu and sigma")
    mean, covariance = (_matrix(arrays[name], path, name) for name in ("mu", "sigma"))
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        found = f"mu {list(mean.shape)} and sigma {list(covariance.shape)}"
        raise JincError(f"{path}: holds {found}, [D] and [D, D] are expected")
    scale = max(float(covariance.abs().max()), 1e-300)
    if float((covariance - covariance.T).abs().max()) > 1e-6 * scale:
        raise JincError(f"{path}: sigma is not symmetric, and no covariance")
    least = float(torch.linalg.eigvalsh(covariance).min())
    if least < -NEGATIVE * scale:
        raise JincError(f"{path}: sigma has a variance of {least:.3g}, and is no covariance")
    facts = _facts(arrays.get("jinc"), path)
    stands_for = facts.count or 2
    statistics = Statistics(stands_for, mean, (covariance + covariance.T) / 2 * (stands_for - 1))
    known, name = facts.extractor, facts.name or Path(path).stem
    extractor = None if known is None else build(ExtractorFacts, known, f"{path}: extractor")
    return Reference(statistics, name, extractor, facts.images, facts.count, facts.shape)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read an array after checking its size by its header."""
    with archive.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        if version != (1, 0):  # whose header is 64 KiB at most; others are of records
            raise JincError(f"{name} is in version {version} of NumPy's format, 1.0 is expected")
        shape, _, kind = npy.read_array_header_1_0(file)
    if math.prod(shape) * kind.itemsize > _MOST[name]:
        size = f"{kind} {list(shape)}"
        raise JincError(f"{name} is {size}, {_MOST[name] / 2**20:g} MiB are the most")
    with archive.open(f"{name}.npy") as file:
        found: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return found


def _matrix(array: NDArray[Any], path: str | Path, name: str) -> torch.Tensor:
    if not np.issubdtype(array.dtype, np.floating) or array.size == 0:
        raise JincError(f"{path}: {name} is {array.dtype} {list(array.shape)}, floats are expected")
    found = torch.from_numpy(np.asarray(array, np.float64))
    try:
        check_features(found.reshape(len(found) if found.ndim else 1, -1))
    except JincError:
        raise JincError(f"{path}: {name} has values that are not finite") from None
    return found


def _facts(array: NDArray[Any] | None, path: str | Path) -> _Facts:
    if array is None:
        return _Facts()
    try:
        found = json.loads(str(array))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise JincError(f"{path}: jinc: is damaged, an object of JSON is expected")
    return build(_Facts, found, f"{path}: jinc")
