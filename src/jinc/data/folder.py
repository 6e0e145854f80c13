"""The pixels of image files, decoded in threads, in memory or through the cache."""

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinc.data.archive import ImageFile
from jinc.data.cache import Rows, cache_key, cached_rows
from jinc.data.decode import (
    MAX_PIXELS,
    Background,
    ImageHeader,
    decode_image,
    faint_background,
    read_header,
)
from jinc.data.imageset import ImageSet
from jinc.data.listing import Listing
from jinc.data.resize import check_fit, fit_image, fits_in_memory
from jinc.errors import JincError, in_one_line, printable
from jinc.files import cache_folder

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of images done and their total."""

CACHE_BYTES = 256 << 20
_CHUNK = 64
_NAMED = 3
_LOOKED_AT = 64


@dataclass(frozen=True)
class Target:
    """The format of decoded files: a square of `size` pixels with `channels`."""

    size: int
    channels: int
    resize_filter: str
    max_pixels: int
    background: Background

    def decode(self, file: ImageFile) -> NDArray[np.uint8] | JincError:
        """Decode one file to `[size, size, channels]`, or return the error."""
        try:
            image = decode_image(file, self.max_pixels, background=self.background, side=self.size)
            return fit_image(image, self.size, self.channels, self.resize_filter)
        except JincError as error:
            return error


def read_folder(
    listing: Listing,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    resize_filter: str = "bilinear",
    skip_damaged: bool = False,
    max_pixels: int = MAX_PIXELS,
    cache_bytes: int = CACHE_BYTES,
    progress: Progress | None = None,
) -> ImageSet:
    """Decode the files of a listing.

    Args:
        listing: the files and their classes.
        image_size: pixels a side; None requires that all files have one square size.
        channels: 1 or 3; None is 1 if every file is stored grey (by its header), else 3.
        resize_filter: a name of `FILTERS`.
        skip_damaged: skip files that cannot be read, and count them.
        max_pixels: maximum pixels of a file.
        cache_bytes: larger sets are cached on disk, or kept in memory with a warning if that
            fails.
        progress: called while files are decoded.

    Returns:
        The images, `[files, size, size, channels]`.

    Raises:
        JincError: files are no images, damaged or too large, and not skipped; all files of a class
            are; or sizes differ.
    """
    check_fit(image_size, channels, resize_filter)
    files = listing.files
    if image_size is None:
        image_size = _common_size(listing, max_pixels)
    if channels is None:  # the first file with colour decides, so colour costs one header
        headers = (_header(file, max_pixels) for file in files)
        channels = 1 if all(isinstance(h, JincError) or h.grey for h in headers) else 3
    background, notes = _background(files, max_pixels)
    target = Target(image_size, channels, resize_filter, max_pixels, background)
    images, sound = _pixels(listing, target, skip_damaged, cache_bytes, progress)
    passed_over, notes, labels = dict(listing.passed_over), listing.notes + notes, None
    if not sound.all():
        damaged = [file for file, kept in zip(files, sound, strict=True) if not kept]
        passed_over["damaged"] = len(damaged)
        notes += (f"left out as damaged: {_named(damaged)}",)
    if listing.labels is not None:
        labels = np.array(listing.labels, np.int64)[sound]
        _check_classes(listing, labels)
    return ImageSet(
        images,
        labels,
        listing.class_names,
        printable(listing.root.resolve().name),
        notes,
        listing.split,
        passed_over,
    )


def _check_classes(listing: Listing, kept: NDArray[np.int64]) -> None:
    lost = set(listing.labels or ()) - set(kept.tolist())
    if lost:
        name = listing.class_names[min(lost)]
        raise JincError(f"{listing.root}: no file of class {name:.60} can be read")


def _pixels(
    listing: Listing,
    target: Target,
    skip_damaged: bool,
    cache_bytes: int,
    progress: Progress | None,
) -> Rows:
    count, shape = len(listing.files), (target.size, target.size, target.channels)
    parts = partial(_decoded, listing, target, skip_damaged, progress)
    if count * math.prod(shape) > cache_bytes:
        settings = (
            *(target.size, target.channels, target.resize_filter, int(skip_damaged)),
            target.background,
        )
        file = cache_folder() / f"{cache_key(listing.root, listing.files, settings)}.npy"
        try:
            return cached_rows(file, count, shape, parts)
        except JincError as error:
            if not str(error).startswith(f"{file}: "):  # an image, and not the cache
                raise
            needed = count * math.prod(shape)
            if not fits_in_memory(needed):
                size = f"{needed / 2**30:.3g} GiB of images do not fit in memory either"
                advice = "set JINC_CACHE to a folder with space"
                raise JincError(f"{error}; {size}: {advice}") from None
            warnings.warn(f"images are not cached, but in memory: {error}", stacklevel=3)
    images, flags = np.empty((count, *shape), np.uint8), list[NDArray[np.bool_]]()
    done = 0
    for rows, sound in parts():
        images[done : done + len(rows)] = rows
        done += len(rows)
        flags.append(sound)
    return images[:done], np.concatenate(flags)


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(16, os.cpu_count() or 1))


def _decoded(
    listing: Listing, target: Target, skip_damaged: bool, progress: Progress | None
) -> Iterator[Rows]:
    """Decode files in parts of bounded size."""
    files, damaged = listing.files, list[tuple[ImageFile, JincError]]()
    with _threads() as pool:
        for start in range(0, len(files), _CHUNK):
            part = files[start : start + _CHUNK]
            found = list(pool.map(target.decode, part))
            sound = [each for each in found if not isinstance(each, JincError)]
            damaged += [
                (file, each)
                for file, each in zip(part, found, strict=True)
                if isinstance(each, JincError)
            ]
            empty = np.empty((0, target.size, target.size, target.channels), np.uint8)
            flags = np.array([not isinstance(each, JincError) for each in found])
            yield np.stack(sound) if sound else empty, flags
            if progress is not None:
                progress(start + len(part), len(files))
    if damaged and (not skip_damaged or len(damaged) == len(files)):
        raise _refusal(listing, damaged)


def _refusal(listing: Listing, damaged: Sequence[tuple[ImageFile, JincError]]) -> JincError:
    """Return an error that names the files that cannot be read."""
    first = str(damaged[0][1])
    if len(damaged) == 1:
        return JincError(f"{first}; --skip-damaged leaves it out")
    return JincError(
        f"{in_one_line(first, 150)}; {len(damaged)} of {len(listing.files)} files cannot be read: "
        f"{_named([file for file, _ in damaged])}; --skip-damaged leaves them out"
    )


def _named(files: Sequence[ImageFile]) -> str:
    """The names of some files, shortened."""
    names = [printable(PurePath(file.name).name)[:16] for file in files[:_NAMED]]
    return ", ".join(names) + ", …" * (len(files) > _NAMED)


def _header(file: ImageFile, max_pixels: int) -> ImageHeader | JincError:
    try:
        return read_header(file, max_pixels)
    except JincError as error:
        return error


def _background(files: Sequence[ImageFile], max_pixels: int) -> tuple[Background, tuple[str, ...]]:
    """Choose one background for all transparent images, with a note."""
    places = np.linspace(0, len(files) - 1, min(len(files), _LOOKED_AT)).astype(int)
    with _threads() as pool:
        faint = list(pool.map(lambda place: _faint(files[place], max_pixels), places))
    on_white, on_black = faint.count("white"), faint.count("black")
    words = f"of {len(faint)} images examined, {on_white} are hardly visible on white"
    if on_white > on_black:
        return "black", (f"transparent images lie on black: {words}, {on_black} on black",)
    return "white", (f"transparent images lie on white: {words}",) if on_white else ()


def _faint(file: ImageFile, max_pixels: int) -> Background | None:
    try:
        return faint_background(file, max_pixels)
    except JincError:  # reported when all files are decoded
        return None


def _common_size(listing: Listing, max_pixels: int) -> int:
    """Return the common side of all files whose headers can be read."""
    with _threads() as pool:
        headers = list(pool.map(partial(_header, max_pixels=max_pixels), listing.files))
    pairs = list(zip(listing.files, headers, strict=True))
    sound = [(file, each) for file, each in pairs if not isinstance(each, JincError)]
    if not sound:
        raise _refusal(listing, [(f, each) for f, each in pairs if isinstance(each, JincError)])
    name, first = sound[0][0].name, sound[0][1]
    for file, header in sound:
        if header.width != header.height:
            fault = "is not square"
        elif header.width != first.width:
            fault = f"differs from {name} ({first.width}x{first.height})"
        else:
            continue
        raise JincError(f"{file}: {header.width}x{header.height} pixels {fault}; set image_size")
    return first.width
