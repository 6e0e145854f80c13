"""Folders that are whole or known to be damaged: a manifest with the SHA-256 of every file."""

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jinc.errors import JincError
from jinc.files import one_line, reading, writing

MANIFEST = "manifest.json"


def check_manifest(folder: Path) -> None:
    """Check every byte of a folder against its manifest.

    Raises:
        JincError: a file is missing, foreign and not hidden, or changed; the message names it.
    """
    with reading(folder / MANIFEST) as file:
        text = file.read()
    try:
        manifest = json.loads(text)
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict):
        raise JincError(f"{folder / MANIFEST}: is damaged")
    names = {MANIFEST, *manifest}
    there = {file.name for file in folder.iterdir()}
    hidden = {name for name in there - names if name.startswith(".")}  # of desktops and networks
    for name in sorted(names ^ (there - hidden)):
        problem = "is missing" if name in names else "is not in the manifest"
        raise JincError(f"{folder / name}: {problem}")
    for name in manifest:
        if _digest(folder / name) != manifest[name]:
            raise JincError(f"{folder / name}: is damaged, it does not match its manifest")


def is_sealed(folder: Path) -> bool:
    """Whether a folder has a manifest of ours, so that one file more would damage it."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):  # none, or that of something else
        return False
    digests = manifest.values() if isinstance(manifest, dict) else ()
    return bool(digests) and all(map(_is_digest, digests))


def check_replaceable(folder: Path) -> None:
    """Check that a folder is missing, empty, or has a manifest, so that it may be replaced.

    Raises:
        JincError: it holds other things.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise JincError(f"{folder}: holds other things, take another folder")


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Write a folder that takes its name only when it is complete, with its manifest.

    Args:
        folder: its final name; an older folder of that name is replaced if it has a manifest too.

    Yields:
        A temporary folder beside it to write files into.

    Raises:
        JincError: it cannot be written, or stands there with other things in it; what is there is
            untouched.
    """
    check_replaceable(folder)
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.tmp")
    try:
        try:
            for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
                shutil.rmtree(leftover, ignore_errors=True)
            temporary.mkdir(parents=True)
            yield temporary
            manifest = {file.name: _digest(file) for file in sorted(temporary.iterdir())}
            with writing(temporary / MANIFEST) as out:
                out.write(json.dumps(manifest, indent=2).encode())
            if folder.exists():
                folder.rename(temporary.with_name(f".{folder.name}.old.tmp"))
            temporary.rename(folder)
        finally:
            for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
                shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise JincError(f"{folder}: cannot be written ({one_line(error)})") from error


def _is_digest(word: object) -> bool:
    return isinstance(word, str) and re.fullmatch("[0-9a-f]{64}", word) is not None


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with reading(file) as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
