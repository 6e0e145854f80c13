"""Reading a study: a YAML file, in which everything is found out that can be without its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from jinc.data import SPLITS
from jinc.documents import read_yaml
from jinc.errors import JincError
from jinc.metrics import SCORES, ScoreKind
from jinc.models import SamplingPlan
from jinc.nn import parse_configs
from jinc.schema import build
from jinc.study.plan import Cell, ScoringPlan, Study
from jinc.study.sampling import NUMBER
from jinc.train import TrainConfig, find_preset, refuse_unused

LONGEST = 180
"""Bytes of the name of a folder of a cell; file systems take 255, with something for their own."""

TOLD = ("data", "seed")
"""Settings that a study tells in a place of their own."""

PLACE = "$"
"""What begins the name of a place that is given when the study is run: `$mnist`."""


def read_study(
    file: Path, places: Mapping[str, str] | None = None, *, judged: bool = True
) -> Study:
    """Read a study.

    Args:
        file: YAML with `what`, `train` (settings for all, perhaps with a `preset`), `data` (by
            name: settings, and `score`, of `features`, `against` and `split`), `variants` (by name:
            settings, and perhaps `sample`) or `configs` (a list, each a variant), `seeds`,
            `baseline`, `sample` and `scores`.
        places: what the names that begin with `$` stand for.
        judged: whether who scores has to be told too, which what it costs does not depend on.

    Raises:
        JincError: the file cannot be read, or something in it makes no sense.
    """
    return _Reader(file, places or {}, judged).study(read_yaml(file))


def whole(place: str) -> str:
    """Return a path in one spelling; names and what is nowhere stay as they are."""
    return str(Path(place).resolve()) if Path(place).exists() else place


@dataclass(frozen=True)
class _Reader:
    """Makes a study of what a file says."""

    file: Path
    places: Mapping[str, str]
    judged: bool

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
        self._named_well(cells)
        asked = self._asked(columns)
        given = {name: whole(place) for name, place in self.places.items() if name in asked}
        what = str(found.get("what", ""))
        return Study(self.file.stem, what, baseline, cells, given, asked)

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
        self._known(f"{data}: score: ", scored, ("features", "against", "split"))
        for key, value in scored.items():
            if not isinstance(value, str):
                raise JincError(f"{self.file}: {data}: score: {key}: {value!r} is no text")
        scored = {key: self._place(value, needed=self.judged) for key, value in scored.items()}
        scoring = ScoringPlan(
            whole(str(scored.get("features", "inception"))),
            whole(str(scored.get("against", own.get("data", "")))),
            self._split(scored.get("split", "test"), data),
            self._kinds(found),
        )
        mine = {key: value for key, value in row.items() if key != "sample"}
        self._refuse_told(f"variants: {variant}", mine)
        self._refuse_told(f"data: {data}", {key: own[key] for key in own if key != "data"})
        train = dict(self._settings(found.get("train"), "train"))
        self._refuse_told("train", train)
        preset = self._preset(train.pop("preset")) if "preset" in train else {}
        settings = {**preset, **train, **own, **mine, "seed": seed}
        config = TrainConfig.of_settings(settings, where)
        own_sample = self._settings(row.get("sample"), f"{variant}: sample")
        said = {**self._settings(found.get("sample"), "sample"), **own_sample}
        sampling = self._sampling(said, where)
        self._sampled(config, sampling, where)
        source = str(column.get("data", preset.get("data", "")))
        return Cell(data, source, variant, seed, config, sampling, scoring)

    def _refuse_told(self, where: str, settings: Mapping[str, Any]) -> None:
        """Refuse what would be passed over."""
        for name in TOLD:
            if name in settings:
                proper = "data" if name == "data" else "seeds"
                raise JincError(f"{self.file}: {where}: {name}: is told by {proper} of the study")

    def _preset(self, name: Any) -> Mapping[str, Any]:
        try:
            return find_preset(str(name)).settings()
        except JincError as error:
            raise JincError(f"{self.file}: train: {error}") from None

    def _named_well(self, cells: Sequence[Cell]) -> None:
        """Refuse names that no folder can have, or that break a line of a table."""
        for cell in cells:
            for what, name in (("data", cell.data), ("variants", cell.variant)):
                if not name.strip() or not name.isprintable():
                    raise JincError(f"{self.file}: {what}: {name!r} is no name of a row or column")
            if len(cell.folder_name.encode()) > LONGEST:
                reason = f"is too long a name, of more than {LONGEST} bytes"
                raise JincError(f"{self.file}: {cell.name[:40]}…: {reason}")

    def _sampled(self, config: TrainConfig, sampling: SamplingPlan, where: str) -> None:
        """Find out before hours of training whether a network can be sampled so."""
        if config.noise_std is not None or config.upscale is not None:
            other = "noise_std" if config.noise_std is not None else "upscale"
            raise JincError(f"{where}: {other}: makes no model of images, which could be scored")
        if sampling.guidance != 1 and not (config.conditional and config.label_dropout):
            reason = "needs training with conditional and label_dropout"
            raise JincError(f"{where}: sample: guidance: {reason}")
        try:
            parse_configs(config.config)
            refuse_unused(config)
            sampling.count(config.timesteps)
        except JincError as error:
            raise JincError(f"{where}: {error}") from None

    def _sampling(self, said: Mapping[str, Any], where: str) -> SamplingPlan:
        names = [field.name for field in fields(SamplingPlan) if field.name != "prompts"]
        self._known("sample: ", said, names)
        try:
            plan = build(SamplingPlan, {"number": NUMBER, **said}, where="sample")
            if plan.number < 2:
                raise JincError(f"sample: number: {plan.number} is not at least 2")
            return plan
        except JincError as error:
            raise JincError(f"{where}: {error}") from None

    def _rows(self, found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        if "configs" in found and "variants" in found:
            raise JincError(f"{self.file}: configs are variants; take one of both")
        if "configs" not in found:
            return self._named(found, "variants")
        names = found["configs"]
        if not isinstance(names, list) or not names:
            raise JincError(f"{self.file}: configs: is no list of names")
        rows: dict[str, Mapping[str, Any]] = {str(n): {"config": str(n)} for n in names}
        if len(rows) < len(names):
            raise JincError(f"{self.file}: configs: {', '.join(map(str, names))} names one twice")
        return rows

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

    def _split(self, value: Any, data: str) -> str:
        if value not in SPLITS:
            reason = f"{value!r} is none of {', '.join(SPLITS)}"
            raise JincError(f"{self.file}: {data}: score: split: {reason}")
        return str(value)

    def _asked(self, columns: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """List the names of all places, those that are not needed too."""
        said = [
            value
            for column in columns.values()
            for settings in (column, self._settings(column.get("score"), "score"))
            for value in settings.values()
        ]
        return tuple(dict.fromkeys(v.removeprefix(PLACE) for v in said if _is_place(v)))

    def _place(self, value: Any, needed: bool = True) -> Any:
        """Put a place where its name stands."""
        if not _is_place(value):
            return value
        name = value.removeprefix(PLACE)
        if name not in self.places:
            if not needed:
                return value
            raise JincError(f"{self.file}: {value}: say where it is, --place {name}=PATH")
        return self.places[name]

    def _known(self, where: str, found: Mapping[str, Any], known: Sequence[str]) -> None:
        for key in found:
            if key not in known:
                raise JincError(f"{self.file}: {where}{key!r} is none of {', '.join(known)}")


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(PLACE)
