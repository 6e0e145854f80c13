"""Folders that a command writes to, locked from its first check of them until it ends."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from jinc.locks import alone


class _Claims(ExitStack):
    """The locks of a command."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self.folders = set[Path]()


_CLAIMS: ContextVar[_Claims | None] = ContextVar("claims", default=None)


@contextmanager
def claims() -> Iterator[None]:
    """Release at the end what is claimed inside."""
    with _Claims() as held:
        token = _CLAIMS.set(held)
        try:
            yield
        finally:
            _CLAIMS.reset(token)


def claim(folder: Path) -> None:
    """Let no other process write to a folder until the command ends.

    Of processes that torchrun started, the first claims for all. Outside `claims`, nothing happens.

    Raises:
        Taken: another process writes there.
        JincError: the folder cannot be made or written to.
    """
    held, place = _CLAIMS.get(), folder.absolute()
    if held is not None and place not in held.folders and os.environ.get("RANK", "0") == "0":
        held.enter_context(alone(folder))
        held.folders.add(place)
