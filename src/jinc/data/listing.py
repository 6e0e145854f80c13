"""The image files of a folder or an archive: their order, their classes and their split."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from jinc.data.archive import ImageFile
from jinc.data.formats import FORMATS
from jinc.data.imageset import LONGEST_NAME
from jinc.data.label_files import LABEL_FILES, check_classes_from, label_files, stored_labels
from jinc.data.splits import pick_split, resembles_split, split_folders, split_of
from jinc.data.tree import NaturalKey, Tree, by_folder, natural_key, read_tree
from jinc.errors import JincError, counted, printable

_PHOTOGRAPHS = ("CelebA-HQ-img/", "CelebAMask-HQ/CelebA-HQ-img/")
_SHOWN = 3
T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """Image files in order, under one folder or in one archive.

    Args:
        root: the folder or the archive.
        files: the files, class by class where folders are classes, in natural order.
        labels: one class a file, or None.
        class_names: the names of the classes; empty without labels.
        split: of a divided set; "" for an undivided one.
        passed_over: number of skipped files by reason.
        notes: decisions, a short line each.
    """

    root: Path
    files: tuple[ImageFile, ...]
    labels: tuple[int, ...] | None
    class_names: tuple[str, ...]
    split: str = ""
    passed_over: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def list_images(path: Path, split: str = "train", classes_from: str = "auto") -> Listing:
    """List the images in a folder, or in a ZIP or TAR archive, recursively.

    Splits are folders called train, val, test or the like, in any usual spelling. Classes are those
    in StyleGAN's `dataset.json` or Hugging Face's `metadata.csv` or `.jsonl`; otherwise each folder
    is a class, unless there are images beside the folders, or the folders are numbered buckets of
    one series. All splits share their classes. In a CelebA-HQ folder only the photographs are
    listed, without classes. A single folder of folders is entered.

    Args:
        path: the folder or archive.
        split: "train", "val", "test" or "all"; an undivided set is all "train".
        classes_from: "auto" as above; "folders"; "names", as `cat_001.png`; "none"; or
            "column:NAME", a column of `metadata.csv` or `.jsonl`.

    Returns:
        The files in natural order: 2.jpg before 10.jpg.

    Raises:
        JincError: there are no images, no such split or classes; a class has only unreadable
            files; or a file or folder is damaged.
    """
    check_classes_from(classes_from)
    tree = read_tree(path)
    parts, divided = _parts(tree)
    wanted = pick_split({name: [prefix] for name, prefix in parts.items()}, split, path)
    images = _under(tree.images, *parts.values())
    files = _under(images, *wanted)
    if not files:
        there = ", ".join(
            counted(count, what) for what, count in [*tree.endings().items()][:_SHOWN]
        )
        kind = "folder" if path.is_dir() else "archive"
        raise JincError(f"{path}: no {FORMATS} images in this {kind}{there and f' ({there})'}")
    labels, notes = _classes(tree, images, list(parts.values()), classes_from)
    tables = [name for name in tree.documents if name.lower().endswith((".csv", ".tsv"))]
    if not labels and classes_from == "auto" and tables and not label_files(tree):
        notes += (f"{tables[0]:.60} is not read (labels: metadata.csv with file_name, label)",)
    others = [name for name in parts if split not in (name, "all")]
    listing = Listing(
        path,
        tuple(files.values()),
        None,
        (),
        split if divided else "",
        _passed_over(tree, images, bool(labels)),
        notes + ((f"other splits: {', '.join(others)}",) if others else ()),
    )
    if not labels:
        return listing
    names = sorted(set(labels.values()), key=natural_key)
    longest = max(names, key=len)
    if len(longest) > LONGEST_NAME:
        raise JincError(f"{path}: a class has over {LONGEST_NAME} characters: {longest:.40}…")
    places = {name: place for place, name in enumerate(names)}
    numbers = tuple(places[labels[name]] for name in files)
    return replace(listing, labels=numbers, class_names=tuple(map(printable, names)))


def _under(files: Mapping[str, ImageFile], *prefixes: str) -> dict[str, ImageFile]:
    """Return the files under some prefixes, in their order."""
    return {n: f for prefix in prefixes for n, f in files.items() if n.startswith(prefix)}


def _inside(files: Mapping[str, T], prefix: str) -> dict[str, T]:
    """Return the files under a folder, by their relative paths."""
    return {n[len(prefix) :]: file for n, file in files.items() if n.startswith(prefix)}


def _parts(tree: Tree) -> tuple[dict[str, str], bool]:
    """Map splits to path prefixes of their images; and whether the set is divided."""
    prefix = ""
    while True:
        for photographs in _PHOTOGRAPHS:
            if any(name.startswith(prefix + photographs) for name in tree.images):
                return {"train": prefix + photographs}, False
        folders = by_folder(_inside(tree.images, prefix))
        found = split_folders(folders, tree.root)
        if found:
            return {s: _entered(tree, f"{prefix}{name}/", s) for s, name in found.items()}, True
        inner = _only_folder(tree, prefix)
        if inner is None:
            return {"train": prefix}, False
        prefix = inner


def _entered(tree: Tree, prefix: str, split: str) -> str:
    """Return the folder of a split, or the only one in it if it has the split's name too."""
    inner = _only_folder(tree, prefix)
    named = inner is not None and split_of(inner.removesuffix("/").rpartition("/")[2]) == split
    return inner if inner is not None and named else prefix


