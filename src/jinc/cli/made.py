"""Folders of results, and the record of what made them: no command takes anything of others."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jinc.cli.claims import claim
from jinc.cli.places import check_folder, make_folder
from jinc.data import is_numbered, numbered_files
from jinc.documents import read_object
from jinc.errors import JincError, counted
from jinc.files import write_json

RECORD = "made.json"

MOST_BYTES = 24 << 20
"""Of a record, which names every file: a million of them."""

Numbered: TypeAlias = Literal["images", "illusions", "frames"]
"""What is numbered in a folder: of `jinc sample`; of `jinc illusion`; of `rotate` and `shift`."""

Named: TypeAlias = Literal[
    "edits", "inpaintings", "enlargements", "comparisons", "measurements", "scores"
]
"""What else there is: of `edit`, `inpaint`, `upscale`, `compare`, `probe` and `evaluate`."""

Holding: TypeAlias = Numbered | Named

_NUMBERED: tuple[Holding, ...] = ("images", "illusions", "frames")


def check_results(
    out: Path, holding: Holding, names: Iterable[str], reads: Iterable[Path] = ()
) -> None:
    """Find out before the work whether results can go to a folder, and claim it.

    Numbered images are one set for all who read them, so none of others may be among them.

    Args:
        out: the folder.
        holding: what will be in it.
        names: of the files that will be written, as far as they are known.
        reads: files that the results are made from.

    Raises:
        JincError: another process writes there; it cannot be written, holds what another command
            made, or a file of such a name that no earlier call of this command has written; or what
            is read would be replaced.
    """
    check_folder(out)
    claim(out)
    if not out.is_dir():
        return
    own = _own_files(out, holding)
    numbered = [file.name for file in numbered_files(out)] if holding in _NUMBERED else []
    for name in sorted({*names, *numbered} - own):
        if os.path.lexists(out / name):
            raise JincError(f"--out: {out / name} was made by others; take another folder")
    for file in reads:
        if file.name in own and file.resolve().parent == out.resolve():
            raise JincError(f"--out: {file} is read, and would be replaced; take another folder")


def begin_results(
    out: Path, holding: Holding, facts: Mapping[str, Any], names: Iterable[str]
) -> None:
    """Make a folder ready for results: those of an earlier call go, and nothing else.

    It is for the moment when the first results are there: until then those before them stay.

    Args:
        out: the folder, which has been checked.
        holding: what will be in it.
        facts: what makes them what they are; what is not JSON is written as text.
        names: of all files that will be written.

    Raises:
        JincError: as of `check_results`.
    """
    names = list(names)
    check_results(out, holding, names)
    make_folder(out)
    for name in _own_files(out, holding):
        (out / name).unlink(missing_ok=True)
    write_json(out / RECORD, {"holds": holding, **facts, "written": names})


def made_facts(folder: Path) -> dict[str, Any] | None:
    """Return what the numbered images of a folder were made with; None where nobody knows.

    Raises:
        JincError: the record cannot be read, images are missing that it names, or there are others.
    """
    facts = _record(folder)
    if facts is None or facts.get("holds") not in _NUMBERED:
        return None
    there = {file.name for file in numbered_files(folder)}
    named = set(filter(is_numbered, _written(facts)))
    if missing := named - there:
        raise JincError(
            f"{folder}: is not complete, without {counted(len(missing), 'images')} that {RECORD} "
            f"in it names, such as {min(missing)}; make them again, or delete {RECORD}"
        )
    if named and (others := there - named):
        raise JincError(
            f"{folder}: holds {counted(len(others), 'images')} that {RECORD} in it does not name, "
            f"such as {min(others)}; move others away, or delete {RECORD}"
        )
    return {name: fact for name, fact in facts.items() if name != "written"}


def _own_files(out: Path, holding: Holding) -> set[str]:
    """Return which files of a folder an earlier call of the same command has written.

    Raises:
        JincError: it was another command.
    """
    facts = _record(out)
    if facts is None:
        return set()
    if "holds" not in facts:
        raise JincError(f"--out: {out / RECORD} was made by others; take another folder")
    if facts["holds"] != holding:
        raise JincError(
            f"--out: {out} holds {facts['holds']}, no {holding}, as {RECORD} in it says; "
            "take another folder"
        )
    # Of what is there, so that nothing outside is meant, whatever the record says.
    return _written(facts) & {file.name for file in out.iterdir() if file.is_file()}


def _written(facts: Mapping[str, Any]) -> set[str]:
    """Return the names of files that a record says were written."""
    names = facts.get("written")
    return set(map(str, names if isinstance(names, list) else []))


def _record(folder: Path) -> dict[str, Any] | None:
    """Return what is written about a folder; None where nothing is.

    Raises:
        JincError: it cannot be read.
    """
    record = folder / RECORD
    return read_object(record, MOST_BYTES) if os.path.lexists(record) else None
