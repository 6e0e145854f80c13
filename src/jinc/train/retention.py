"""The checkpoints of a folder: how they are named, which of them stay, and how the others go.

The newest few stay and, besides them, the best: the whole one with the lowest `score` in its
`state.json`. What goes loses its name before its files, so that no half of it is taken for one.
"""

import json
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinc.errors import JincError
from jinc.files import reading
from jinc.manifest import check_manifest

REPLACED = ".replaced-"
"""What the name of a checkpoint begins with while another of its step takes its place."""

_NAME = re.compile(rf"({re.escape(REPLACED)})?step-(\d{{8}}|[1-9]\d{{8,}})")


def checkpoint_path(folder: Path, step: int) -> Path:
    """Name the checkpoint of a step."""
    return folder / f"step-{step:08d}"


def list_checkpoints(folder: Path) -> list[Path]:
    """List what is named as a checkpoint, damaged or not, the newest first."""
    if not folder.is_dir():
        return []
    named = [(m, f) for f in folder.iterdir() if (m := _NAME.fullmatch(f.name))]
    found = [(int(m[2]), m[1] is None, f) for m, f in named]
    return [path for *_, path in sorted(found, reverse=True)]


def best_checkpoint(folder: Path) -> Path | None:
    """Find the whole checkpoint with the lowest score, of several the newest.

    Args:
        folder: where checkpoints lie.

    Returns:
        Its folder, or None where no whole one has a score that is a finite number.
    """
    return _best(_standing(list_checkpoints(folder)))


def discard_others(newest: Path, keep: int) -> None:
    """Delete what lies beside a checkpoint just written but the few before it and the best.

    Args:
        newest: that checkpoint; those of later steps are deleted too.
        keep: how many to keep besides the best, the newest included.
    """
    listed = list_checkpoints(newest.parent)
    passed = _standing(listed[listed.index(newest) :])
    staying = {*passed[:keep], _best(passed)}
    for path in listed:
        if path not in staying:
            discard(path)


def discard(path: Path) -> None:
    """Delete a checkpoint, its name first; where that fails, the next one saved tries again."""
    doomed = path.with_name(f".deleting-{path.name}")
    with suppress(OSError):
        path.rename(doomed)
        _remove(doomed)


def restore_replaced(folder: Path) -> None:
    """Name again a checkpoint that was to be replaced when the machine stopped."""
    for path in folder.glob(f"{REPLACED}step-*"):
        name = path.with_name(path.name.removeprefix(REPLACED))
        if not name.exists():
            path.rename(name)


def remove_leftovers(folder: Path) -> None:
    """Delete what was half written or half deleted when the machine stopped."""
    for pattern in (".writing-*", ".deleting-*"):
        for leftover in folder.glob(pattern):
            _remove(leftover)


def read_state(path: Path) -> dict[str, Any]:
    """Read a checkpoint's `state.json`.

    Raises:
        JincError: it cannot be read, or is no object.
    """
    file = path / "state.json"
    with reading(file) as opened:
        text = opened.read()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JincError(f"{file}: cannot be read ({error})") from None
    if not isinstance(value, dict):
        raise JincError(f"{file}: is not what it should be")
    return value


def _standing(listed: list[Path]) -> list[Path]:
    """Leave out checkpoints whose replacement has come."""
    standing = {path.name.removeprefix(REPLACED): path for path in reversed(listed)}
    return [*reversed(standing.values())]


def _best(paths: Iterable[Path]) -> Path | None:
    """Find the best of some, given from the newest to the oldest."""
    scored = [(score, path) for path in paths if (score := _score(path)) is not None]
    ranked = sorted(scored, key=lambda each: each[0])
    return next((path for _, path in ranked if _is_whole(path)), None)


def _score(path: Path) -> float | None:
    with suppress(JincError):
        score = read_state(path).get("score")
        if isinstance(score, int | float) and abs(score) < float("inf"):  # not so for NaN
            return score
    return None


def _is_whole(path: Path) -> bool:
    try:
        check_manifest(path)
    except (JincError, OSError):
        return False
    return True


def _remove(path: Path) -> None:
    """Delete a folder with all in it, or a file that has the name of one."""
    with suppress(OSError):
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