def _only_folder(tree: Tree, prefix: str) -> str | None:
    """Return the one folder that has all images, in folders or splits, or None."""
    folders = by_folder(_inside({**tree.images, **tree.unread}, prefix))
    name = next(iter(folders), "")
    if len(folders) != 1 or not name:
        return None
    inner = by_folder(folders[name])
    if "" in inner and not split_folders(inner, tree.root):
        return None
    return (
        None
        if any(prefix + file in tree.documents for file in LABEL_FILES)
        else prefix + name + "/"
    )


def _classes(
    tree: Tree, images: Mapping[str, ImageFile], prefixes: Sequence[str], source: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Map images to their classes, if any; with notes on the source of the classes."""
    if source == "none" or (source == "auto" and prefixes[0].endswith(_PHOTOGRAPHS)):
        return {}, ()
    if source == "names":
        return _named(tree, images), ("classes from file names",)
    notes: tuple[str, ...] = ()
    if source != "folders":
        stored, notes = stored_labels(label_files(tree), images, source)
        if stored:
            return stored, notes
    groups = [by_folder(_inside(images, prefix)) for prefix in prefixes]
    folders = {name for group in groups for name in group} - {""}
    if any("" in group for group in groups):
        if source == "folders":
            raise JincError(f"--classes-from folders: {tree.root} has images outside its folders")
        beside = ("images lie beside the folders",) if folders else ()
        return {}, notes + beside
    if source == "auto" and all(map(are_buckets, groups)):
        note = "numbered folders are buckets; --classes-from folders makes them classes"
        return {}, (*notes, note)
    for prefix in prefixes:
        _check_read(tree, prefix)
    found = {
        prefix + name + "/" + file: name
        for prefix, group in zip(prefixes, groups, strict=True)
        for name, files in group.items()
        for file in files
    }
    return found, notes + _doubts(groups)


def _doubts(groups: Sequence[Mapping[str, Mapping[str, T]]]) -> tuple[str, ...]:
    """Note folders that are classes, or inside classes, but may be splits."""
    folders = {name for group in groups for name in group}
    paths = {file for group in groups for files in group.values() for file in files}
    within = {path.partition("/")[0] for path in paths if "/" in path}
    doubtful = [sorted(filter(resembles_split, names)) for names in (folders, within)]
    words = ("classes called like splits", "folders in classes called like splits, not divided")
    return tuple(f"{w}: {', '.join(d):.60}" for w, d in zip(words, doubtful, strict=True) if d)


def _named(tree: Tree, images: Mapping[str, ImageFile]) -> dict[str, str]:
    found = {name: class_of_name(name) for name in images}
    nameless = [name for name, label in found.items() if not label]
    if nameless or len(set(found.values())) == len(found) > 1:
        example = nameless[0] if nameless else next(iter(found))
        raise JincError(
            f"--classes-from names: {tree.root}: {example:.80} does not begin with a class, "
            "as cat_001.png does"
        )
    return found


def _check_read(tree: Tree, prefix: str) -> None:
    """Refuse a folder beside the classes that may hold images of unreadable formats."""
    read = by_folder(_inside(tree.images, prefix))
    for name, files in by_folder(_inside(tree.unread, prefix)).items():
        if name and name not in read:
            endings = Tree(tree.root, unread=files).endings()
            raise JincError(
                f"{tree.root}/{prefix}{name}: none of its {len(files)} files is an image that can "
                f"be read ({', '.join(endings):.60}); convert them, or move the folder away"
            )


def _passed_over(tree: Tree, images: Mapping[str, ImageFile], with_labels: bool) -> dict[str, int]:
    counts = tree.endings()
    for name in label_files(tree) if with_labels else ():
        ending = PurePosixPath(name).suffix
        counts[ending] -= 1
    outside = len(tree.images) - len(images)
    if outside:
        counts["images outside the splits"] = outside
    return {reason: count for reason, count in counts.items() if count}


def class_of_name(path: str) -> str:
    """Return the class that a file is named after: its name without the number at the end.

    >>> [class_of_name(file) for file in ("cat_001.png", "n01440764_10026.JPEG", "eel (2).png")]
    ['cat', 'n01440764', 'eel']
    """
    stem = PurePosixPath(path).stem
    return re.sub(r"(?:[\W_]+\d+)+\W*$|\d+$", "", stem)


def are_buckets(folders: Mapping[str, Collection[str]]) -> bool:
    """Whether numbered folders only divide one numbered series of files, as StyleGAN's do.

    Folders are buckets if their names are numbers of one width, three digits or more, and if the
    numbers of the files go on from folder to folder; in folders that are classes (GTSRB's) they
    begin again.

    >>> are_buckets({"00000": ["img0.png", "img1.png"], "00001": ["img2.png"]})
    True
    >>> are_buckets({"00000": ["00000.ppm", "00001.ppm"], "00001": ["00000.ppm"]})
    False
    """
    if (
        not all(re.fullmatch("[0-9]{3,}", name) for name in folders)
        or len(set(map(len, folders))) > 1
    ):
        return False
    last: NaturalKey | None = None
    for _, files in sorted(folders.items()):
        stems = [PurePosixPath(file).stem for file in files]
        keys = [natural_key(stem) for stem in stems]
        if not all(stem[-1:].isdigit() for stem in stems) or (last and min(keys) <= last):
            return False
        last = max(keys)
    return True
