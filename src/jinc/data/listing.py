"""The image files of a folder: their order, their classes and their split."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jinc.data.splits import pick_split
from jinc.errors import JincError
from jinc.files import one_line

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_SPLIT_FOLDERS = {"train", "test", "val", "valid", "validation"}
_CELEBA_HQ = "CelebA-HQ-img"


@dataclass(frozen=True)
class Listing:
    """Image files in order, under one folder.

    Args:
        root: the folder.
        files: the files, class by class, in natural order.
        labels: one class a file, or None.
        class_names: the subfolders that are the classes; empty without labels.
    """

    root: Path
    files: tuple[Path, ...]
    labels: tuple[int, ...] | None
    class_names: tuple[str, ...]


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Give the key that sorts numbers in names by their value.

    Args:
        name: a file's or folder's name.

    Returns:
        Text and numbers in turn, and the name itself for ties.

    >>> sorted(["10.jpg", "2.jpg", "1.jpg"], key=natural_key)
    ['1.jpg', '2.jpg', '10.jpg']
    """
    parts = re.split(r"([0-9]+)", name.casefold())
    return [int(part) if part.isdecimal() else part for part in parts], name


def list_images(folder: Path, split: str = "train") -> Listing:
    """List the PNG, JPEG and WebP files of a folder and of the folders in it.

    Each subfolder is a class; where images lie in the folder itself there are no classes. A
    folder whose only subfolders are splits is entered, and all its splits share their class
    names. In a CelebA-HQ folder only the photographs are listed, without classes. Names that
    begin with a dot are passed over, and a folder that links lead to again is listed once.

    Args:
        folder: the folder.
        split: "train", "test" or "all"; a folder without splits is all "train".

    Returns:
        The files in natural order: 2.jpg before 10.jpg.

    Raises:
        JincError: there are no images or no such split, or a folder cannot be read.
    """
    celeba_hq = _celeba_hq(folder)
    if celeba_hq is not None:
        pick_split({"train": [folder]}, split, folder)
        files = tuple(_walk(celeba_hq, set()))
        return _checked(Listing(celeba_hq, files, None, ()))
    roots = _split_roots(folder)
    wanted = pick_split({name: [root] for name, root in roots.items()}, split, folder)
    classes = {root: _classes(root) for root in roots.values()}
    if any("" in found for found in classes.values()):
        files = tuple(file for root in wanted for group in classes[root].values() for file in group)
        return _checked(Listing(folder, files, None, ()))
    names = sorted({name for found in classes.values() for name in found}, key=natural_key)
    pairs = [
        (file, label)
        for root in wanted
        for label, name in enumerate(names)
        for file in classes[root].get(name, ())
    ]
    files, labels = tuple(f for f, _ in pairs), tuple(label for _, label in pairs)
    return _checked(Listing(folder, files, labels, tuple(names)))


def _checked(listing: Listing) -> Listing:
    if not listing.files:
        raise JincError(f"{listing.root}: no PNG, JPEG or WebP images in this folder")
    return listing


def _celeba_hq(folder: Path) -> Path | None:
    places = (folder / _CELEBA_HQ, folder / "CelebAMask-HQ" / _CELEBA_HQ)
    return next((place for place in places if place.is_dir()), None)


def _split_roots(folder: Path) -> dict[str, Path]:
    """Map splits to their folders; a folder that is not divided so is all "train"."""
    files, folders = _visible(folder)
    names = {path.name for path in folders}
    if files or not names <= _SPLIT_FOLDERS or not names & {"train", "test"}:
        return {"train": folder}
    return {name: folder / name for name in ("train", "test") if name in names}


def _visible(folder: Path) -> tuple[list[Path], list[Path]]:
    """The image files and the folders in a folder, each in natural order."""
    try:
        entries = [path for path in folder.iterdir() if not _hidden(path.name)]
        folders = {path for path in entries if path.is_dir()}
    except OSError as error:
        raise JincError(f"{folder}: {one_line(error)}") from error
    files = (path for path in entries if _is_image_name(path.name) and path not in folders)
    return sorted(files, key=_by_name), sorted(folders, key=_by_name)


def _by_name(path: Path) -> tuple[list[str | int], str]:
    return natural_key(path.name)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_image_name(name: str) -> bool:
    return not _hidden(name) and name.lower().endswith(SUFFIXES)


def _classes(root: Path) -> dict[str, tuple[Path, ...]]:
    """Map each class of a folder to its files; "" is for images that lie in no class."""
    files, folders = _visible(root)
    if files:
        return {"": tuple(_walk(root, set()))}
    seen = {_identity(root)}  # so that a link back to the root is not a class of everything
    found = {folder.name: tuple(_walk(folder, seen)) for folder in folders}
    return {name: group for name, group in found.items() if group}


def _identity(folder: str | Path) -> tuple[int, int]:
    status = Path(folder).stat()
    return status.st_dev, status.st_ino


def _walk(root: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the image files under a folder, entering each folder once however it is reached."""

    def fail(error: OSError) -> None:
        raise JincError(f"{error.filename}: {one_line(error)}") from error

    for folder, folders, files in os.walk(root, onerror=fail, followlinks=True):
        identity = _identity(folder)
        if identity in seen:
            folders.clear()
            continue
        seen.add(identity)
        folders[:] = sorted(_shown(folders), key=natural_key)
        names = sorted(filter(_is_image_name, files), key=natural_key)
        yield from (Path(folder, name) for name in names)


def _shown(names: Iterable[str]) -> list[str]:
    return [name for name in names if not _hidden(name)]
