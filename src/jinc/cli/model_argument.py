"""The run or model that a command takes, and where its results go by default."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from jinc.bundled import located


def _located(_: Any, tokens: Sequence[Any]) -> Path:
    return located(tokens[0].value)


RunOrModel: TypeAlias = Annotated[Path, Parameter(converter=_located)]
"""A run folder, a model folder, or the name of a bundled model or of one on the Hub."""


def results_folder(source: Path, command: str) -> Path:
    """Return the default folder for the results of a command: `out/MODEL/COMMAND`."""
    return Path("out", source.resolve().name, command)
