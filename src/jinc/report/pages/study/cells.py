"""The cells of a study as they lie in its folder: scores, images, and the runs they came from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.report.pages.found import Kept, find_kept
from jinc.report.pages.numbers import Number, number
from jinc.report.pages.run_facts import duration, in_words, training_seconds
from jinc.train import Run, TrainConfig

_OWN = {"seed", "run"}
"""Settings in which cells differ anyway."""

_SAMPLING = "sampling: "


@dataclass(frozen=True)
class StudyCell:
    """A cell that has been scored.

    Args:
        data: name of the data set.
        variant: what was tried.
        seed: of training.
        facts: of its scores.json.
        kept: its images; None if they are not there any more.
        run: that of its network; None likewise.
    """

    data: str
    variant: str
    seed: int
    facts: dict[str, Any]
    kept: Kept | None
    run: Run | None

    @cached_property
    def config(self) -> TrainConfig | None:
        """How the network was trained."""
        return None if self.run is None else self.run.config

    @cached_property
    def log(self) -> list[dict[str, Any]]:
        """How that went."""
        return [] if self.run is None else self.run.read_log()

    def settings(self) -> dict[str, Any]:
        """Return how it was trained and sampled, but for the seed."""
        found = {} if self.config is None else self.config.settings()
        sampling = {} if self.kept is None else self.kept.facts
        found |= {_SAMPLING + name: value for name, value in sampling.items() if name not in _OWN}
        return {name: value for name, value in found.items() if name not in _OWN}


@dataclass(frozen=True)
class Cost:
    """What a variant took, on average over its seeds.

    Args:
        data, variant: what.
        parameters: of the network.
        steps: of training.
        training: how long that took, in words.
        sampling: seconds for a thousand images; None where they were there already.
    """

    data: str
    variant: str
    parameters: Number
    steps: Number
    training: str
    sampling: Number


def read_cells(folder: Path, only: Collection[str] | None = None) -> list[StudyCell]:
    """Read all cells that have been scored.

    Args:
        folder: of the study.

    Raises:
        JincError: a file is damaged.
    """
    found = sorted(folder.glob("cells/*/scores.json"))
    kept = [file for file in found if only is None or file.parent.name in only]
    return [_cell(folder, file) for file in kept]


def costs(cells: Sequence[StudyCell]) -> list[Cost]:
    """Say what every variant took on every data set, in the order of the cells."""
    groups: dict[tuple[str, str], list[StudyCell]] = {}
    for cell in cells:
        groups.setdefault((cell.data, cell.variant), []).append(cell)
    return [_cost(data, variant, group) for (data, variant), group in groups.items()]


def differing(cells: Sequence[StudyCell], by: str) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Find the settings that make variants, or data sets, what they are.

    Args:
        cells: of the study.
        by: `variant` or `data`.

    Returns:
        The names of settings that are the same within each group but not in all; and for each
        group its name and their values.
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
    """Return what all cells share: settings of training that are not as usual; and of sampling."""
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
    kept = find_kept([file.parent / "images"], None)
    path = folder / "runs" / Path(str(kept.facts.get("run", ""))).name if kept else None
    run = Run(path) if path is not None and (path / "config.yaml").is_file() else None
    return StudyCell(data, variant, seed, facts, kept, run)


def _cost(data: str, variant: str, group: Sequence[StudyCell]) -> Cost:
    seconds = [training_seconds(cell.log, cell.config) for cell in group if cell.config]
    sampling = [
        1000 * cell.facts["sampling_seconds"] / cell.facts["generated"]["images"]
        for cell in group
        if cell.facts.get("sampling_seconds")
    ]
    first = group[0].facts
    return Cost(
        data,
        variant,
        number(first.get("parameters")),
        number(first.get("steps")),
        duration(fmean(seconds)) if seconds else "–",
        number(fmean(sampling) if sampling else None, 3),
    )
