"""How a model is converted, as arguments and as a file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from jinc.errors import JincError
from jinc.files import write_json
from jinc.nn import parse_config, parse_configs
from jinc.schema import read_as
from jinc.signal.padding import Padding, check_padding

FILE = "jinc.json"
"""The settings of a conversion, beside the weights of a model."""


@dataclass(frozen=True)
class Settings:
    """How a model is converted.

    Args:
        config: designs by level, such as `D@6`, or `D@12,D@6`.
        padding: what lies beyond the edges; None for what the model has, which is zeros in models
            of others.
        designs: designs by pattern of qualified names, before those by level; `A` leaves modules
            as they are.

    Raises:
        JincError: an unknown design or padding.
    """

    config: str
    padding: Padding | None = None
    designs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", parse_configs(self.config).name)
        if self.padding is not None:
            check_padding(self.padding)
        if not isinstance(self.designs, Mapping):
            raise JincError(
                f"designs: {self.designs!r:.60} is no mapping of names to designs, such as "
                '{"mid_block.*": "A"}'
            )
        object.__setattr__(self, "designs", dict(self.designs))
        for pattern, design in self.designs.items():
            if not isinstance(pattern, str) or not isinstance(design, str):
                raise JincError(
                    f"designs: {pattern!r}: {design!r} is not the pattern of a name and a design, "
                    'such as "mid_block.*": "A"'
                )
            parse_config(design)

    def write(self, folder: Path) -> None:
        """Write `jinc.json` into the folder of a model, from which it is converted again."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def of(
        cls, config: str | Path, padding: Padding | None = None, designs: Mapping[str, str] = {}
    ) -> Self:
        """Return settings by their values, or those of a file if `config` is the path of one.

        Raises:
            JincError: an unknown design; or both values and a file.
        """
        if not isinstance(config, str | Path):
            raise JincError(f"config: {config!r} is no name of a configuration, and no path")
        if isinstance(config, str) and not names_file(config):
            return cls(config, padding, designs)
        if designs or padding is not None:
            raise JincError(f"config: {config} has a padding and designs; leave out others")
        return cls.read(Path(config))

    @classmethod
    def by_level(cls, config: str) -> Self:
        """Return settings as of `of`, without designs by name.

        Raises:
            JincError: as of `of`; or there are designs by name.
        """
        settings = cls.of(config)
        if settings.designs:
            raise JincError(f"config: {config} has designs by name; training takes levels only")
        return settings

    @classmethod
    def read(cls, place: Path) -> Self:
        """Read `jinc.json`, or the one in a folder.

        Raises:
            JincError: it cannot be read, or is of another kind.
        """
        return read_as(cls, place / FILE if place.is_dir() else place)


def names_file(config: str) -> bool:
    """Whether a text is the path of a file of settings, or of a folder with one."""
    try:
        return config.endswith(FILE) or Path(config).is_file() or (Path(config) / FILE).is_file()
    except OSError:  # no path can be so long
        return False
