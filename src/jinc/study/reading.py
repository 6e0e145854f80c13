"""Reading a study: a YAML file, checked as far as possible without its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from jinc.data import SPLITS
from jinc.diffusion import method_by_name
from jinc.documents import read_yaml
from jinc.errors import JincError, naming, unknown
from jinc.metrics import SCORES, ScoreKind
from jinc.models import SamplingPlan
from jinc.nn import parse_configs
from jinc.schema import build
from jinc.study.plan import NUMBER, Cell, ScoringPlan, Study
from jinc.train import AugmentationKind, TrainConfig, find_preset, refuse_unused

LONGEST = 180
"""Bytes of a cell's folder name; file systems allow 255, of which temporary names need some."""

EQUIVARIANCE = {"number": 32, "steps": 50}
"""How equivariance is measured by default."""

_SEPARATE = {"data": "data", "seed": "seeds"}
"""Settings that a study has under keys of their own."""

PLACE = "$"
"""First character of a name for a path that is given on the command line: `$mnist`."""


def read_study(
    file: Path, places: Mapping[str, str] | None = None, *, scored: bool = True
) -> Study:
    """Read a study.

    Args:
        file: YAML with `what`, `train` (settings for all, optionally a `preset`), `data` (by name:
            settings, and `score` with `features`, `against`, `split` and `augment`), `variants` (by
            name: settings, optionally `sample`, and `on`, a list of data sets) or `configs` (a
            list, each a variant), `seeds`, `baseline`, `sample`, `scores` and `equivariance`.
        places: paths for the names that begin with `$`.
        scored: whether paths for scores are required; the cost of a study does not need them.
    """
    return _Reader(file, places or {}, scored).study(read_yaml(file))


def _absolute(place: str) -> str:
    """Return the absolute path of an existing file; names and other paths stay unchanged."""
    return str(Path(place).resolve()) if Path(place).exists() else place


