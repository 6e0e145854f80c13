"""Locks of folders and files, which end with the process that holds them."""

import os
import shutil
import socket
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jinc.errors import JincError

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]

_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""No link is followed, and no pipe waited for."""

LOCK = ".jinc.lock"
"""In a locked folder: the process that writes there, and its machine."""


class Taken(JincError):
    """Another process writes to the folder."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock a folder for writing; it is created if missing, and removed again if empty.

    Raises:
        Taken: another process writes there; the message names it.
        JincError: the folder cannot be made or written to.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        lock = _lock(folder)
    except FileExistsError:
        raise JincError(f"{folder}: is no folder, a folder is expected") from None
    except OSError as error:
        raise JincError(f"{folder}: {error.strerror or error}") from None
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / LOCK).unlink()  # before another process can have it
        os.close(lock)
        with suppress(OSError):
            for place in made:
                place.rmdir()


def _lock(folder: Path) -> int:
    """Lock a folder, and return the open file that holds the lock."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = try_lock(folder / LOCK, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:  # the folder was removed by the process that had it
            continue
        except BlockingIOError:
            raise Taken(
                f"{folder}: {_holder(folder / LOCK)} is writing there; wait for its end, or take "
                "another folder"
            ) from None
        if file is not None:
            if not _flock(file):
                message = f"{folder}: cannot be locked; let no other process write there"
                warnings.warn(message, RuntimeWarning, stacklevel=2)
            os.ftruncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
            return file


def try_lock(path: Path, flags: int = os.O_RDONLY) -> int | None:
    """Open and lock a regular file or a folder; without locks of the file system, only open it.

    Returns:
        The open file; None if another file has taken its name meanwhile.

    Raises:
        BlockingIOError: another process has locked it.
        OSError: it cannot be opened, or is a link, a pipe or a device.
    """
    file = os.open(path, flags | _PLAIN, 0o666)
    try:
        status = os.fstat(file)
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise OSError(f"{path.name} is not a regular file")
        _flock(file)
        with suppress(FileNotFoundError):
            if os.path.samestat(status, path.lstat()):
                return file
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None


def remove_abandoned(path: Path) -> None:
    """Remove a file or folder that is not locked; raise an OSError if its writer is alive."""
    file = os.open(path, os.O_RDONLY | _PLAIN)
    try:
        if _flock(file):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    finally:
        os.close(file)


def _flock(file: int) -> bool:
    """Lock an open file; return whether its file system has locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _holder(lock: Path) -> str:
    """Return which process holds a lock, in words."""
    with suppress(OSError, ValueError):
        return lock.read_bytes()[:200].decode("ascii") or "another process"
    return "another process"
