"""Locks of the folders that a command writes to, from its first check until it ends."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from jinc.locks import alone


class _Claims(ExitStack):
    def __init__(self) -> None:
        super().__init__()
        self.folders = set[Path]()


_CLAIMS: ContextVar[_Claims | None] = ContextVar("claims", default=None)


@contextmanager
def claims() -> Iterator[None]:
    """Release all locks at the end."""
    with _Claims() as held:
        token = _CLAIMS.set(held)
        try:
            yield
        finally:
            _CLAIMS.reset(token)


def claim(folder: Path) -> None:
    """Lock a folder against other processes until the command ends.

    Of the processes of torchrun, the first holds the lock for all. Outside `claims`, nothing is
    locked.

    Raises:
        Taken: another process writes there.
        JincError: the folder cannot be made or written to.
    """
    held, place = _CLAIMS.get(), folder.absolute()
    if held is not None and place not in held.folders and os.environ.get("RANK", "0") == "0":
        held.enter_context(alone(folder))
        held.folders.add(place)
