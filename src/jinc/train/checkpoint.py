"""Checkpoints that read back right or not at all.

A checkpoint is a folder `step-00000500` of safetensors files, `state.json`, and a manifest with the
SHA-256 of each. It is written under a temporary name, every file forced to disk, the manifest last;
then the folder is renamed, and only after that are others deleted, one of the same step included,
which until then lies whole under `.replaced-step-…`. Whenever the machine stops, the newest folder
whose manifest agrees is whole.
"""

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from jinc.errors import JincError
from jinc.files import one_line
from jinc.manifest import MANIFEST, check_manifest

Tensors: TypeAlias = Mapping[str, Tensor]
_NAME = re.compile(r"(\.replaced-)?step-(\d{8})")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What training goes on from.

    Args:
        step: number of finished steps.
        groups: tensors by the name of their file: weights, averages, optimiser.
        state: whatever else, ready for JSON.
    """

    step: int
    groups: Mapping[str, Tensors]
    state: Mapping[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write a checkpoint beside older ones, then delete all of them but the newest few.

    Checkpoints of later steps go too: training went back before them, for they were damaged.

    Args:
        folder: where checkpoints lie; made where it is missing.
        checkpoint: what to write.
        keep: how many to keep, ≥ 1.

    Returns:
        The new checkpoint's folder.

    Raises:
        JincError: it cannot be written; older ones are untouched.
    """
    final = folder / f"step-{checkpoint.step:08d}"
    temporary = folder / f".writing-{final.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder, ".writing-*", ".deleting-*")
        temporary.mkdir()
        _write_parts(temporary, checkpoint)
        if final.exists():
            replaced = final.with_name(f".replaced-{final.name}")
            shutil.rmtree(replaced, ignore_errors=True)
            final.rename(replaced)
        temporary.rename(final)
        _sync_folder(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise JincError(f"{final}: cannot be written ({one_line(error)})") from error
    _remove_leftovers(folder, ".replaced-*")
    others = [f for f in _folders(folder) if f != final]
    older = [f for f in others if f.name < final.name]
    for path in others:
        if path not in older[: keep - 1]:
            _discard(path)
    return final


def load_newest(folder: Path) -> Checkpoint | None:
    """Read the newest checkpoint that is whole; a damaged one is named in a warning and passed.

    Args:
        folder: where checkpoints lie.

    Returns:
        The checkpoint, or None where there is none at all.

    Raises:
        JincError: there are checkpoints, and all are damaged.
    """
    problem: JincError | None = None
    for path in _folders(folder):
        if problem is not None:
            warnings.warn(f"{problem}; the one before it is taken", RuntimeWarning, stacklevel=2)
        try:
            return load_checkpoint(path)
        except JincError as error:
            problem = error
    if problem is not None:
        raise JincError(f"{problem}; no other is left, remove {folder} to start anew")
    return None


def load_checkpoint(path: Path) -> Checkpoint:
    """Read one checkpoint after checking every byte against its manifest.

    Raises:
        JincError: it is damaged; the message names the file.
    """
    check_manifest(path)
    state = _read_json(path / "state.json")
    try:
        groups = {f.stem: load_file(f) for f in sorted(path.glob("*.safetensors"))}
    except (OSError, SafetensorError) as error:
        raise JincError(f"{path}: cannot be read ({error})") from None
    return Checkpoint(int(state.pop("step")), groups, state)


def _write_parts(folder: Path, checkpoint: Checkpoint) -> None:
    manifest = {}
    state = {"step": checkpoint.step, **checkpoint.state}
    parts = {"state.json": json.dumps(state).encode()}
    for name, tensors in checkpoint.groups.items():
        whole = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        parts[f"{name}.safetensors"] = save(whole)
    for name, data in parts.items():
        _write_synced(folder / name, data)
        manifest[name] = hashlib.sha256(data).hexdigest()
    _write_synced(folder / MANIFEST, json.dumps(manifest, indent=2).encode())
    _sync_folder(folder)


def _write_synced(file: Path, data: bytes) -> None:
    with file.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    """Force the names in a folder to disk; where folders cannot be opened, as on Windows, skip."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(path: Path) -> None:
    """Delete a checkpoint; it loses its name first, so that no half of it is ever taken for one."""
    doomed = path.with_name(f".deleting-{path.name}")
    with suppress(OSError):  # the next checkpoint tries again
        path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def _remove_leftovers(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for leftover in folder.glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)


def _folders(folder: Path) -> list[Path]:
    """List checkpoints, the newest first."""
    if not folder.is_dir():
        return []
    found = [(m[2], m[1] is None, f) for f in folder.iterdir() if (m := _NAME.fullmatch(f.name))]
    return [path for *_, path in sorted(found, reverse=True)]


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise JincError(f"{file}: cannot be read ({error})") from None
    if not isinstance(value, dict):
        raise JincError(f"{file}: is not what it should be")
    return value
