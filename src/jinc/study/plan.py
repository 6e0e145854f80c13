"""The plan of a study: networks to train, sample and score."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from jinc.diffusion.samplers.adaptive import USUAL_TOLERANCE
from jinc.metrics import ScoreKind
from jinc.models import SamplingPlan
from jinc.train import CHANGEABLE, AugmentationKind, TrainConfig

NUMBER = 1000
"""Images of each network, by default."""

_IRRELEVANT = {*CHANGEABLE, "data"} - {"steps", "epochs"}
"""Settings that do not change the network; data are identified by their name in the study."""

_ALWAYS = ("number", "sampler", "steps", "eta", "guidance", "calibrate", "seed")
_FILLED = ("tolerance", "clip", "spacing", "prompts")


@dataclass(frozen=True)
class ScoringPlan:
    """How images are scored.

    Args:
        features: an extractor, as `metrics.open_extractor` takes it.
        against: the real images, as `data.load_images` takes them.
        split: of the real images.
        kinds: the scores (default: all that these images allow).
        augment: augmentations of the real images, those of the training images or none.
    """

    features: str
    against: str
    split: str = "test"
    kinds: tuple[ScoreKind, ...] = ()
    augment: tuple[AugmentationKind, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return it ready for JSON, newer settings without defaults as in `sampling_settings`."""
        found = asdict(self)
        return found if self.augment else {n: v for n, v in found.items() if n != "augment"}


@dataclass(frozen=True)
class Cell:
    """A network of one variant, data set and seed, and how it is scored.

    Args:
        data: name of the data set.
        source: its path, as the study writes it.
        variant: name of the row.
        seed: of training.
        config: of training.
        sampling: of the generated images.
        scoring: of these images.
        equivariance: number and sampling of the images that equivariance is measured on; None if
            it is not.
    """

    data: str
    source: str
    variant: str
    seed: int
    config: TrainConfig
    sampling: SamplingPlan
    scoring: ScoringPlan
    equivariance: SamplingPlan | None = None

    @property
    def name(self) -> str:
        """Data set, variant and seed."""
        return f"{self.data} {self.variant} {self.seed}"

    @property
    def folder_name(self) -> str:
        """Name of its folder, with a digest of all settings."""
        made = [self.name, self.run_name, sampling_settings(self.sampling), self.scoring.settings()]
        return f"{self.name} {_digest(made)}".replace("/", "-")

    @property
    def run_name(self) -> str:
        """Name of the run of its network, which all cells with the same training share."""
        trained = _digest([self.source, identifying_settings(self.config)])
        return f"{self.data} {self.seed} {trained}".replace("/", "-")


@dataclass(frozen=True)
class Study:
    """Networks to compare.

    Args:
        name: of the file.
        what: the question, in a sentence.
        baseline: the variant that the others are compared with.
        cells: all of them.
        places: paths by the names that begin with `$` in the file, as far as given.
        asked: all of these names.
    """

    name: str
    what: str
    baseline: str
    cells: tuple[Cell, ...]
    places: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()

    def units(self) -> list[list[Cell]]:
        """Return the cells grouped by network, in order."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.run_name, []).append(cell)
        return list(found.values())


def identifying_settings(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that determine a network, without defaults."""
    usual = TrainConfig().settings()
    settings = config.settings().items()
    return {n: v for n, v in settings if n not in _IRRELEVANT and v != usual[n]}


def sampling_settings(plan: SamplingPlan) -> dict[str, Any]:
    """Return the settings of a plan, ready for JSON.

    Newer settings are left out at their defaults, so that folders of older versions keep their
    names.
    """
    found = {name: getattr(plan, name) for name in _ALWAYS}
    found |= {"tolerance": plan.tolerance, "clip": plan.clips}
    if plan.tolerance is None:
        found["tolerance"] = USUAL_TOLERANCE
    if plan.spaced != "even":
        found["spacing"] = plan.spaced
    for setting in fields(SamplingPlan):
        value = getattr(plan, setting.name)
        if setting.name not in (*_ALWAYS, *_FILLED) and value != setting.default:
            found[setting.name] = value
    return found


def _digest(settings: Any) -> str:
    """Return 8 hexadecimal digits that identify settings."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
