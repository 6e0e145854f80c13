"""Folders with a manifest of the SHA-256 of every file, which shows damage."""

import glob
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.files import file_digest, one_line, temporary_name, write_json
from jinc.locks import remove_abandoned, try_lock

MANIFEST = "manifest.json"


def check_manifest(folder: Path) -> None:
    """Check every byte of a folder against its manifest."""
    manifest = _digests(folder)
    if not manifest:
        raise JincError(f"{folder / MANIFEST}: is damaged")
    names = {MANIFEST, *manifest}
    there = {file.name for file in folder.iterdir()}
    hidden = {name for name in there - names if name.startswith(".")}  # of desktops and networks
    for name in sorted(names ^ (there - hidden)):
        problem = "is missing" if name in names else "is not in the manifest"
        raise JincError(f"{folder / name}: {problem}")
    for name in manifest:
        if file_digest(folder / name) != manifest[name]:
            raise JincError(f"{folder / name}: is damaged, it does not match its manifest")


def is_sealed(folder: Path) -> bool:
    """Whether a folder has a manifest of ours."""
    with suppress(JincError):  # none, or that of something else
        return bool(_digests(folder))
    return False


def check_replaceable(folder: Path) -> None:
    """Check that a folder is missing, empty, or has a manifest of ours, so that it is replaced."""
    is_other = folder.exists() and not folder.is_dir()
    if is_other or (folder.is_dir() and any(folder.iterdir()) and not is_sealed(folder)):
        raise JincError(f"{folder}: holds other things, take another folder")


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Write a folder with its manifest atomically; yields a temporary folder for the files.

    An older folder is replaced if it has a manifest of ours too.

    Raises:
        JincError: it cannot be written, or a folder with other files exists, which is untouched.
    """
    check_replaceable(folder)
    place = Path(os.path.realpath(folder))
    temporary, older = temporary_name(place), temporary_name(place)
    lock = None
    try:
        try:
            temporary.mkdir(parents=True)
            lock = try_lock(temporary)  # while it has one, no other process removes it
            yield temporary
            manifest = {file.name: file_digest(file) for file in sorted(temporary.iterdir())}
            write_json(temporary / MANIFEST, manifest)
            if place.exists():
                place.rename(older)
            temporary.rename(place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            if lock is not None:
                os.close(lock)
        _remove_abandoned(place)
    except OSError as error:
        raise JincError(f"{folder}: cannot be written ({one_line(error)})") from error


def _digests(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder; {} if it is not one of ours."""
    found = read_object(folder / MANIFEST)
    return found if all(map(_is_digest, found.values())) else {}


def _is_digest(word: object) -> bool:
    return isinstance(word, str) and re.fullmatch("[0-9a-f]{64}", word) is not None


def _remove_abandoned(folder: Path) -> None:
    """Remove replaced folders, and those of killed processes."""
    for leftover in folder.parent.glob(f".{glob.escape(folder.name[:40])}.*.tmp"):
        with suppress(OSError):
            remove_abandoned(leftover)
