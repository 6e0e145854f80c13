"""Generated images kept in a folder, file by file: what was interrupted is taken up again."""

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
"""Images in a file, whole chunks of them."""

PATIENCE = 3600
"""Seconds without a new file after which waiting for other processes ends."""

FACTS = "images.json"
"""What made them; by it the folder is known."""


def keep_images(
    model: PixelModel,
    plan: SamplingPlan,
    folder: Path,
    *,
    facts: Mapping[str, Any],
    share: tuple[int, int] = (0, 1),
) -> Iterator[int]:
    """Generate the images of a plan into a folder, leaving out what is there already.

    Image i is the same however many are asked for, so that more can be added at any time, by any
    number of processes, each of which makes a share.

    Args:
        model: what generates.
        plan: which images, and how; its batch divides `PART`.
        folder: where they are kept.
        facts: all that makes them what they are, ready for JSON; other facts are refused.
        share: which part of the files, and of how many processes: `(rank, processes)`.

    Yields:
        After every step, how many images have been made or found there, in whole steps.

    Raises:
        JincError: the folder holds images of other facts, or cannot be written; or a batch that
            makes no whole files.
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


def kept_images(folder: Path, count: int) -> ImageSet:
    """Read what was kept.

    Args:
        folder: where it is.
        count: how many images.

    Raises:
        JincError: there are not so many, or a file is damaged.
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
        JincError: as of `kept_images`, when no new file appears for an hour.
    """
    waited, there = 0, -1
    while True:
        try:
            return kept_images(folder, count)
        except JincError:
            before, there = there, len([*folder.iterdir()])
            waited = 0 if there > before else waited + 1
            if processes < 2 or waited > PATIENCE:
                raise
            time.sleep(1)


def _claim(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write down what the images are made by, or compare with what is there."""
    file, text = folder / FACTS, json.dumps(facts, indent=2, ensure_ascii=False, sort_keys=True)
    there = read_object(file) if file.exists() else None
    wanted = json.loads(text)
    if there is None:
        with writing(file) as out:
            out.write((text + "\n").encode())
    elif there != wanted:
        other = [name for name in {**there, **wanted} if there.get(name) != wanted.get(name)]
        raise JincError(f"{folder}: holds images made otherwise ({', '.join(other)}); take another")


def _part(folder: Path, first: int) -> NDArray[np.uint8]:
    """Return the images of a file; none if it is not there or is damaged."""
    file, none = _file(folder, first), np.zeros((0, 1, 1, 1), np.uint8)
    try:
        # Mapped, for then NumPy compares the size of the file with what it says of itself.
        images = np.load(file, mmap_mode="r", allow_pickle=False) if file.is_file() else none
    except (OSError, ValueError, EOFError):
        return none
    return images if images.dtype == np.uint8 and images.ndim == 4 else none


def _file(folder: Path, first: int) -> Path:
    return folder / f"images-{first:07d}.npy"
