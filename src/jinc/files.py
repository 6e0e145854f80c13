"""Files read and written so that a failure is one line that names the file."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jinc.errors import JincError

_BLOCK = 1 << 20


def one_line(error: BaseException) -> str:
    """Tell the reason of an exception in one line.

    Args:
        error: any exception.

    Returns:
        The operating system's reason, or the message, or the exception's name.

    >>> one_line(FileNotFoundError(2, "No such file or directory", "a.png"))
    'No such file or directory'
    """
    strerror = error.strerror if isinstance(error, OSError) else None
    return " ".join(str(strerror or error).split()) or type(error).__name__


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading bytes.

    Args:
        path: the file; a folder, a pipe or a device is refused, since it could block for ever.

    Raises:
        JincError: the file is missing, not a regular file, not permitted, or fails to be read.
    """
    try:
        if path.is_dir():
            raise JincError(f"{path}: is a folder, a file is expected")
        if path.exists() and not path.is_file():
            raise JincError(f"{path}: is not a regular file")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise JincError(f"{path}: {one_line(error)}") from error


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits.

    Raises:
        JincError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with reading(path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears under its name only when it is complete.

    The bytes go to a temporary name in the same folder, which is made if need be, and are
    renamed at the end; after a failure nothing is left behind and an older file is untouched.

    Args:
        path: the file's final name.

    Raises:
        JincError: the folder or the file cannot be written.
    """
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Not `tempfile`, whose files nobody but their owner may read.
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise JincError(f"{path}: {one_line(error)}") from error
