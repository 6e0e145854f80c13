"""Places of output: checks that they can be written, and locks until the command ends."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from jinc.errors import JincError
from jinc.files import one_line, regular
from jinc.locks import alone
from jinc.manifest import check_replaceable, is_sealed


def make_folder(out: Path) -> None:
    """Make a writable folder for results, if there is none."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JincError(f"--out: {out}: {one_line(error)}") from None
    if not os.access(out, os.W_OK):
        raise JincError(f"--out: {out}: Permission denied")


def check_folder(out: Path) -> None:
    """Check that files can be added to a folder, without changing anything.

    Raises:
        JincError: it is a file, cannot be made, or is sealed by a manifest, as models are.
    """
    _check_no_file(out)
    _check_place(out, out)


def check_whole_folder(out: Path) -> None:
    """Check that a folder can be written or replaced as a whole, without changing anything.

    Raises:
        JincError: it is a file, cannot be made, or exists with other content.
    """
    _check_no_file(out)
    check_replaceable(out)
    _check_place(out, out.absolute().parent)


def check_file(out: Path) -> None:
    """Check that a file can be written, without changing anything.

    Raises:
        JincError: it is a folder, a device or a pipe, or its folder cannot be made.
    """
    try:
        place = regular(out)
    except JincError as error:
        raise JincError(f"--out: {error}") from None
    _check_place(out, place.parent)


def check_png(out: Path) -> None:
    """Check that a PNG can be written, without changing anything.

    Raises:
        JincError: it has another suffix, or cannot be written.
    """
    if out.suffix.lower() != ".png":
        raise JincError(f"--out: {out} does not end in .png")
    check_file(out)


def _check_no_file(out: Path) -> None:
    if os.path.lexists(out) and not out.is_dir():
        raise JincError(f"--out: {out} is not a folder")


def _check_place(out: Path, folder: Path) -> None:
    """Check the nearest existing folder, and that no folder above is sealed."""
    places = (folder.absolute(), *folder.absolute().parents)
    missing = [place for place in places if not place.exists()]
    above = places[len(missing)]
    if not above.is_dir():
        raise JincError(f"--out: {out}: Not a directory")
    _refuse_sealed(folder)
    if not os.access(above, os.W_OK):
        raise JincError(f"--out: {out}: Permission denied")
    if missing:
        _try_folder(out, missing[-1])


def _refuse_sealed(folder: Path) -> None:
    """Refuse a folder that is sealed, or inside one that is."""
    places = (folder.absolute(), *folder.absolute().parents)
    if whole := next(filter(is_sealed, places), None):
        raise JincError(f"--out: {whole} is sealed by its manifest; choose another folder")


def _try_folder(out: Path, folder: Path) -> None:
    """Make a folder and remove it: not every file system reports beforehand that it refuses."""
    try:
        folder.mkdir()
    except FileExistsError:  # another process was faster
        return
    except OSError as error:
        raise JincError(f"--out: {out}: {one_line(error)}") from None
    with suppress(OSError):  # another process uses it by now
        folder.rmdir()


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
        JincError: the folder cannot be made or written to, or is sealed by a manifest, as models
            are.
    """
    _refuse_sealed(folder)
    held, place = _CLAIMS.get(), folder.absolute()
    if held is not None and place not in held.folders and os.environ.get("RANK", "0") == "0":
        held.enter_context(alone(folder))
        held.folders.add(place)
