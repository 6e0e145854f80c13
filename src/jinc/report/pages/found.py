"""What other commands have left in a folder: scores, probes, images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jinc.data import ImageSet
from jinc.documents import read_object
from jinc.models import kept_images

MOST = 400
"""Images that are looked at."""


@dataclass(frozen=True)
class Missing:
    """What a page does not have.

    Args:
        what: a part of it.
        why: in a few words.
        command: that would make it; empty if there is none.
    """

    what: str
    why: str
    command: str = ""


@dataclass(frozen=True, eq=False)
class Kept:
    """Images that were generated and kept.

    Args:
        folder: where they are.
        count: how many there are.
        facts: what made them.
        current: whether they were made by the weights that the model has now.
    """

    folder: Path
    count: int
    facts: dict[str, Any]
    current: bool = True

    def images(self, most: int = MOST) -> ImageSet:
        """Read the first of them.

        Raises:
            JincError: a file is damaged.
        """
        return kept_images(self.folder, min(self.count, most))

    def words(self) -> str:
        """Say how they were made."""
        return made_words(self.facts, self.current)


def is_current(facts: Mapping[str, Any], weights: str | None) -> bool:
    """Tell whether images were made by these weights, or may have been."""
    return bool(facts.get("weights", weights) == weights)


def made_words(facts: Mapping[str, Any], current: bool) -> str:
    """Say how images were made.

    Args:
        facts: of them, as they are kept beside them.
        current: whether by the weights that the model has now.
    """
    words = f"{str(facts.get('sampler')).upper()} in {facts.get('steps')} steps"
    words += f", η = {facts['eta']}" if facts.get("eta") else ""
    words += f", guidance {facts['guidance']}" if facts.get("guidance", 1) != 1 else ""
    words += f", seed {facts.get('seed')}"
    return words if current else words + "; by earlier weights of this run"


def find(folders: Iterable[Path], name: str) -> list[Path]:
    """Find files of a name in folders, in those within, and in those within these.

    Args:
        folders: where to look.
        name: of the files.
    """
    found = [
        file
        for folder in folders
        for pattern in (name, f"*/{name}", f"*/*/{name}")
        for file in sorted(folder.glob(pattern))
        if file.is_file() and not {"checkpoints", "model", "best"} & {*file.parts[-3:-1]}
    ]
    return [*dict.fromkeys(found)]


def find_kept(folders: Iterable[Path], weights: str | None) -> Kept | None:
    """Take a set of images that were generated and kept: by these weights, the largest of several.

    Args:
        folders: where to look.
        weights: SHA-256 of the file of the model; None where there is none.

    Raises:
        JincError: what describes one cannot be read.
    """
    sets = []
    for file in find(folders, "images.json"):
        facts, count = read_object(file), _count(file.parent)
        current = is_current(facts, weights)
        sets += [(current, count, str(file), Kept(file.parent, count, facts, current))] * (
            count > 0
        )
    return max(sets, key=lambda each: each[:3])[3] if sets else None


def _count(folder: Path) -> int:
    """How many images there are, as the heads of the files tell."""
    try:
        return sum(len(np.load(f, mmap_mode="r")) for f in folder.glob("images-*.npy"))
    except (OSError, ValueError, EOFError):
        return 0
