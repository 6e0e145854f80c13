"""Where results go: whether they can be written is found out before the work."""

import os
from contextlib import suppress
from pathlib import Path

from jinc.errors import JincError
from jinc.files import one_line, regular
from jinc.manifest import check_replaceable, is_sealed


def make_folder(out: Path) -> None:
    """Make a folder for results, or take one that is there.

    Raises:
        JincError: nothing can be written there.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JincError(f"--out: {out}: {one_line(error)}") from None
    if not os.access(out, os.W_OK):
        raise JincError(f"--out: {out}: Permission denied")


def check_folder(out: Path) -> None:
    """Find out whether results can go to a folder, and leave everything as it is.

    Raises:
        JincError: it is a file, cannot be made, or is a folder that is whole, such as a model.
    """
    _check_no_file(out)
    _check_place(out, out)


def check_whole_folder(out: Path) -> None:
    """Find out whether a folder can appear as a whole, and leave everything as it is.

    Raises:
        JincError: it is a file, cannot be made, or is there with other things in it.
    """
    _check_no_file(out)
    check_replaceable(out)
    _check_place(out, out.absolute().parent)


def check_file(out: Path) -> None:
    """Find out whether a file can be written, and leave everything as it is.

    Raises:
        JincError: it is a folder, a device or a pipe, or its own folder is a file or cannot be
            made.
    """
    try:
        place = regular(out)
    except JincError as error:
        raise JincError(f"--out: {error}") from None
    _check_place(out, place.parent)


def check_png(out: Path) -> None:
    """Find out whether a PNG can be written, and leave everything as it is.

    Raises:
        JincError: it has another ending, or is at no place for a file.
    """
    if out.suffix.lower() != ".png":
        raise JincError(f"--out: {out} does not end in .png")
    check_file(out)


def _check_no_file(out: Path) -> None:
    if os.path.lexists(out) and not out.is_dir():
        raise JincError(f"--out: {out} is no folder, a folder is expected")


def _check_place(out: Path, folder: Path) -> None:
    """Look at the nearest folder above that is there, and for those that nothing is added to."""
    places = (folder.absolute(), *folder.absolute().parents)
    missing = [place for place in places if not place.exists()]
    above = places[len(missing)]
    if not above.is_dir():
        raise JincError(f"--out: {out}: Not a directory")
    if whole := next(filter(is_sealed, places), None):
        raise JincError(f"--out: {whole} is whole, as its manifest says; take another folder")
    if not os.access(above, os.W_OK):
        raise JincError(f"--out: {out}: Permission denied")
    if missing:
        _try_folder(out, missing[-1])


def _try_folder(out: Path, folder: Path) -> None:
    """Make a folder and take it away again; not all that refuse one say so when they are asked."""
    try:
        folder.mkdir()
    except FileExistsError:  # another process was faster
        return
    except OSError as error:
        raise JincError(f"--out: {out}: {one_line(error)}") from None
    with suppress(OSError):  # another process uses it by now
        folder.rmdir()
