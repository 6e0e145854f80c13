"""Folders of numbered images, and the record of what made them: no command takes another's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jinc.cli.places import check_folder, make_folder
from jinc.data import numbered_files, remove_images
from jinc.errors import JincError
from jinc.files import one_line, writing

RECORD = "made.json"

Holding: TypeAlias = Literal["images", "illusions", "frames"]
"""What is numbered in a folder: of `jinc sample`; of `jinc illusion`; of `rotate` and `shift`."""


def check_images_folder(out: Path, holding: Holding) -> None:
    """Find out before the work whether numbered images can go to a folder.

    Raises:
        JincError: it holds others, or cannot be written.
    """
    check_folder(out)
    if not out.is_dir():
        return
    facts = made_facts(out)
    there = None if facts is None else facts.get("holds")
    if facts is None and numbered_files(out):
        there = "numbered images of others"
    if there not in (None, holding):
        raise JincError(f"--out: {out} holds {there}, no {holding}; take another folder")


def made_facts(folder: Path) -> dict[str, Any] | None:
    """Return what the numbered images of a folder were made with; None where nobody knows.

    Raises:
        JincError: the record cannot be read.
    """
    record = folder / RECORD
    if not record.is_file():
        return None
    try:
        facts: dict[str, Any] = dict(json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise JincError(f"{record}: cannot be read ({one_line(error)})") from None
    return facts


def begin_images(out: Path, holding: Holding, facts: Mapping[str, Any]) -> None:
    """Make a folder ready for numbered images: those of an earlier call go.

    Args:
        out: the folder, which has been checked.
        holding: what will be in it.
        facts: what makes them what they are; what is not JSON is written as text.

    Raises:
        JincError: nothing can be written there.
    """
    make_folder(out)
    remove_images(out)
    text = json.dumps({"holds": holding, **facts}, indent=2, ensure_ascii=False, default=str)
    with writing(out / RECORD) as file:
        file.write((text + "\n").encode())
