"""Reading and writing files; failures are one line that names the file."""

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from jinc.errors import JincError, in_one_line
from jinc.locks import remove_abandoned, try_lock
from jinc.plain import without_nan

_REASON = 160
"""Characters of the reason of an exception."""
_SETTLED = 2 * 10**9
"""Nanoseconds: two changes within a tick of a file system's clock have the same time."""
_digests: dict[tuple[int, ...], str] = {}
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{12}\.tmp", re.DOTALL)


def one_line(error: BaseException) -> str:
    """Return the reason of an exception in one line: of the system, the message, or its name.

    >>> one_line(FileNotFoundError(2, "No such file or directory", "a.png"))
    'No such file or directory'
    """
    strerror = error.strerror if isinstance(error, OSError) else None
    return in_one_line(str(strerror or error), _REASON) or type(error).__name__


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading bytes.

    Args:
        path: the file; not a folder, a pipe or a device, which could block forever.

    Raises:
        JincError: the file is missing, not a regular file, not permitted, or fails to be read.
    """
    try:
        if path.is_dir():
            raise JincError(f"{path}: is a folder, a file is expected")
        if path.exists() and not path.is_file():
            raise JincError(f"{path}: is not a regular file")
        opened = path.open("rb")
    except JincError:
        raise
    except (OSError, ValueError) as error:  # a name with NUL, or that no file system can hold
        raise JincError(f"{path}: {one_line(error)}") from error
    with opened as file:
        try:
            yield file
        except OSError as error:
            raise JincError(f"{path}: {one_line(error)}") from error


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits, computed once per process and content.

    Raises:
        JincError: the file cannot be read.
    """
    with reading(path) as file:
        status = os.fstat(file.fileno())
        changed = status.st_mtime_ns, status.st_ctime_ns
        key = (status.st_dev, status.st_ino, status.st_size, *changed)
        if key in _digests:
            return _digests[key]
        settled = time.time_ns() - max(changed) > _SETTLED  # the next change will have a later time
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    if settled:
        _digests[key] = digest
    return digest


def regular(path: Path) -> Path:
    """Resolve the path of a file, which need not exist.

    Raises:
        JincError: it is a device, a pipe, a socket or a folder, or links go round in a circle.
    """
    try:
        place = path.resolve()
        if place.is_dir():
            raise JincError(f"{path}: is a folder, a file is expected")
        if os.path.lexists(place) and not place.is_file():
            raise JincError(f"{path}: is not a regular file, and would not be written to as one")
    except JincError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # the last for circles
        raise JincError(f"{path}: {one_line(error)}") from error
    return place


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Write a file atomically: it appears under its name only when it is complete.

    The bytes go to a temporary file in the same folder, which is created if missing, and which is
    renamed at the end; after a failure nothing is left behind and an older file is untouched.
    Links are followed. Temporary files of processes that were killed are removed.

    Raises:
        JincError: the folder or the file cannot be written, or the name is not that of a file.
    """
    place = regular(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        temporary, descriptor = _new(place)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise JincError(f"{path}: {one_line(error)}") from error


def write_json(path: Path, facts: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write JSON, with unknown types as text and NaN as null."""
    text = json.dumps(without_nan(facts), indent=2, ensure_ascii=False, default=str)
    with writing(path) as file:
        file.write((text + "\n").encode(errors="replace"))  # names of files need not be UTF-8


def cache_folder() -> Path:
    """Return `$JINC_CACHE`, or `jinc` under `$XDG_CACHE_HOME`, by default `~/.cache`."""
    own, shared = os.environ.get("JINC_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own).expanduser()
    return (Path(shared) if shared else Path.home() / ".cache") / "jinc"


def temporary_name(place: Path) -> Path:
    """Return a unique hidden name beside a file or folder."""
    return place.with_name(f".{place.name[:40]}.{secrets.token_hex(6)}.tmp")


def _new(place: Path) -> tuple[Path, int]:
    """Make a temporary file beside a name, locked while this process writes it."""
    while True:
        temporary = temporary_name(place)
        # Not `tempfile`, whose files are private to their owner.
        with suppress(BlockingIOError):  # another process is just removing it as abandoned
            file = try_lock(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            if file is not None:
                return temporary, file


@lru_cache(256)  # once a process, since folders of results may hold a million files
def _sweep(folder: Path) -> None:
    """Remove temporary files whose writers are dead: those that are not locked."""
    for entry in os.scandir(folder):
        if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            with suppress(OSError):
                remove_abandoned(Path(entry.path))
