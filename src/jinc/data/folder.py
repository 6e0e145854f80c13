"""The pixels of an image folder, decoded in threads, in memory or through the cache."""

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinc.data.cache import cache_folder, cache_key, cached_array
from jinc.data.decode import MAX_PIXELS, decode_image, read_header
from jinc.data.imageset import ImageSet
from jinc.data.listing import Listing
from jinc.data.resize import check_fit, fit_image
from jinc.errors import JincError

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the images done and the images in all."""

CACHE_BYTES = 256 << 20
_CHUNK = 64


@dataclass(frozen=True)
class Target:
    """What every file of a folder becomes: a square of `size` pixels with `channels`."""

    size: int
    channels: int
    resize_filter: str
    max_pixels: int

    def decode(self, path: Path) -> NDArray[np.uint8]:
        """Decode one file to `[size, size, channels]`."""
        image = decode_image(path, self.max_pixels)
        return fit_image(image, self.size, self.channels, self.resize_filter)


def read_folder(
    listing: Listing,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    resize_filter: str = "bilinear",
    max_pixels: int = MAX_PIXELS,
    cache_bytes: int = CACHE_BYTES,
    progress: Progress | None = None,
) -> ImageSet:
    """Decode the files of a listing.

    Args:
        listing: the files and their classes.
        image_size: pixels a side; None asks that all files have one square size.
        channels: 1 or 3; None is 1 if every file is stored grey (by its header), else 3.
        resize_filter: a name of `FILTERS`.
        max_pixels: the most pixels that a file may have.
        cache_bytes: larger sets are stored in the cache on disk, or in memory with a warning where
            that cannot be written.
        progress: called now and then while files are decoded.

    Returns:
        The images, `[files, size, size, channels]`.

    Raises:
        JincError: a file is no image, damaged or too large, or sizes differ.
    """
    check_fit(image_size, channels, resize_filter)
    files = listing.files
    if image_size is None:
        image_size = _common_size(files, max_pixels)
    if channels is None:  # the first file with colour decides, so colour costs one header
        channels = 1 if all(read_header(file, max_pixels).grey for file in files) else 3
    target = Target(image_size, channels, resize_filter, max_pixels)
    images = _pixels(listing, target, cache_bytes, progress)
    labels = None if listing.labels is None else np.array(listing.labels, np.int64)
    return ImageSet(images, labels, listing.class_names, listing.root.resolve().name)


def _pixels(
    listing: Listing, target: Target, cache_bytes: int, progress: Progress | None
) -> NDArray[np.uint8]:
    shape = (len(listing.files), target.size, target.size, target.channels)
    parts = partial(_decoded, listing.files, target, progress)
    if math.prod(shape) > cache_bytes:
        settings = (target.size, target.channels, target.resize_filter)
        key = cache_key(listing.root, listing.files, settings)
        file = cache_folder() / f"{key}.npy"
        try:
            return cached_array(file, shape, parts)
        except JincError as error:
            if not str(error).startswith(f"{file}: "):  # an image, and not the cache
                raise
            _check_memory(shape, error)
            warnings.warn(f"images are not cached, but in memory: {error}", stacklevel=3)
    images, done = np.empty(shape, np.uint8), 0
    for part in parts():
        images[done : done + len(part)] = part
        done += len(part)
    return images


def _check_memory(shape: tuple[int, ...], error: JincError) -> None:
    """Refuse to take more than half of the memory of the machine in place of the cache."""
    needed = math.prod(shape)
    if needed > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2:
        size = f"{needed / 2**30:.3g} GiB of images do not fit in memory either"
        raise JincError(f"{error}; {size}: set JINC_CACHE to a folder with space") from None


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(16, os.cpu_count() or 1))


def _decoded(
    files: Sequence[Path], target: Target, progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    """Decode files in parts, so that what is decoded and not yet stored stays small."""
    with _threads() as pool:
        for start in range(0, len(files), _CHUNK):
            part = np.stack(list(pool.map(target.decode, files[start : start + _CHUNK])))
            yield part
            if progress is not None:
                progress(start + len(part), len(files))


def _common_size(files: Sequence[Path], max_pixels: int) -> int:
    with _threads() as pool:
        headers = list(pool.map(partial(read_header, max_pixels=max_pixels), files))
    first = headers[0]
    for file, header in zip(files, headers, strict=True):
        if header.width != header.height:
            fault = "is not square"
        elif header.width != first.width:
            fault = f"differs from {files[0].name} ({first.width}x{first.height})"
        else:
            continue
        raise JincError(f"{file}: {header.width}x{header.height} pixels {fault}; set image_size")
    return first.width
