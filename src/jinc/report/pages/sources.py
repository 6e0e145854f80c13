"""Results of other commands in a folder: scores, probes, generated images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jinc.data import ImageSet
from jinc.documents import read_object
from jinc.metrics import ExtractorFacts
from jinc.models import cached_images
from jinc.report.numbers import Number, aligned, with_error

USED = 400
"""Images of a set that pages use."""


@dataclass(frozen=True, eq=False)
class GeneratedImages:
    """A folder of generated images.

    Args:
        folder: where they are.
        count: how many there are.
        facts: how they were sampled.
        current: whether the weights are those that the model has now.
    """

    folder: Path
    count: int
    facts: dict[str, Any]
    current: bool = True

    def images(self, most: int = USED) -> ImageSet:
        """Read the first of them; raise a JincError if a file is damaged."""
        return cached_images(self.folder, min(self.count, most))

    def words(self) -> str:
        """Describe how they were sampled."""
        return sampling_words(self.facts, self.current)


def is_current(facts: Mapping[str, Any], weights: str | None) -> bool:
    """Tell whether images come from these weights, or may do so as theirs are not recorded."""
    return bool(facts.get("weights", weights) == weights)


def sampling_words(facts: Mapping[str, Any], current: bool) -> str:
    """Describe how images were sampled, by the current weights of the model or not."""
    words = f"{str(facts.get('sampler')).upper()} in {facts.get('steps')} steps"
    words += f", η = {facts['eta']}" if facts.get("eta") else ""
    words += f", guidance {facts['guidance']}" if facts.get("guidance", 1) != 1 else ""
    words += f", seed {facts.get('seed')}"
    return words if current else words + "; by earlier weights of this run"


def find(folders: Iterable[Path], name: str) -> list[Path]:
    """Find all files of a name in folders and up to two levels below them."""
    found = [
        file
        for folder in folders
        for pattern in (name, f"*/{name}", f"*/*/{name}")
        for file in sorted(folder.glob(pattern))
        if file.is_file() and not {"checkpoints", "model", "best"} & {*file.parts[-3:-1]}
    ]
    return [*dict.fromkeys(found)]


def find_images(folders: Iterable[Path], weights: str | None) -> GeneratedImages | None:
    """Find the largest set of generated images, preferably by weights of this SHA-256."""
    sets = [
        GeneratedImages(file.parent, count, facts, is_current(facts, weights))
        for file in find(folders, "images.json")
        for facts, count in [(read_object(file), _count(file.parent))]
        if count
    ]
    return max(sets, key=lambda s: (s.current, s.count, str(s.folder)), default=None)


def _count(folder: Path) -> int:
    """Count images by the headers of their files."""
    try:
        return sum(len(np.load(f, mmap_mode="r")) for f in folder.glob("images-*.npy"))
    except (OSError, ValueError, EOFError):
        return 0


class ScoreRow(NamedTuple):
    """A score with its standard error, and the method that estimated that."""

    name: str
    value: Number
    error: Number
    error_by: str
    lower_is_better: bool


@dataclass(frozen=True)
class RunScores:
    """Scores of one comparison.

    Args:
        title: which images were compared.
        extractor: what computed their features.
        rows: the scores.
        left_out: scores that were not computed, and why.
    """

    title: str
    extractor: str
    rows: tuple[ScoreRow, ...]
    left_out: tuple[tuple[str, str], ...]


def run_scores(facts: Mapping[str, Any], weights: str | None = None) -> RunScores:
    """Lay out the content of scores.json; `weights` is the SHA-256 of the current model."""
    made_with = facts.get("made_with")
    by = f"; {sampling_words(made_with, is_current(made_with, weights))}" if made_with else ""
    made, real = facts["generated"], facts["real"]
    known = "statistics" if real["images"] is None else f"{real['images']:,}"
    scores = [*facts["scores"].values()]
    pairs = [with_error(found["value"], found["error"]) for found in scores]
    columns = [aligned([pair[place] for pair in pairs]) for place in (0, 1)]
    rows = [
        ScoreRow(found["name"], value, error, found["error_by"], found["lower_is_better"])
        for found, value, error in zip(scores, *columns, strict=True)
    ]
    return RunScores(
        f"{made['images']:,} generated images against {known} of {real['name']}{by}",
        ExtractorFacts.read(facts["extractor"]).words(),
        tuple(rows),
        tuple((facts.get("left_out") or {}).items()),
    )
