"""The settings of training as options of the command line, grouped by section."""

from collections.abc import Collection
from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any, TypeAlias, get_type_hints

from cyclopts import Group, Parameter

from jinc.signal.padding import Padding
from jinc.train import SECTIONS, TrainConfig

DEFAULT = TrainConfig()

DETERMINED = (
    *("network", "width", "levels", "multipliers", "blocks", "dropout", "attention", "original"),
    *("image_size", "channels", "conditional", "frame", "schedule", "timesteps", "scale_betas"),
    *("prediction", "init", "noise_std", "upscale", "upscale_noise"),
)
"""Settings that the model of a fine-tuning determines."""


def _grouped(hidden: Collection[str], **others: Any) -> Any:
    """Return `TrainConfig` with each field in the option group of its section.

    Args:
        hidden: fields that help does not show.
        others: annotations of fields whose default is None.
    """
    groups = {
        each.name: Group(title, sort_key=place)
        for place, (title, section) in enumerate(SECTIONS.items())
        for each in fields(section)
    }
    kinds = get_type_hints(TrainConfig, include_extras=True) | others
    annotated = [
        (
            f.name,
            Annotated[kinds[f.name], Parameter(group=groups[f.name], show=f.name not in hidden)],
            field(default=None if f.name in others else f.default),
        )
        for f in fields(TrainConfig)
    ]
    made: Any = make_dataclass("Settings", annotated, bases=(TrainConfig,), frozen=True)
    made.__doc__, made.__module__ = TrainConfig.__doc__, __name__
    return made


_WITHOUT_PREFIX = Parameter(name="*", consume_multiple=True, negative_iterable=())

Settings: Any = _grouped([each.name for each in fields(SECTIONS["Fine-tuning"])])
"""`TrainConfig` with option groups."""

Options: TypeAlias = Annotated[Settings, _WITHOUT_PREFIX]
"""The settings as options."""

FinetuningSettings: Any = _grouped(DETERMINED, padding=Padding | None)
"""The same for fine-tuning; no padding is that of the model."""

FinetuningOptions: TypeAlias = Annotated[FinetuningSettings, _WITHOUT_PREFIX]
"""The settings of fine-tuning as options."""

DEFAULTS, FINETUNING = Settings(), FinetuningSettings()


def plain(settings: TrainConfig) -> TrainConfig:
    """Return the settings without their groups."""
    return TrainConfig(**{f.name: getattr(settings, f.name) for f in fields(TrainConfig)})
