"""The settings of training as options of the command line, grouped by section."""

from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any, TypeAlias, get_type_hints

from cyclopts import Group, Parameter

from jinc.train import SECTIONS, TrainConfig

DEFAULT = TrainConfig()


def _grouped() -> Any:
    """Return `TrainConfig` with each field in the option group of its section."""
    groups = {
        each.name: Group(title, sort_key=place)
        for place, (title, section) in enumerate(SECTIONS.items())
        for each in fields(section)
    }
    kinds = get_type_hints(TrainConfig, include_extras=True)
    annotated = [
        (
            f.name,
            Annotated[kinds[f.name], Parameter(group=groups[f.name])],
            field(default=f.default),
        )
        for f in fields(TrainConfig)
    ]
    made: Any = make_dataclass("Settings", annotated, bases=(TrainConfig,), frozen=True)
    made.__doc__, made.__module__ = TrainConfig.__doc__, __name__
    return made


Settings: Any = _grouped()
"""`TrainConfig` with option groups."""

Options: TypeAlias = Annotated[
    Settings, Parameter(name="*", consume_multiple=True, negative_iterable=())
]
"""The settings as options without a prefix."""

DEFAULTS = Settings()


def plain(settings: TrainConfig) -> TrainConfig:
    """Return the settings without their groups."""
    return TrainConfig(**{f.name: getattr(settings, f.name) for f in fields(TrainConfig)})
