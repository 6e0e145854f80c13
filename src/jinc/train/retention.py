"""The checkpoints of a folder: their names, which to keep, and how to delete the others.

The newest few stay and the best: the intact one with the lowest `score` in its `state.json`. A
checkpoint is renamed before it is deleted, so that no half of it passes for a checkpoint.
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
"""Prefix of a checkpoint's name while another of its step replaces it."""

_NAME = re.compile(rf"({re.escape(REPLACED)})?step-(\d{{8}}|[1-9]\d{{8,}})")


def checkpoint_path(folder: Path, step: int) -> Path:
    """Return the path of the checkpoint of a step."""
    return folder / f"step-{step:08d}"


def list_checkpoints(folder: Path) -> list[Path]:
    """List the folders named as checkpoints, damaged or not, newest first."""
    if not folder.is_dir():
        return []
    named = [(m, f) for f in folder.iterdir() if (m := _NAME.fullmatch(f.name))]
    found = [(int(m[2]), m[1] is None, f) for m, f in named]
    return [path for *_, path in sorted(found, reverse=True)]


def best_checkpoint(folder: Path) -> Path | None:
    """Return the intact checkpoint with the lowest finite score, the newest of equal ones."""
    return _best(_standing(list_checkpoints(folder)))


def discard_others(newest: Path, keep: int) -> Path | None:
    """Delete all checkpoints but the best and the newest `keep`; later steps are deleted too.

    Returns:
        The best; None if no intact checkpoint has a score.
    """
    listed = list_checkpoints(newest.parent)
    passed = _standing(listed[listed.index(newest) :])
    best = _best(passed, intact=newest)
    for path in listed:
        if path not in {*passed[:keep], best}:
            discard(path)
    return best


def discard(path: Path) -> None:
    """Rename a checkpoint, then delete it; after a failure the next save tries again."""
    doomed = path.with_name(f".deleting-{path.name}")
    with suppress(OSError):
        path.rename(doomed)
        _remove(doomed)


def restore_replaced(folder: Path) -> None:
    """Restore checkpoints whose replacement was interrupted."""
    for path in folder.glob(f"{REPLACED}step-*"):
        name = path.with_name(path.name.removeprefix(REPLACED))
        if not name.exists():
            path.rename(name)


def remove_leftovers(folder: Path) -> None:
    """Delete incomplete folders of interrupted writes and deletions."""
    for pattern in (".writing-*", ".deleting-*"):
        for leftover in folder.glob(pattern):
            _remove(leftover)


def read_state(path: Path) -> dict[str, Any]:
    """Read a checkpoint's `state.json`; raise a JincError if it is damaged."""
    file = path / "state.json"
    with reading(file) as opened:
        text = opened.read()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JincError(f"{file}: cannot be read ({error})") from None
    if not isinstance(value, dict):
        raise JincError(f"{file}: is damaged, it holds no object")
    return value


def _standing(listed: list[Path]) -> list[Path]:
    """Leave out checkpoints that have been replaced."""
    standing = {path.name.removeprefix(REPLACED): path for path in reversed(listed)}
    return [*reversed(standing.values())]


def _best(paths: Iterable[Path], intact: Path | None = None) -> Path | None:
    """Return the best of some checkpoints, newest first, of which one is known to be intact."""
    scored = [(score, path) for path in paths if (score := _score(path)) is not None]
    ranked = sorted(scored, key=lambda each: each[0])
    return next((path for _, path in ranked if path == intact or _is_whole(path)), None)


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
    """Delete a folder with its contents, or a file."""
    with suppress(OSError):
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
