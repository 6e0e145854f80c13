"""What a study is made of: networks to be trained, sampled and scored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jinc.metrics import ScoreKind
from jinc.models import SamplingPlan
from jinc.study.sampling import sampling_settings
from jinc.train import CHANGEABLE, TrainConfig

_UNTOLD = {*CHANGEABLE, "data"} - {"steps", "epochs"}
"""Settings of training that do not make another network; data go by their name in the study."""


@dataclass(frozen=True)
class ScoringPlan:
    """What images are compared with, and by whom.

    Args:
        features: an extractor, as `metrics.open_extractor` takes it.
        against: the real images, as `data.load_images` takes them.
        split: which part of them.
        kinds: which scores; all that these images allow, if none is named.
    """

    features: str
    against: str
    split: str = "test"
    kinds: tuple[ScoreKind, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One figure of the table for one seed.

    Args:
        data: name of the column.
        source: of its images, as the study names them.
        variant: name of the row.
        seed: of training.
        config: how the network is trained.
        sampling: how it is sampled.
        scoring: how that is scored.
    """

    data: str
    source: str
    variant: str
    seed: int
    config: TrainConfig
    sampling: SamplingPlan
    scoring: ScoringPlan

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.data} {self.variant} {self.seed}"

    @property
    def folder_name(self) -> str:
        """Of its folder: other settings make another one."""
        made = [self.name, self.run_name, sampling_settings(self.sampling), asdict(self.scoring)]
        return f"{self.name} {_digest(made)}".replace("/", "-")

    @property
    def run_name(self) -> str:
        """Of the folder of its network, which cells that train alike have in common."""
        trained = _digest([self.source, telling(self.config)])
        return f"{self.data} {self.seed} {trained}".replace("/", "-")


@dataclass(frozen=True)
class Study:
    """A table to be filled.

    Args:
        name: of the file.
        what: the question, in a sentence.
        baseline: the row that others are compared with.
        cells: its figures.
        places: what the names in it that begin with `$` stand for, as far as that is told.
        asked: all of these names.
    """

    name: str
    what: str
    baseline: str
    cells: tuple[Cell, ...]
    places: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()

    def units(self) -> list[list[Cell]]:
        """Return the cells, those of one network together, in order."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.run_name, []).append(cell)
        return list(found.values())


def telling(config: TrainConfig) -> dict[str, Any]:
    """Return the settings by which one network is told from another: unusual ones that matter."""
    usual = TrainConfig().settings()
    said = config.settings().items()
    return {n: v for n, v in said if n not in _UNTOLD and v != usual[n]}


def _digest(settings: Any) -> str:
    """Return 8 hexadecimal digits that any other settings would change."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
