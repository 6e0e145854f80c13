"""Crash-safe checkpoints, verified when they are read.

A checkpoint is a folder `step-00000500` of safetensors files, `state.json`, and a manifest with the
SHA-256 of each. It is written under a temporary name, every file forced to disk, the manifest last;
then the folder is renamed, and only after that are others deleted, one of the same step included,
which until then lies whole under `.replaced-step-…`. Whenever the machine stops, the newest folder
whose manifest agrees is whole.
"""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
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
from jinc.train.retention import (
    REPLACED,
    checkpoint_path,
    discard,
    discard_others,
    list_checkpoints,
    read_state,
    remove_leftovers,
    restore_replaced,
)

Tensors: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state to resume training from.

    Args:
        step: number of finished steps.
        groups: tensors by file name: weights, averages, optimiser.
        state: all else, ready for JSON. The lowest `score` marks the best checkpoint; None and
            non-finite scores do not count.
    """

    step: int
    groups: Mapping[str, Tensors]
    state: Mapping[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int) -> tuple[Path, bool]:
    """Write a checkpoint into a folder, then delete all but the newest `keep` ≥ 1 and the best.

    Checkpoints of later steps are deleted too: training resumed before them, so they are damaged.

    Returns:
        The new checkpoint's folder, and whether it is the best.

    Raises:
        JincError: it cannot be written; older ones are untouched.
    """
    final = checkpoint_path(folder, checkpoint.step)
    temporary = final.with_name(f".writing-{final.name}")
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            _sync_folder(folder.parent)
        remove_leftovers(folder)
        restore_replaced(folder)
        if temporary.exists():
            shutil.rmtree(temporary)  # fails again, and says why
        temporary.mkdir()
        _write_parts(temporary, checkpoint)
        if final.exists():
            replaced = final.with_name(REPLACED + final.name)
            discard(replaced)
            final.rename(replaced)
        temporary.rename(final)
        _sync_folder(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):
            restore_replaced(folder)
        raise JincError(f"{final}: cannot be written ({one_line(error)})") from error
    return final, discard_others(final, keep) == final


def load_newest(folder: Path) -> Checkpoint | None:
    """Read the newest intact checkpoint, with a warning for each damaged one; None without any.

    Raises:
        JincError: there are checkpoints, and all are damaged.
    """
    problem: JincError | None = None
    for path in list_checkpoints(folder):
        if problem is not None:
            warnings.warn(f"{problem}; the one before it is used", RuntimeWarning, stacklevel=2)
        try:
            return load_checkpoint(path)
        except JincError as error:
            problem = error
    if problem is not None:
        raise JincError(f"{problem}; no other is left, remove {folder} to start over")
    return None


def load_checkpoint(path: Path) -> Checkpoint:
    """Read one checkpoint, verified against its manifest.

    Raises:
        JincError: it is damaged; the message names the file.
    """
    try:
        check_manifest(path)
        state = read_state(path)
        groups = {f.stem: load_file(f) for f in sorted(path.glob("*.safetensors"))}
    except (OSError, SafetensorError) as error:
        raise JincError(f"{path}: cannot be read ({one_line(error)})") from None
    step = state.pop("step", None)
    if not isinstance(step, int):
        raise JincError(f"{path / 'state.json'}: is damaged, it has no step")
    return Checkpoint(step, groups, state)


def _write_parts(folder: Path, checkpoint: Checkpoint) -> None:
    manifest = {}
    for name, data in _parts(checkpoint):
        _write_synced(folder / name, data)
        manifest[name] = hashlib.sha256(data).hexdigest()
    _write_synced(folder / MANIFEST, json.dumps(manifest, indent=2).encode())
    _sync_folder(folder)


def _parts(checkpoint: Checkpoint) -> Iterator[tuple[str, bytes]]:
    """Serialise one file after another, since memory may not hold all of them."""
    yield "state.json", json.dumps({"step": checkpoint.step, **checkpoint.state}).encode()
    for name, tensors in checkpoint.groups.items():
        whole = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        yield f"{name}.safetensors", save(whole)


def _write_synced(file: Path, data: bytes) -> None:
    with file.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    """Force the names in a folder to disk; not on Windows, which cannot open folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
