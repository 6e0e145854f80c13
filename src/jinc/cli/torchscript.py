"""The flag that lets a TorchScript program run: only a person at the command line can give it."""

from collections.abc import Sequence
from typing import Annotated, Any, NoReturn, TypeAlias

from cyclopts import Parameter, Token

from jinc.errors import JincError


def _refuse(_: Any, tokens: Sequence[Token]) -> NoReturn:
    """Refuse a value that a file gives; a flag on the command line is not converted."""
    raise JincError(
        f"{tokens[0].source}: allow-torchscript lets a program run, and is for the command line "
        "alone: take it out of the file"
    )


AllowTorchScript: TypeAlias = Annotated[
    bool, Parameter(name="--allow-torchscript", negative=(), converter=_refuse)
]
