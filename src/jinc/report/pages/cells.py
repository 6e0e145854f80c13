"""The cells of a study as they are in its folder: scores, images and runs."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.report.neighbours import ReadImages
from jinc.report.numbers import Number, number
from jinc.report.pages.run_facts import duration, in_words, training_seconds
from jinc.report.pages.sources import GeneratedImages, find_images
from jinc.train import Run, TrainConfig

T = TypeVar("T")

_OWN = {"seed", "run"}
"""Settings in which all cells differ."""

_SAMPLING = "sampling: "


@dataclass(frozen=True)
class StudyCell:
    """A cell that has scores.

    Args:
        data: name of the data set.
        variant: its name.
        seed: of training.
        facts: content of its scores.json.
        generated: its images; None if they were deleted.
        run: of its network; None if it was deleted.
    """

    data: str
    variant: str
    seed: int
    facts: dict[str, Any]
    generated: GeneratedImages | None
    run: Run | None

    @cached_property
    def config(self) -> TrainConfig | None:
        """Settings of training."""
        return None if self.run is None else self.run.config

    @cached_property
    def log(self) -> list[dict[str, Any]]:
        """Entries of the log of training."""
        return [] if self.run is None else self.run.read_log()

    @property
    def read(self) -> ReadImages | None:
        """Reads its first images; None if they were deleted."""
        return None if self.generated is None else self.generated.images

    def settings(self) -> dict[str, Any]:
        """Return settings of training and sampling without the seed."""
        found = {} if self.config is None else self.config.settings()
        sampling = {} if self.generated is None else self.generated.facts
        found |= {_SAMPLING + name: value for name, value in sampling.items() if name not in _OWN}
        return {name: value for name, value in found.items() if name not in _OWN}


def read_cells(folder: Path, only: Collection[str] | None = None) -> list[StudyCell]:
    """Read all cells of a study that have scores, or those of some names."""
    found = sorted(folder.glob("cells/*/scores.json"))
    return [_cell(folder, file) for file in found if only is None or file.parent.name in only]


def grouped(
    cells: Sequence[StudyCell], value: Callable[[StudyCell], T | None]
) -> dict[str, dict[str, list[T]]]:
    """Return a value of each cell by data set and variant, in order; None is left out."""
    found: dict[str, dict[str, list[T]]] = {}
    for cell in cells:
        if (each := value(cell)) is not None:
            found.setdefault(cell.data, {}).setdefault(cell.variant, []).append(each)
    return found


def costs(cells: Sequence[StudyCell]) -> list[tuple[str, str, Number, Number, str, Number]]:
    """Return the cost of each variant on each data set, averaged over its seeds.

    Returns:
        Data set, variant, parameters, steps, time of training, and seconds for a thousand images.
    """
    return [
        (data, variant, *_cost(group))
        for data, variants in grouped(cells, lambda cell: cell).items()
        for variant, group in variants.items()
    ]


def differing(cells: Sequence[StudyCell], by: str) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Find the settings that define groups of cells.

    Args:
        cells: of the study.
        by: `variant` or `data`.

    Returns:
        Names of settings that are equal within each group but not in all groups; and the name of
        each group with their values.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        groups.setdefault(getattr(cell, by), []).append(cell.settings())
    names = dict.fromkeys(name for group in groups.values() for each in group for name in each)
    found = []
    for name in names:
        values = [{repr(each.get(name)) for each in group} for group in groups.values()]
        if all(len(own) == 1 for own in values) and len(set.union(*values)) > 1:
            found.append(name)
    rows = [(g, [in_words(group[0].get(name)) for name in found]) for g, group in groups.items()]
    return [name.replace("_", " ") for name in found], rows


def in_common(cells: Sequence[StudyCell]) -> dict[str, list[tuple[str, str]]]:
    """Return what all cells share: `training` without defaults, and `sampling`."""
    settings = [cell.settings() for cell in cells]
    usual = TrainConfig().settings()
    found: dict[str, list[tuple[str, str]]] = {"training": [], "sampling": []}
    for name, value in (settings[0] if settings else {}).items():
        if any(name not in each or each[name] != value for each in settings):
            continue
        if name.startswith(_SAMPLING):
            found["sampling"].append((name.removeprefix(_SAMPLING), in_words(value)))
        elif usual.get(name) != value:
            found["training"].append((name.replace("_", " "), in_words(value)))
    return found


def _cell(folder: Path, file: Path) -> StudyCell:
    facts = read_object(file)
    try:
        data, variant, seed = str(facts["data"]), str(facts["variant"]), int(facts["seed"])
    except (KeyError, TypeError, ValueError):
        raise JincError(f"{file}: is not what jinc study writes") from None
    images = find_images([file.parent / "images"], None)
    path = folder / "runs" / Path(str(images.facts.get("run", ""))).name if images else None
    run = Run(path) if path is not None and (path / "config.yaml").is_file() else None
    return StudyCell(data, variant, seed, facts, images, run)


def _cost(group: Sequence[StudyCell]) -> tuple[Number, Number, str, Number]:
    seconds = [training_seconds(cell.log, cell.config) for cell in group if cell.config]
    sampling = [
        1000 * cell.facts["sampling_seconds"] / cell.facts["generated"]["images"]
        for cell in group
        if cell.facts.get("sampling_seconds")
    ]
    return (
        number(group[0].facts.get("parameters")),
        number(group[0].facts.get("steps")),
        duration(fmean(seconds)) if seconds else "–",
        number(fmean(sampling) if sampling else None, 3),
    )
