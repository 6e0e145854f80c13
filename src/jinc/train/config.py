"""All settings of a training run: validated, and as a file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self, get_type_hints

import yaml

from jinc.diffusion.schedule import BETA_ENDS
from jinc.documents import read_yaml
from jinc.errors import JincError, nearest
from jinc.files import writing
from jinc.schema import in_words, is_a, shown
from jinc.train.settings import (
    DataSettings,
    FinetuningSettings,
    KeepingSettings,
    MachineSettings,
    NetworkSettings,
    ObjectiveSettings,
    OptimiserSettings,
)

_DATA_AT = "data_at"
"""Absolute path of a relative `data`, so that a run can be resumed from any working directory."""


def to_write(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contents of a run's config.yaml."""
    data = Path(str(settings["data"]))
    relative = not data.is_absolute() and data.exists()
    return {**settings, **({_DATA_AT: str(data.absolute())} if relative else {})}


def as_written(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a run's config.yaml stands for.

    Runs older than `scale_betas` were trained without it. `data` is the absolute path if that
    still exists and the relative one has not been edited.
    """
    settings = dict(found)
    absolute, relative = Path(str(settings.pop(_DATA_AT, ""))), Path(str(settings.get("data", "")))
    unedited = absolute.parts[len(absolute.parts) - len(relative.parts) :] == relative.parts
    if absolute.is_absolute() and absolute.exists() and unedited:
        settings["data"] = str(absolute)
    if "scale_betas" not in settings:
        usual = settings.get("timesteps", 1000) == 1000
        settings["scale_betas"] = usual or settings.get("schedule", "linear") not in BETA_ENDS
    return settings


@dataclass(frozen=True)
class TrainConfig(
    KeepingSettings,
    MachineSettings,
    OptimiserSettings,
    FinetuningSettings,
    ObjectiveSettings,
    NetworkSettings,
    DataSettings,
):
    """All settings of a training run, by the sections of `settings`."""

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            _require(is_a(value, kind), name, shown(value), in_words(kind))
            if kind is float:  # also where a whole number was given, so that files are the same
                object.__setattr__(self, name, float(value))
        for field in fields(TrainConfig):  # of a subclass, fields have no metadata
            value = getattr(self, field.name)
            for each in (value if isinstance(value, tuple) else (value,)) if field.metadata else ():
                valid = each is None or field.metadata["holds"](each)
                _require(valid, field.name, each, field.metadata["words"])
        share = self.batch_size / self.accumulation
        _require(share.is_integer(), "accumulation", self.accumulation, "a part of batch_size")

    def total_steps(self, images: int, ahead: int = 0) -> int:
        """Return the number of batches for a data set of so many images; see `steps_of_epochs`."""
        return self.steps or self.steps_of_epochs(self.epochs, images, ahead)

    def steps_of_epochs(self, epochs: float, images: int, ahead: int = 0) -> int:
        """Return how many batches take about so many epochs of so many images, at least 1.

        `ahead` images were seen beside `batch_size` a step, by steps with larger batches; it is
        negative after smaller ones.
        """
        return max(1, round((epochs * images - ahead) / self.batch_size))

    @property
    def most_noise(self) -> int:
        """The highest t of noise conditioning augmentation; 0 without upscaling."""
        return round(self.upscale_noise * self.timesteps) if self.upscale else 0

    def write(self, file: Path) -> None:
        """Write every setting as YAML; raise a JincError if the file cannot be written."""
        with writing(file) as out:
            text = yaml.safe_dump(to_write(self.settings()), sort_keys=False, allow_unicode=True)
            out.write(text.encode())

    def settings(self) -> dict[str, Any]:
        """Return every setting by name, ready for JSON and YAML."""
        found = asdict(self)
        return {n: list(v) if isinstance(v, tuple) else v for n, v in found.items()}

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file that `write` wrote, of this version or an older one."""
        return cls.of_settings(as_written(read_yaml(file)), str(file))

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any], where: str) -> Self:
        """Return the defaults with some settings replaced; `where` is their source, for errors."""
        known = [field.name for field in fields(cls)]
        for name in sorted(map(str, settings.keys() - set(known))):
            hint = nearest(name, known)
            raise JincError(f"{where}: {name!r} is no setting{hint and f'; {hint}'}")
        lists = {n: tuple(v) for n, v in settings.items() if isinstance(v, list)}
        try:
            return cls(**{**settings, **lists})
        except JincError as error:
            raise JincError(f"{where}: {error}") from None


CHANGEABLE = (
    *("steps", "epochs", "device", "fsdp", "workers", "resident", "log_every", "sample_every"),
    *("sample_epochs", "sample_guidance", "sample_with", "score_every", "score_images"),
    *("score_features", "best_by", "checkpoint_every", "keep", "track"),
)
"""Settings that a resumed run may change without a word: they do not change what it learns."""

READING = (
    *("image_size", "channels", "resize_filter", "split", "skip_first", "classes_from"),
    *("skip_damaged", "max_pixels"),
)
"""Settings that say how images are read; a resumed run may change them, and `data`, if the images
remain the same, by their fingerprint."""

FROM_NOW_ON = (
    *("batch_size", "accumulation", "learning_rate", "lr_schedule", "warmup", "weight_decay"),
    *("adam_betas", "clip_gradient"),
)
"""Settings that `--set` changes from a step on; the others would make it another run."""


def _require(holds: bool, name: str, value: object, range_: str) -> None:
    if not holds:
        raise JincError(f"{name}: {value} is not {range_}")
