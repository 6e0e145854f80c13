"""The files under a folder or in an archive: their order, and which of them are images."""

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import filterfalse
from pathlib import Path
from typing import TypeAlias, TypeVar

from jinc.data.archive import TWICE, ImageFile, Member, first_bytes, is_archive, open_archive
from jinc.data.formats import HEAD_BYTES, image_format
from jinc.errors import JincError
from jinc.files import one_line

T = TypeVar("T")


def _endings(listed: str) -> frozenset[str]:
    return frozenset(f".{ending}" for ending in listed.split())


_IMAGES = _endings("png apng jpg jpeg jpe jfif jif webp gif bmp dib tif tiff pgm ppm pbm pnm")
# Files beside images; they are not opened to find out what they are.
_DOCUMENTS = _endings(
    "txt csv tsv json jsonl xml yaml yml toml md rst html htm css js py ipynb sh log pdf doc docx "
    "xls xlsx mat npy npz pt pth pkl h5 parquet db ini cfg zip tar gz tgz rar 7z caption tags url"
)
# Raw photographs look like TIFF, and would decode to thumbnails; drawings look like text.
_UNREAD = _endings(
    "dng nef nrw arw srf cr2 pef orf rw2 srw 3fr iiq svg eps ps ai hdr jxl heic heif avif jp2 psd "
    "tga exr dcm mp4 avi mov"
)


@dataclass(frozen=True)
class Tree:
    """The files of a folder or an archive by relative path with slashes, in natural order.

    Args:
        root: the folder or the archive.
        images: images by suffix or content.
        documents: text and data files.
        unread: all others, such as images of other formats.
        passed_over: number of other entries by kind.
    """

    root: Path
    images: dict[str, ImageFile] = field(default_factory=dict)
    documents: dict[str, ImageFile] = field(default_factory=dict)
    unread: dict[str, ImageFile] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)

    def endings(self) -> dict[str, int]:
        """Count other files than images by suffix, the most frequent first."""
        counts = dict(self.passed_over)
        for name in (*self.documents, *self.unread):
            ending = _ending(name) or "without an ending"
            counts[ending] = counts.get(ending, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))


NaturalKey: TypeAlias = tuple[list[str | tuple[int, str]], str]
"""Text and numbers in turn, a number as its digits and how many they are; and the whole name."""


def natural_key(name: str) -> NaturalKey:
    """Give the key that sorts numbers in names by their value.

    Args:
        name: a file's or folder's name.

    Returns:
        The key; numbers in it may have any length.

    >>> sorted(["10.jpg", "2.jpg", "1.jpg"], key=natural_key)
    ['1.jpg', '2.jpg', '10.jpg']
    """
    parts = re.split(r"([0-9]+)", name.casefold())
    return [_digits(part) if place % 2 else part for place, part in enumerate(parts)], name


def _digits(number: str) -> tuple[int, str]:
    """Give what sorts like a whole number, which Python makes of up to 4,300 digits only."""
    digits = number.lstrip("0")
    return len(digits), digits


def read_tree(path: Path) -> Tree:
    """List the files of a folder or an archive, and find the images among them.

    Hidden files and empty folders are skipped and counted; a folder that is linked several times is
    listed once. Only files of unknown suffixes are opened.

    Raises:
        JincError: the path is neither, is damaged, or a folder cannot be read.
    """
    try:
        if path.is_dir():
            tree = Tree(path)
            files: Iterable[tuple[str, ImageFile]] = _walk(path, tree.passed_over)
        elif is_archive(path):
            archive = open_archive(path)
            tree = Tree(path, passed_over=dict(archive.passed_over))
            members = {(n := _inner(name)): Member(archive, n, name) for name in archive.names}
            _count(tree.passed_over, TWICE, len(archive.names) - len(members))
            shown = [m for m in members.values() if not any(map(_hidden, m.name.split("/")))]
            shown.sort(key=lambda member: _tree_key(member.name))
            files = ((member.name, member) for member in shown)
            _count(tree.passed_over, "hidden", len(members) - len(shown))
        else:
            raise JincError(f"{path}: not a folder or an archive of images")
        for name, file in files:
            _kind(tree, name, file)[name] = file
    except OSError as error:
        raise JincError(f"{error.filename or path}: {one_line(error)}") from error
    return tree


def by_folder(files: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """Group files by the first folder of their paths, "" for those in none.

    >>> by_folder({"a.png": 1, "x/b.png": 2, "x/y/c.png": 3})
    {'': {'a.png': 1}, 'x': {'b.png': 2, 'y/c.png': 3}}
    """
    found: dict[str, dict[str, T]] = {}
    for name, file in files.items():
        top, slash, rest = name.partition("/")
        found.setdefault(top if slash else "", {})[rest or top] = file
    return found


def _inner(name: str) -> str:
    """Return the path of a file in an archive without parts that lead out of it."""
    parts = name.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def _tree_key(name: str) -> list[tuple[bool, NaturalKey]]:
    """Return a sort key in the order of a walk: in each folder, files before folders."""
    *folders, file = name.split("/")
    return [*((True, natural_key(each)) for each in folders), (False, natural_key(file))]


def _ending(name: str) -> str:
    return posixpath.splitext(name)[1].lower()


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _kind(tree: Tree, name: str, file: ImageFile) -> dict[str, ImageFile]:
    """Return the part of a tree that a file belongs to."""
    ending = _ending(name)
    if ending in _IMAGES:
        return tree.images
    if ending in _DOCUMENTS:
        return tree.documents
    try:
        head = b"\0" if ending in _UNREAD else first_bytes(file, HEAD_BYTES)
    except JincError:  # a pipe, a broken link
        return tree.unread
    if image_format(head):
        return tree.images
    return tree.unread if b"\0" in head else tree.documents


def _count(passed_over: dict[str, int], what: str, more: int) -> None:
    if more:
        passed_over[what] = passed_over.get(what, 0) + more


def _walk(root: Path, passed_over: dict[str, int]) -> Iterator[tuple[str, Path]]:
    """Yield the files under a folder, entering each folder once despite links."""
    seen: set[tuple[int, int]] = set()

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(root, onerror=fail, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        shown = [*filterfalse(_hidden, folders)], [*filterfalse(_hidden, files)]
        _count(passed_over, "hidden", len(folders) + len(files) - sum(map(len, shown)))
        _count(passed_over, "empty folders", not folders and not files)
        folders[:] = sorted(shown[0], key=natural_key)
        inner = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if inner == "." else f"{inner}/"
        for name in sorted(shown[1], key=natural_key):
            yield prefix + name, Path(folder, name)