@dataclass(frozen=True)
class _Reader:
    """Builds a study from the content of a file."""

    file: Path
    places: Mapping[str, str]
    scored: bool

    def study(self, found: Mapping[str, Any]) -> Study:
        known = ("what", "train", "data", "variants", "configs", "seeds", "baseline", "sample")
        self._known("", found, (*known, "scores", "equivariance"))
        columns = self._named(found, "data")
        rows = self._rows(found)
        baseline = str(found.get("baseline", next(iter(rows))))
        if baseline not in rows:
            raise JincError(
                f"{self.file}: baseline: {baseline!r} is not a variant; there are {', '.join(rows)}"
            )
        on = {
            name: self._on(name, row.get("on", [*columns]), columns) for name, row in rows.items()
        }
        for data in columns:
            if data not in on[baseline]:
                raise JincError(f"{self.file}: baseline: {baseline} is not trained on {data}")
        cells = tuple(
            self._cell(found, data, columns[data], variant, rows[variant], seed)
            for data in columns
            for seed in self._seeds(found)
            for variant in rows
            if data in on[variant]
        )
        self._check_names(cells)
        asked = self._asked(columns)
        given = {name: _absolute(place) for name, place in self.places.items() if name in asked}
        return Study(self.file.stem, str(found.get("what", "")), baseline, cells, given, asked)

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
        mine = {key: value for key, value in row.items() if key not in ("sample", "on")}
        self._refuse_separate(f"variants: {variant}", mine)
        self._refuse_separate(f"data: {data}", {key: own[key] for key in own if key != "data"})
        train = dict(self._settings(found.get("train"), "train"))
        self._refuse_separate("train", train)
        preset = self._preset(train.pop("preset")) if "preset" in train else {}
        settings = {**preset, **train, **own, **mine, "seed": seed}
        config = TrainConfig.of_settings(settings, where)
        own_sample = self._settings(row.get("sample"), f"{variant}: sample")
        said = {**self._settings(found.get("sample"), "sample"), **own_sample}
        sampling = self._sampling("sample", {"number": NUMBER, **said}, where)
        self._check_sampling(config, sampling, where)
        scoring = self._scoring(found, data, column, config)
        source = str(column.get("data", preset.get("data", "")))
        measured = self._equivariance(found, config, where)
        return Cell(data, source, variant, seed, config, sampling, scoring, measured)

    def _scoring(
        self, found: Mapping[str, Any], data: str, column: Mapping[str, Any], config: TrainConfig
    ) -> ScoringPlan:
        where = f"{data}: score"
        scored = dict(self._settings(column.get("score"), where))
        self._known(f"{where}: ", scored, ("features", "against", "split", "augment"))
        kinds = self._augment(f"{where}: augment", scored.pop("augment", False), config)
        for key, value in scored.items():
            if not isinstance(value, str):
                raise JincError(f"{self.file}: {where}: {key}: {value!r} is not a text")
        scored = {key: self._place(value, needed=self.scored) for key, value in scored.items()}
        return ScoringPlan(
            _absolute(scored.get("features", "inception")),
            _absolute(scored.get("against", config.data)),
            self._split(scored.get("split", "test"), data),
            self._kinds(found),
            kinds,
        )

    def _augment(self, where: str, value: Any, config: TrainConfig) -> tuple[AugmentationKind, ...]:
        if not isinstance(value, bool):
            raise JincError(f"{self.file}: {where}: {value!r} is not true or false")
        if value and not config.augment:
            raise JincError(f"{self.file}: {where}: training has no augment")
        if value and config.augment_labels:
            raise JincError(f"{self.file}: {where}: augment_labels generates unaugmented images")
        return config.augment if value else ()

    def _on(self, variant: str, value: Any, columns: Mapping[str, Any]) -> list[str]:
        """Read the data sets of a variant."""
        where = f"{self.file}: variants: {variant}: on"
        if not isinstance(value, list) or not value:
            raise JincError(f"{where}: {value!r} is not a list of data sets")
        for data in map(str, value):
            if data not in columns:
                raise unknown(f"{where}: {data!r} is not a data set", data, columns)
        return [*map(str, value)]

    def _refuse_separate(self, where: str, settings: Mapping[str, Any]) -> None:
        """Refuse settings that would be ignored."""
        for name, key in _SEPARATE.items():
            if name in settings:
                raise JincError(f"{self.file}: {where}: {name}: is set by the key {key} only")

    def _preset(self, name: Any) -> Mapping[str, Any]:
        with naming(f"{self.file}: train"):
            return find_preset(str(name)).settings()

    def _check_names(self, cells: Sequence[Cell]) -> None:
        """Refuse names that cannot be those of folders or table rows."""
        for cell in cells:
            for what, name in (("data", cell.data), ("variants", cell.variant)):
                if not name.strip() or not name.isprintable():
                    raise JincError(f"{self.file}: {what}: {name!r} is not a valid name")
            if len(cell.folder_name.encode()) > LONGEST:
                reason = f"the name is longer than {LONGEST} bytes"
                raise JincError(f"{self.file}: {cell.name[:40]}…: {reason}")

    def _check_sampling(self, config: TrainConfig, sampling: SamplingPlan, where: str) -> None:
        """Check, before hours of training, that the network can be sampled in this way."""
        if config.noise_std is not None or config.upscale is not None:
            other = "noise_std" if config.noise_std is not None else "upscale"
            raise JincError(
                f"{where}: {other}: does not train a model of images, so there are no scores"
            )
        if sampling.guidance != 1 and not (config.conditional and config.label_dropout):
            reason = "needs training with conditional and label_dropout"
            raise JincError(f"{where}: sample: guidance: {reason}")
        with naming(where):
            parse_configs(config.config)
            refuse_unused(config)
            sampling.count(config.timesteps)

    def _equivariance(
        self, found: Mapping[str, Any], config: TrainConfig, where: str
    ) -> SamplingPlan | None:
        """Read how equivariance is measured; None without the key."""
        if "equivariance" not in found:
            return None
        said = self._settings(found["equivariance"], "equivariance")
        self._known("equivariance: ", said, ("number", "sampler", "steps", "eta", "seed"))
        plan = self._sampling("equivariance", {**EQUIVARIANCE, **said}, where)
        with naming(f"{where}: equivariance"):
            if not isinstance(plan.steps, int):
                raise JincError(f"steps: {plan.steps!r} is not a whole number")
            method_by_name(str(plan.sampler), plan.eta)
            plan.count(config.timesteps)
        return plan

    def _sampling(self, key: str, said: Mapping[str, Any], where: str) -> SamplingPlan:
        names = [field.name for field in fields(SamplingPlan) if field.name != "prompts"]
        self._known(f"{key}: ", said, names)
        with naming(where):
            plan = build(SamplingPlan, said, where=key)
            if plan.number < 2:
                raise JincError(f"{key}: number: {plan.number} is not at least 2")
        return plan

    def _rows(self, found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        if "configs" in found and "variants" in found:
            raise JincError(f"{self.file}: has configs and variants; keep one of them")
        if "configs" not in found:
            return self._named(found, "variants")
        names = found["configs"]
        if not isinstance(names, list) or not names:
            raise JincError(f"{self.file}: configs: is not a list of names")
        rows: dict[str, Mapping[str, Any]] = {str(n): {"config": str(n)} for n in names}
        if len(rows) < len(names):
            raise JincError(
                f"{self.file}: configs: {', '.join(map(str, names))} has a repeated entry"
            )
        return rows

    def _seeds(self, found: Mapping[str, Any]) -> list[int]:
        seeds = found.get("seeds", [0])
        if not isinstance(seeds, list) or not seeds or not all(type(s) is int for s in seeds):
            raise JincError(f"{self.file}: seeds: {seeds!r} is not a list of integers")
        if len({*seeds}) < len(seeds):
            raise JincError(f"{self.file}: seeds: {seeds!r} has a repeated entry")
        return seeds

    def _kinds(self, found: Mapping[str, Any]) -> tuple[ScoreKind, ...]:
        kinds = found.get("scores") or []
        if not isinstance(kinds, list):
            raise JincError(f"{self.file}: scores: {kinds!r} is not a list")
        for kind in kinds:
            if kind not in SCORES:
                raise JincError(f"{self.file}: scores: {kind!r} is not one of {', '.join(SCORES)}")
        return tuple(kinds)

    def _named(self, found: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
        """Read a mapping of names to settings."""
        value = found.get(key)
        if not isinstance(value, dict) or not value:
            raise JincError(
                f"{self.file}: {key}: is missing, or is not a mapping of names to settings"
            )
        for name, settings in value.items():
            if not isinstance(settings, dict):
                raise JincError(f"{self.file}: {key}: {name}: is not a mapping of settings")
        return {str(name): settings for name, settings in value.items()}

    def _settings(self, value: Any, where: str) -> Mapping[str, Any]:
        """Read optional settings."""
        if not isinstance(value, dict | None):
            raise JincError(f"{self.file}: {where}: is not a mapping of settings")
        return value or {}

    def _split(self, value: Any, data: str) -> str:
        if value not in SPLITS:
            reason = f"{value!r} is not one of {', '.join(SPLITS)}"
            raise JincError(f"{self.file}: {data}: score: split: {reason}")
        return str(value)

    def _asked(self, columns: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """List all names of paths, required or not."""
        said = [
            value
            for column in columns.values()
            for settings in (column, self._settings(column.get("score"), "score"))
            for value in settings.values()
        ]
        return tuple(dict.fromkeys(v.removeprefix(PLACE) for v in said if _is_place(v)))

    def _place(self, value: Any, needed: bool = True) -> Any:
        """Replace a name by its path."""
        if not _is_place(value):
            return value
        name = value.removeprefix(PLACE)
        if name not in self.places:
            if not needed:
                return value
            raise JincError(f"{self.file}: {value}: add --place {name}=PATH")
        return self.places[name]

    def _known(self, where: str, found: Mapping[str, Any], known: Sequence[str]) -> None:
        for key in found:
            if key not in known:
                raise JincError(f"{self.file}: {where}{key!r} is not one of {', '.join(known)}")


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(PLACE)
