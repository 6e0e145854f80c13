"""What a study is made of: a YAML file as networks to be trained, sampled and scored."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from jinc.errors import JincError
from jinc.files import one_line
from jinc.metrics import SCORES, ScoreKind
from jinc.study.sampling_plan import SamplingPlan
from jinc.train import CHANGEABLE, TrainConfig, find_preset, refuse_unused

PLACE = "$"
"""What begins the name of a place that is given when the study is run: `$mnist`."""

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
        made = [self.name, self.run_name, self.sampling.settings(), asdict(self.scoring)]
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
    """

    name: str
    what: str
    baseline: str
    cells: tuple[Cell, ...]

    def units(self) -> list[list[Cell]]:
        """Return the cells, those of one network together, in order."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.run_name, []).append(cell)
        return list(found.values())


def _whole(place: str) -> str:
    """Return a path in one spelling; names and what is nowhere stay as they are."""
    return str(Path(place).resolve()) if Path(place).exists() else place


def telling(config: TrainConfig) -> dict[str, Any]:
    """Return the settings by which one network is told from another: unusual ones that matter."""
    usual = TrainConfig().settings()
    said = config.settings().items()
    return {n: v for n, v in said if n not in _UNTOLD and v != usual[n]}


def _digest(settings: Any) -> str:
    """Return 8 hexadecimal digits that any other settings would change."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def read_study(file: Path, places: Mapping[str, str] | None = None) -> Study:
    """Read a study.

    Args:
        file: YAML with `what`, `train` (settings for all, perhaps with a `preset`), `data` (by
            name: settings, and `score`, of `features`, `against` and `split`), `variants` (by name:
            settings, and perhaps `sample`) or `configs` (a list, each a variant), `seeds`,
            `baseline`, `sample` and `scores`.
        places: what the names that begin with `$` stand for.

    Raises:
        JincError: the file cannot be read, or something in it makes no sense.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise JincError(f"{file}: cannot be read as a study ({one_line(error)})") from None
    if not isinstance(found, dict):
        raise JincError(f"{file}: does not hold a study")
    return _Reader(file, places or {}).study(found)


@dataclass(frozen=True)
class _Reader:
    """Makes a study of what a file says."""

    file: Path
    places: Mapping[str, str]

    def study(self, found: Mapping[str, Any]) -> Study:
        known = ("what", "train", "data", "variants", "configs", "seeds", "baseline", "sample")
        self._known("", found, (*known, "scores"))
        columns = self._named(found, "data")
        rows = self._rows(found)
        baseline = str(found.get("baseline", next(iter(rows))))
        if baseline not in rows:
            raise JincError(f"{self.file}: baseline: {baseline!r} is none of {', '.join(rows)}")
        cells = tuple(
            self._cell(found, data, columns[data], variant, rows[variant], seed)
            for data in columns
            for seed in self._seeds(found)
            for variant in rows
        )
        return Study(self.file.stem, str(found.get("what", "")), baseline, cells)

    def _cell(
        self,
        found: Mapping[str, Any],
        data: str,
        column: Mapping[str, Any],
        variant: str,
        row: Mapping[str, Any],
        seed: int,
    ) -> Cell:
        where = f"{self.file}: {data} {variant}"
        own = {key: self._place(value) for key, value in column.items() if key != "score"}
        scored = self._settings(column.get("score"), f"{data}: score")
        scored = {key: self._place(value) for key, value in scored.items()}
        self._known(f"{data}: score: ", scored, ("features", "against", "split"))
        scoring = ScoringPlan(
            _whole(str(scored.get("features", "inception"))),
            _whole(str(scored.get("against", own.get("data", "")))),
            str(scored.get("split", "test")),
            self._kinds(found),
        )
        mine = {key: value for key, value in row.items() if key != "sample"}
        train = dict(self._settings(found.get("train"), "train"))
        preset = find_preset(str(train.pop("preset"))).settings() if "preset" in train else {}
        settings = {**preset, **train, **own, **mine, "seed": seed}
        config = TrainConfig.of_settings(settings, where)
        own_sample = self._settings(row.get("sample"), f"{variant}: sample")
        said = {**self._settings(found.get("sample"), "sample"), **own_sample}
        sampling = self._sampling(said, where)
        self._sampled(config, sampling, where)
        source = str({**settings, **column}.get("data", ""))
        return Cell(data, source, variant, seed, config, sampling, scoring)

    def _sampled(self, config: TrainConfig, sampling: SamplingPlan, where: str) -> None:
        """Find out before hours of training whether a network can be sampled so."""
        if config.noise_std is not None or config.upscale is not None:
            other = "noise_std" if config.noise_std is not None else "upscale"
            raise JincError(f"{where}: {other}: makes no model of images, which could be scored")
        if sampling.guidance != 1 and not (config.conditional and config.label_dropout):
            reason = "needs training with conditional and label_dropout"
            raise JincError(f"{where}: sample: guidance: {reason}")
        try:
            refuse_unused(config)
            sampling.levels(config.timesteps)
        except JincError as error:
            raise JincError(f"{where}: {error}") from None

    def _sampling(self, said: Mapping[str, Any], where: str) -> SamplingPlan:
        self._known("sample: ", said, [field.name for field in fields(SamplingPlan)])
        try:
            return replace(SamplingPlan(), **said)
        except JincError as error:
            raise JincError(f"{where}: sample: {error}") from None

    def _rows(self, found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        if "configs" in found and "variants" in found:
            raise JincError(f"{self.file}: configs are variants; take one of both")
        if "configs" not in found:
            return self._named(found, "variants")
        names = found["configs"]
        if not isinstance(names, list) or not names:
            raise JincError(f"{self.file}: configs: is no list of names")
        return {str(name): {"config": str(name)} for name in names}

    def _seeds(self, found: Mapping[str, Any]) -> list[int]:
        seeds = found.get("seeds", [0])
        if not isinstance(seeds, list) or not seeds or not all(type(s) is int for s in seeds):
            raise JincError(f"{self.file}: seeds: {seeds!r} is no list of whole numbers")
        if len({*seeds}) < len(seeds):
            raise JincError(f"{self.file}: seeds: {seeds!r} names one twice")
        return seeds

    def _kinds(self, found: Mapping[str, Any]) -> tuple[ScoreKind, ...]:
        kinds = found.get("scores") or []
        if not isinstance(kinds, list):
            raise JincError(f"{self.file}: scores: {kinds!r} is no list")
        for kind in kinds:
            if kind not in SCORES:
                raise JincError(f"{self.file}: scores: {kind!r} is none of {', '.join(SCORES)}")
        return tuple(kinds)

    def _named(self, found: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
        """Read settings by names."""
        value = found.get(key)
        if not isinstance(value, dict) or not value:
            raise JincError(f"{self.file}: {key}: is missing, or holds no settings by name")
        for name, settings in value.items():
            if not isinstance(settings, dict):
                raise JincError(f"{self.file}: {key}: {name}: holds no settings")
        return {str(name): settings for name, settings in value.items()}

    def _settings(self, value: Any, where: str) -> Mapping[str, Any]:
        """Read settings that may be left out."""
        if not isinstance(value, dict | None):
            raise JincError(f"{self.file}: {where}: holds no settings by name")
        return value or {}

    def _place(self, value: Any) -> Any:
        """Put a place where its name stands."""
        if not isinstance(value, str) or not value.startswith(PLACE):
            return value
        name = value.removeprefix(PLACE)
        if name not in self.places:
            raise JincError(f"{self.file}: {value}: say where it is, --place {name}=PATH")
        return self.places[name]

    def _known(self, where: str, found: Mapping[str, Any], known: Sequence[str]) -> None:
        for key in found:
            if key not in known:
                raise JincError(f"{self.file}: {where}{key!r} is none of {', '.join(known)}")
