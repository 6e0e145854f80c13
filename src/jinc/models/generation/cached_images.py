"""A cache of generated images in a folder, file by file, which can be resumed and extended."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.data import ImageSet, to_uint8
from jinc.documents import read_object
from jinc.errors import JincError
from jinc.files import writing
from jinc.models.generation.generate import generate_images
from jinc.models.generation.plan import SamplingPlan
from jinc.models.pixel_model import PixelModel

PART = 128
"""Images of a file, whole chunks of them."""

PATIENCE = 3600
"""Seconds without a new file after which waiting for other processes ends."""

FACTS = "images.json"
"""Describes how the images were made, and identifies the folder."""


def cache_images(
    model: PixelModel,
    plan: SamplingPlan,
    folder: Path,
    *,
    facts: Mapping[str, Any],
    share: tuple[int, int] = (0, 1),
) -> Iterator[int]:
    """Generate the images of a plan into a folder, except those that are there already.

    Image i does not depend on how many are generated, so that more can be added at any time, by any
    number of processes.

    Args:
        model: generates the images.
        plan: which images, and how; its batch divides `PART`.
        folder: of the cache.
        facts: all that the images depend on, ready for JSON.
        share: rank and number of the processes that share the work.

    Yields:
        Whenever images are generated or found, how many.

    Raises:
        JincError: the folder holds images of other facts, or cannot be written; or the batch does
            not divide `PART`.
    """
    count, batch = plan.number, plan.together
    if PART % batch:
        raise JincError(f"batch: {batch} does not divide {PART}, the images of a file")
    _claim(folder, facts)
    rank, processes = share
    for first in list(range(0, count, PART))[rank::processes]:
        last = min(first + PART, -(-count // batch) * batch)  # chunks are made whole
        if len(_part(folder, first)) >= last - first:
            yield min(last, count) - first
            continue
        made: list[torch.Tensor] = []
        for _, step in generate_images(model, replace(plan, number=last), first=first):
            if step.t == -1:
                made.append(to_uint8(step.x_t).permute(0, 2, 3, 1).cpu())
                yield batch
        data = BytesIO()
        np.save(data, torch.cat(made).numpy(), allow_pickle=False)
        with writing(_file(folder, first)) as file:
            file.write(data.getvalue())


def cached_images(folder: Path, count: int) -> ImageSet:
    """Read images from a cache.

    Raises:
        JincError: there are fewer than `count`, or a file is damaged.
    """
    parts = [_part(folder, first) for first in range(0, count, PART)]
    whole = [*(len(part) == PART for part in parts[:-1]), sum(map(len, parts)) >= count]
    if count < 1 or not all(whole) or len({part.shape[1:] for part in parts}) > 1:
        raise JincError(f"{folder}: holds fewer than {count} images, or a file is damaged")
    return ImageSet(np.concatenate(parts)[:count], None, (), str(folder))


def await_images(folder: Path, count: int, processes: int) -> ImageSet:
    """Read the images of a folder once other processes have written their shares.

    Args:
        folder: where they are written.
        count: how many images.
        processes: that write there; with less than two, missing images are an error at once.

    Raises:
        JincError: as of `cached_images`, when no new file appears for an hour.
    """
    waited, there = 0, -1
    while True:
        try:
            return cached_images(folder, count)
        except JincError:
            before, there = there, len([*folder.iterdir()])
            waited = 0 if there > before else waited + 1
            if processes < 2 or waited > PATIENCE:
                raise
            time.sleep(1)


def _claim(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the facts, or compare them with those in the folder."""
    file, text = folder / FACTS, json.dumps(facts, indent=2, ensure_ascii=False, sort_keys=True)
    there = read_object(file) if file.exists() else None
    wanted = json.loads(text)
    if there is None:
        with writing(file) as out:
            out.write((text + "\n").encode())
    elif there != wanted:
        other = [name for name in {**there, **wanted} if there.get(name) != wanted.get(name)]
        raise JincError(
            f"{folder}: holds images of other settings ({', '.join(other)}); take another"
        )


def _part(folder: Path, first: int) -> NDArray[np.uint8]:
    """Return the images of a file; none if it is missing or damaged."""
    file, none = _file(folder, first), np.zeros((0, 1, 1, 1), np.uint8)
    try:
        # Mapped: NumPy then compares the size of the file with its header.
        images = np.load(file, mmap_mode="r", allow_pickle=False) if file.is_file() else none
    except (OSError, ValueError, EOFError):
        return none
    return images if images.dtype == np.uint8 and images.ndim == 4 else none


def _file(folder: Path, first: int) -> Path:
    return folder / f"images-{first:07d}.npy"
