"""Class labels: numbered from 0, and read from label files, folders or file names."""

import csv
import io
import json
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinc.data.archive import ImageFile, damage_named, opened
from jinc.data.tree import NaturalKey, Tree, natural_key
from jinc.errors import JincError, unknown

MOST_CLASSES = 100_000
"""Beyond this, numbers are taken for identifiers of images."""

LONGEST_NAME = 255
"""Characters of a label."""

LABEL_WORDS = {"y", "label", "labels", "target", "targets", "class", "classes", "digit"}
"""What arrays and columns of labels are called."""


def classes_of(stored: NDArray[Any], name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number the classes that occur, and name each by its label.

    Args:
        stored: labels, `[count]`: whole numbers with or without gaps, or text.
        name: the file, for errors.

    Returns:
        int64 `[count]`, from 0; and the labels themselves, in natural order, as class names.

    Raises:
        JincError: there are over 100,000 different labels, one of over 255 characters, or bytes
            that are not UTF-8.

    >>> classes_of(np.array([30, 1, 30]), "numbers.npz")
    (array([1, 0, 1]), ('1', '30'))
    """
    values, places = np.unique(stored, return_inverse=True)
    if len(values) > MOST_CLASSES:
        raise JincError(f"{name}: {len(values):,} different labels, the limit is {MOST_CLASSES:,}")
    try:
        names = [v.decode() if isinstance(v, bytes) else str(v) for v in values.tolist()]
    except UnicodeDecodeError:
        raise JincError(f"{name}: its labels are not UTF-8 text") from None
    if max(map(len, names), default=0) > LONGEST_NAME:
        raise JincError(f"{name}: a label has over {LONGEST_NAME} characters")
    if values.dtype.kind not in "US":  # numbers are in order already
        return places.astype(np.int64), tuple(names)
    order = sorted(range(len(names)), key=lambda i: natural_key(names[i]))
    return np.argsort(order)[places].astype(np.int64), tuple(names[i] for i in order)


def merged_names(groups: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the class names of several sets as one: as they are, or in natural order.

    >>> merged_names([("2", "10"), ("1", "2")])
    ('1', '2', '10')
    """
    if all(names == groups[0] for names in groups):
        return groups[0]
    return tuple(sorted({name for names in groups for name in names}, key=natural_key))


CLASSES_FROM = ("auto", "folders", "names", "none")
LABEL_FILES = ("dataset.json", "metadata.csv", "metadata.jsonl")
_COLUMN = "column:"
_COLUMNS = ("label", "labels", "class", "class_name", "label_name", "category", "target")
_LARGEST = 512 << 20
_BROKEN = (ValueError, csv.Error, RecursionError)


def check_classes_from(source: str) -> None:
    """Check the name of a source of classes.

    Raises:
        JincError: it is none of `CLASSES_FROM`, and not `column:` and a name.
    """
    if source not in CLASSES_FROM and not source.startswith(_COLUMN):
        raise unknown(
            f"classes_from: {source!r:.40} is none", source, [*CLASSES_FROM, "column:NAME"]
        )


def label_files(tree: Tree) -> dict[str, ImageFile]:
    """Return the files of a tree that can hold labels, by their paths."""
    return {n: f for n, f in tree.documents.items() if posixpath.basename(n) in LABEL_FILES}


def stored_labels(
    files: Mapping[str, ImageFile], images: Mapping[str, ImageFile], source: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read the class of each image from `dataset.json` (StyleGAN) or `metadata.*` (Hugging Face).

    Args:
        files: as `label_files` returns them.
        images: the images, by path.
        source: "column:" and the name of a column, or "auto" for a usual one.

    Returns:
        Path to class, empty where nothing has labels; and notes on each file.

    Raises:
        JincError: a file is damaged, or only some of the images have labels.
    """
    found: dict[str, str] = {}
    notes: list[str] = []
    column = source.removeprefix(_COLUMN) if source.startswith(_COLUMN) else None
    for path, file in files.items():
        folder = posixpath.dirname(path)
        rows = _stylegan(file) if path.endswith(".json") else _hugging_face(file, column, notes)
        if isinstance(rows, str):
            notes.append(f"{path} {rows}")
            continue
        own = {posixpath.normpath(posixpath.join(folder, name)): label for name, label in rows}
        found |= own
        absent = len(own.keys() - images.keys())
        gone = f", {absent} of its images are not here" if absent else ""
        notes.append(f"classes from {path}{gone}")
    missing = [name for name in images if name not in found]
    if found and missing:
        raise JincError(
            f"{next(iter(files.values()))}: no label for {len(missing)} of {len(images)} images, "
            f"as {missing[0]:.80}; add them, or choose with --classes-from"
        )
    if column is not None and not found:
        raise JincError(f"--classes-from {source:.60}: there is no metadata.csv or .jsonl with it")
    return {name: found[name] for name in images if name in found}, tuple(notes)


def _text(file: ImageFile) -> str:
    with opened(file) as found:
        data = found.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise JincError(f"{file}: over {_LARGEST:,} bytes are too many for a file of labels")
    return data.decode("utf-8-sig")


def _stylegan(file: ImageFile) -> list[tuple[str, str]] | str:
    """Names and labels of a `dataset.json`; or why there are none."""
    with damage_named(file, *_BROKEN):
        whole = json.loads(_text(file))
    labels = whole.get("labels") if isinstance(whole, dict) else None
    if not labels:
        return "has no labels"
    pairs = list(labels.items()) if isinstance(labels, dict) else labels
    if not isinstance(pairs, list) or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    ):
        raise JincError(f"{file}: labels is not a list of [file name, label]")
    named = [(name.replace("\\", "/"), _class_name(label)) for name, label in pairs]
    if any(label is None for _, label in named):
        return "has labels that are not one number or text each"
    return [(name, label) for name, label in named if label is not None]


def _class_name(label: Any) -> str | None:
    """Name a class by its number or text, or by the place of the 1 in a one-hot vector."""
    if isinstance(label, list):
        ones = [place for place, value in enumerate(label) if value == 1]
        return str(ones[0]) if len(ones) == 1 and label.count(0) == len(label) - 1 else None
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label) if isinstance(label, (int, str)) and label != "" else None


def _hugging_face(
    file: ImageFile, column: str | None, notes: list[str]
) -> list[tuple[str, str]] | str:
    """Names and labels of a `metadata.csv` or `metadata.jsonl`; or why there are none."""
    with damage_named(file, *_BROKEN):
        rows = list(_rows(_text(file), str(file).endswith(".csv")))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    names = [key for key in columns if key == "file_name" or key.endswith("_file_name")][:1]
    if not names:
        return "has no column file_name"
    if column is not None and column not in columns:
        raise unknown(f"{file}: has no column {column!r:.40}", column, columns)
    if "split" in columns:
        notes.append("its column split is not used; put the images of each split in a folder")
    known = [column] if column is not None else [key for key in _COLUMNS if key in columns]
    if not known:
        return f"has no column called {', '.join(_COLUMNS[:3])} or the like"
    pairs = [(row.get(names[0]), _class_name(row.get(known[0]))) for row in rows]
    if any(label is None for _, label in pairs):
        raise JincError(f"{file}: {known[0]:.40} is not one number or text in every row")
    return [(str(name), label) for name, label in pairs if label is not None]


def _rows(text: str, is_csv: bool) -> Iterator[dict[str, Any]]:
    if is_csv:
        yield from csv.DictReader(io.StringIO(text, newline=""), strict=True)
        return
    for line in filter(str.strip, text.splitlines()):
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError("a line is no object")
        yield row


def class_of_name(path: str) -> str:
    """Return the class that a file is named after: its name without the number at the end.

    >>> [class_of_name(file) for file in ("cat_001.png", "n01440764_10026.JPEG", "eel (2).png")]
    ['cat', 'n01440764', 'eel']
    """
    stem = PurePosixPath(path).stem
    return re.sub(r"(?:[\W_]+\d+)+\W*$|\d+$", "", stem)


def are_buckets(folders: Mapping[str, Collection[str]]) -> bool:
    """Tell whether numbered folders only divide one numbered series of files, as StyleGAN's do.

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
