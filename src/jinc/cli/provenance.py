"""Result folders and their provenance: a command replaces its own results and nothing else."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jinc.cli.places import check_folder, claim, make_folder
from jinc.cli.sampling import SamplingOptions
from jinc.data import is_numbered, numbered_files
from jinc.documents import read_object
from jinc.errors import JincError, counted
from jinc.files import file_digest, write_json

PROVENANCE = "provenance.json"
"""In every result folder: the kind of results, how they were made, and the names of the files."""

OLD_PROVENANCE = "made.json"
"""Its former name, under which it is still read."""

MOST_BYTES = 24 << 20
"""Of provenance, which names up to a million files."""

ResultKind: TypeAlias = Literal[
    "images",
    "illusions",
    "frames",
    "edits",
    "inpaintings",
    "enlargements",
    "comparisons",
    "measurements",
    "scores",
    "search",
]
"""The results of `sample`; `illusion`; `rotate` and `shift`; and of one command each."""

_NUMBERED = ("images", "illusions", "frames")


def check_results(
    out: Path, kind: ResultKind, names: Iterable[str], reads: Iterable[Path] = ()
) -> None:
    """Check before the work that results can be written to a folder, and lock it.

    All numbered images in a folder are read as one set, so no other files may be among them.

    Args:
        out: the folder.
        kind: of the results.
        names: of the files that will be written, as far as known.
        reads: input files.

    Raises:
        JincError: another process writes to the folder; it cannot be written, or holds results of
            another command or files of these names that this command did not write; or an input
            file would be replaced.
    """
    check_folder(out)
    if (out / "config.yaml").is_file() and (out / "checkpoints").is_dir():
        raise JincError(f"--out: {out} is a training run; choose another folder, or one in it")
    claim(out)
    if not out.is_dir():
        return
    own = _own_files(out, kind)
    numbered = [file.name for file in numbered_files(out)] if kind in _NUMBERED else []
    for name in sorted({*names, *numbered} - own):
        if os.path.lexists(out / name):
            raise JincError(f"--out: {out / name} was not written by jinc; choose another folder")
    for file in reads:
        if file.name in own and file.resolve().parent == out.resolve():
            raise JincError(f"--out: input file {file} would be replaced; choose another folder")


def begin_results(
    out: Path, kind: ResultKind, facts: Mapping[str, Any], names: Iterable[str]
) -> None:
    """Make a folder ready for results: delete those of an earlier call, and write provenance.

    Call it when the first results are there, so that failed calls leave earlier ones in place.

    Args:
        out: the folder, checked before.
        kind: of the results.
        facts: how they are made; what is not JSON is written as text.
        names: of all files that will be written.

    Raises:
        JincError: as of `check_results`.
    """
    names = list(names)
    check_results(out, kind, names)
    make_folder(out)
    for name in _own_files(out, kind):
        (out / name).unlink(missing_ok=True)
    write_json(out / PROVENANCE, {"holds": kind, **facts, "written": names})
    (out / OLD_PROVENANCE).unlink(missing_ok=True)


def read_provenance(folder: Path) -> dict[str, Any] | None:
    """Return how the numbered images of a folder were made; None if unknown.

    Raises:
        JincError: provenance cannot be read, or names other images than there are.
    """
    file, facts = _provenance(folder)
    if facts is None or facts.get("holds") not in _NUMBERED:
        return None
    found = {image.name for image in numbered_files(folder)}
    named = set(filter(is_numbered, _written(facts)))
    if missing := named - found:
        raise JincError(
            f"{folder}: is missing {counted(len(missing), 'images')} that {file.name} names, such "
            f"as {min(missing)}; generate them again, or delete {file.name}"
        )
    if named and (others := found - named):
        raise JincError(
            f"{folder}: {file.name} does not name {counted(len(others), 'images')} there, such as "
            f"{min(others)}; move other images away, or delete {file.name}"
        )
    return {name: fact for name, fact in facts.items() if name != "written"}


def generation_facts(source: Path, plan: SamplingOptions, steps: int | None) -> dict[str, Any]:
    """Return what determines the images of a model, ready for JSON.

    Args:
        source: the model's folder, or its name on the Hub.
        plan: for the model.
        steps: number of steps; None where other facts give it.
    """
    facts = asdict(plan)
    for name in ("guidance_rescale", "guidance_interval", "threshold", "tolerance_by"):
        if not facts[name]:  # without these options, facts stay equal to those of older versions
            del facts[name]
    if facts["precision"] == "fp32":
        del facts["precision"]
    for name in ("number", "device", "compile", "strip", "gif", "json_", "spacing", "sigma_min"):
        facts.pop(name, None)
    facts["clip"] = plan.clips
    if plan.spaced != "even":
        facts["spacing"] = plan.spaced
    if plan.sigma_min is not None:
        facts["sigma_min"] = plan.sigma_min
    digest = None if plan.embeddings is None else file_digest(plan.embeddings)
    facts |= {"prompts": list(plan.prompts), "embeddings": digest, "steps": steps}
    return source_facts(source) | facts | {"batch": plan.together}


def source_facts(source: Path) -> dict[str, Any]:
    """Return what identifies a model: the digest of our weights, or the state of its files."""
    for weights in (source / "model" / "model.safetensors", source / "model.safetensors"):
        if weights.is_file():
            return {"weights": file_digest(weights)}
    if not source.exists():  # a name on the Hub
        return {"model": str(source)}
    kinds = ("*.json", "*/*.json", "*/*.safetensors", "*/*.bin")
    parts = sorted(file for kind in kinds for file in source.glob(kind))
    files = {str(file.relative_to(source)): _state(file) for file in parts}
    return {"model": str(source.resolve()), "files": files}


def _own_files(out: Path, kind: ResultKind) -> set[str]:
    """Return the files of a folder that earlier calls of the same command wrote."""
    file, facts = _provenance(out)
    if facts is None:
        return set()
    if "holds" not in facts:
        raise JincError(f"--out: {file} was not written by jinc; choose another folder")
    if facts["holds"] != kind:
        raise JincError(
            f"--out: {out} holds {facts['holds']}, not {kind} ({file.name}); choose another folder"
        )
    # Only files in the folder, whatever names the provenance holds.
    return _written(facts) & {each.name for each in out.iterdir() if each.is_file()}


def _written(facts: Mapping[str, Any]) -> set[str]:
    names = facts.get("written")
    return set(map(str, names if isinstance(names, list) else []))


def _provenance(folder: Path) -> tuple[Path, dict[str, Any] | None]:
    """Return the file and its content, None where there is none."""
    for file in (folder / PROVENANCE, folder / OLD_PROVENANCE):
        if os.path.lexists(file):
            return file, read_object(file, MOST_BYTES)
    return folder / PROVENANCE, None


def _state(file: Path) -> list[int]:
    """Return size and modification time, which identify a file too large to hash each time."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]
