"""A design for each level of a network; their names are joined by commas: `D@12,D@6,B@6`.

Level 0 is full resolution, each next one is half as fine, and levels without a design of their own
have the last one. To a level belong the activations that run at its resolution, and the resamplers
between it and the next coarser one, both ways: a resampler belongs to the finer of its two sides.

`B@6,D@6` leaves the activations at full resolution unfiltered, as StyleGAN3 does with its last,
critically sampled layers; `A,D@6` the ways to and from half resolution as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from jinc.errors import JincError
from jinc.nn.configs import Config, parse_config
from jinc.schema import build

MOST_DESIGNS = 16
"""More than the levels of any network."""


@dataclass(frozen=True)
class Configs:
    """The designs of a network, level by level.

    Args:
        levels: the design of each level, full resolution first; the last also applies to all
            further levels, so that repetitions of it at the end are dropped.
    """

    levels: tuple[Config, ...]

    def __post_init__(self) -> None:
        if not self.levels:
            raise JincError("config: there is no design; take one for each level, or one for all")
        count = len(self.levels)
        while count > 1 and self.levels[count - 1] == self.levels[count - 2]:
            count -= 1
        object.__setattr__(self, "levels", self.levels[:count])

    def at(self, level: int) -> Config:
        """Return the design of a level, 0 being full resolution."""
        return self.levels[min(level, len(self.levels) - 1)]

    @property
    def name(self) -> str:
        """The shortest name of the designs, with a `*` if no name describes all of them."""
        return ",".join(each.name for each in self.levels)

    def argument(self) -> str | dict[str, Any] | list[dict[str, Any]]:
        """Return the argument of `as_configs`, ready for JSON: the name if it describes all."""
        if "*" not in self.name:
            return self.name
        whole = [asdict(each) for each in self.levels]
        return whole if len(whole) > 1 else whole[0]


ConfigLike: TypeAlias = (
    str | Config | Configs | Mapping[str, Any] | Sequence[str | Config | Mapping[str, Any]]
)
"""A name, designs themselves, or their fields; a sequence has one for each level."""


def parse_configs(name: str) -> Configs:
    """Parse the names of designs, level by level.

    Args:
        name: names joined by commas; a single one is the design of all levels.

    Raises:
        JincError: an unknown name; the message names the nearest.

    >>> parse_configs("D@12,B@6").at(3).name
    'B@6'
    """
    parts = [part.strip() for part in name.split(",")]
    _check_count(len(parts))
    if len(parts) > 1 and "" in parts:
        raise JincError(f"config: {name!r}: level {parts.index('')} has no design between commas")
    return Configs(tuple(parse_config(part) for part in parts))


def as_configs(config: ConfigLike) -> Configs:
    """Convert names, designs or their fields to `Configs`.

    Raises:
        JincError: an invalid name or field.
    """
    if isinstance(config, Configs):
        return config
    if isinstance(config, str):
        return parse_configs(config)
    if isinstance(config, Config | Mapping):
        config = [config]
    _check_count(len(config))
    return Configs(tuple(map(_as_config, config)))


def _check_count(designs: int) -> None:
    if designs > MOST_DESIGNS:
        raise JincError(f"config: {designs:,} designs for levels, {MOST_DESIGNS} at most")


def _as_config(config: str | Config | Mapping[str, Any]) -> Config:
    if isinstance(config, Config):
        return config
    if isinstance(config, str):
        return parse_config(config)
    return build(Config, _renamed(config), "config")


def _renamed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Convert `window` and `separable` in files of earlier versions to `filter`."""
    fields = dict(fields)
    window, separable = fields.pop("window", "outer"), fields.pop("separable", False)
    kernel = "sinc" if separable else "jinc" if window == "outer" else window
    return {"filter": kernel} | fields
