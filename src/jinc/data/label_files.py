"""The classes of images in label files: StyleGAN's `dataset.json`, Hugging Face's `metadata.*`."""

import csv
import io
import itertools
import posixpath
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, TextIO, TypeAlias

from jinc.data.archive import ImageFile, damage_named, first_bytes, opened
from jinc.data.formats import HEAD_BYTES, stand_in
from jinc.data.imageset import LONGEST_NAME
from jinc.data.tree import Tree
from jinc.documents import parse_json
from jinc.errors import JincError, unknown

CLASSES_FROM = ("auto", "folders", "names", "none")
COLUMN = "column:"
LABEL_FILES = ("dataset.json", "metadata.csv", "metadata.jsonl")
_COLUMNS = ("label", "labels", "class", "class_name", "label_name", "category", "target")
_MOST_LINES = 5_000_000
_LONGEST_LINE = 4 << 20
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.0*)?")
_BROKEN = (ValueError, csv.Error, RecursionError)
# Of a `dataset.json`, which is parsed as a whole: beside a share for each image that is there.
_MOST_LETTERS, _LETTERS_OF_IMAGE = 64 << 20, 256
_MOST_PARTS, _PARTS_OF_IMAGE = 4_000_000, 8

_Rows: TypeAlias = Iterable[tuple[int, str, Any]]
"""Number of the line or entry, name of the image, and label as stored."""


def check_classes_from(source: str) -> None:
    """Raise a JincError unless a source is one of `CLASSES_FROM`, or `column:` and a name."""
    if source not in CLASSES_FROM and not source.startswith(COLUMN):
        raise unknown(
            f"classes_from: unknown source {source!r:.40}", source, [*CLASSES_FROM, "column:NAME"]
        )


def label_files(tree: Tree) -> dict[str, ImageFile]:
    """Return the files of a tree that can hold labels, by their paths."""
    return {n: f for n, f in tree.documents.items() if posixpath.basename(n) in LABEL_FILES}


def stored_labels(
    files: Mapping[str, ImageFile], images: Mapping[str, ImageFile], source: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read the class of each image from `dataset.json` (StyleGAN) or `metadata.*` (Hugging Face).

    Args:
        files: of `label_files`.
        images: by path.
        source: "column:" and the name of a column, or "auto" for a usual one.

    Returns:
        Path to class, empty without labels; and notes on each file.

    Raises:
        JincError: a file is damaged, too large or a placeholder; an image has two labels; or only
            some images have labels.
    """
    found: dict[str, str] = {}
    notes: list[str] = []
    labelled = False
    column = source.removeprefix(COLUMN) if source.startswith(COLUMN) else None
    for path, file in files.items():
        if placeholder := stand_in(first_bytes(file, HEAD_BYTES)):
            raise JincError(f"{file}: no labels but {placeholder}")
        with (
            damage_named(file, *_BROKEN),
            opened(file) as data,
            io.TextIOWrapper(data, "utf-8-sig", newline="") as text,
        ):
            if path.endswith(".json"):
                rows = _stylegan(text, file, len(images))
            else:
                rows = _hugging_face(text, file, column, notes)
            if isinstance(rows, str):
                notes.append(f"{path} {rows}")
                continue
            absent = _add(found, rows, file, posixpath.dirname(path), images)
        labelled = True
        gone = f", {absent} of its images are not here" if absent else ""
        notes.append(f"classes from {path}{gone}")
    missing = [name for name in images if name not in found]
    if labelled and missing:
        raise JincError(
            f"{next(iter(files.values()))}: no label for {len(missing)} of {len(images)} images, "
            f"as {missing[0]:.80}; add them, or choose with --classes-from"
        )
    if column is not None and not found:
        raise JincError(f"--classes-from {source:.60}: there is no metadata.csv or .jsonl with it")
    return {name: found[name] for name in images if name in found}, tuple(notes)


def _add(
    found: dict[str, str], rows: _Rows, file: ImageFile, folder: str, images: Container[str]
) -> int:
    """Add the labels of the images that are there, and count the others."""
    own: dict[str, str] = {}
    absent = 0
    for number, name, stored in rows:
        path = f"{folder}/{name}" if folder else name
        if path not in images and ("./" in path or "//" in path):
            path = posixpath.normpath(path)
        if path not in images:
            absent += 1
            continue
        label = _class_name(stored)
        if label is None:
            fault = "the label is not one number or text"
        elif len(label) > LONGEST_NAME:
            fault = f"a label has over {LONGEST_NAME} characters"
        elif own.setdefault(path, label) == label:
            continue
        else:
            fault = f"another label for {name:.60}: {own[path]:.40}, {label:.40}"
        unit = "entry" if str(file).endswith(".json") else "line"
        raise JincError(f"{file}: {unit} {number}: {fault}")
    if str(file).endswith(".csv"):
        own = _whole(own)
    for path, label in own.items():
        if found.setdefault(path, label) != label:
            raise JincError(f"{file}: another label for {path:.60} than in another label file")
    return absent


def _whole(labels: Mapping[str, str]) -> dict[str, str]:
    """Write labels as whole numbers if all are, as pandas writes 1.0 for 1 in some tables."""
    if not all(map(_WHOLE.fullmatch, set(labels.values()))):
        return dict(labels)
    return {path: label.partition(".")[0] for path, label in labels.items()}


def _class_name(label: Any) -> str | None:
    """Name a class by its number or text, or by the place of the 1 in a one-hot vector."""
    if isinstance(label, list):
        ones = [place for place, value in enumerate(label) if value == 1]
        return str(ones[0]) if len(ones) == 1 and label.count(0) == len(label) - 1 else None
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label) if isinstance(label, (int, str)) and label != "" else None


def _stylegan(data: TextIO, file: ImageFile, images: int) -> _Rows | str:
    """Entries of a `dataset.json`, or the reason why it has none."""
    most = _MOST_LETTERS + _LETTERS_OF_IMAGE * images
    text = data.read(most + 1)
    if len(text) > most:
        raise JincError(
            f"{file}: over {most:,} characters are too many for labels of {images:,} images"
        )
    most = _MOST_PARTS + _PARTS_OF_IMAGE * images
    if sum(map(text.count, ("[", "{", '"'))) > most:
        raise JincError(f"{file}: over {most:,} lists and texts are too many")
    whole = parse_json(text, most)
    labels = whole.get("labels") if isinstance(whole, dict) else None
    if not labels:
        return "has no labels"
    pairs = labels.items() if isinstance(labels, dict) else labels
    if not isinstance(labels, list | dict) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    ):
        raise JincError(f"{file}: labels is not a list of [file name, label]")
    if any(type(label) is not int and _class_name(label) is None for _, label in pairs):
        return "has labels that are not one number or text each"
    return ((n, name.replace("\\", "/"), label) for n, (name, label) in enumerate(pairs, 1))


def _hugging_face(
    data: TextIO, file: ImageFile, column: str | None, notes: list[str]
) -> _Rows | str:
    """Rows of a `metadata.csv` or `metadata.jsonl`, or the reason why it has none."""
    lines = _lines(data, file)
    if str(file).endswith(".csv"):
        reader = csv.reader(lines, strict=True)
        header = next(reader, [])
        chosen = _chosen(header, file, column, notes)
        return chosen if isinstance(chosen, str) else _table_rows(reader, file, header, *chosen)
    objects = _objects(lines)
    for first in objects:
        chosen = _chosen([*first[1]], file, column, notes)
        if isinstance(chosen, str):
            return chosen
        return _object_rows(itertools.chain([first], objects), file, *chosen)
    return "has no column file_name"


def _chosen(
    columns: list[str], file: ImageFile, column: str | None, notes: list[str]
) -> tuple[str, str] | str:
    """The columns of the name and of the label, or the reason why there are none."""
    names = ["file_name"] if "file_name" in columns else []
    names += [key for key in columns if key.endswith("_file_name")]
    if not names:
        return "has no column file_name"
    if column is not None and column not in columns:
        raise unknown(f"{file}: has no column {column!r:.40}", column, columns)
    if "split" in columns:
        notes.append("its column split is not used; put the images of each split in a folder")
    known = [column] if column is not None else [key for key in _COLUMNS if key in columns]
    if not known:
        return f"has no column called {', '.join(_COLUMNS[:3])} or the like"
    for key in (names[0], known[0]):
        if columns.count(key) > 1:
            raise JincError(f"{file}: column {key:.40} is there twice")
    return names[0], known[0]


def _table_rows(
    reader: Any, file: ImageFile, header: list[str], name: str, label: str
) -> Iterator[tuple[int, str, str]]:
    names, labels = header.index(name), header.index(label)
    for row in reader:
        if row and not max(names, labels) < len(row) <= len(header):
            where = f"{file}: line {reader.line_num}"
            raise JincError(f"{where}: {len(row)} columns, {len(header)} expected")
        if row:
            yield reader.line_num, row[names], row[labels]


def _objects(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = parse_json(line)
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no object")
            yield number, row


def _object_rows(
    objects: Iterable[tuple[int, dict[str, Any]]], file: ImageFile, name: str, label: str
) -> Iterator[tuple[int, str, Any]]:
    for number, row in objects:
        if label not in row or not isinstance(row.get(name), str):
            raise JincError(f"{file}: line {number}: has no {name:.40} and {label:.40}")
        yield number, row[name], row[label]


def _lines(data: TextIO, file: ImageFile) -> Iterator[str]:
    """Yield lines, of bounded number and length."""
    for _ in range(_MOST_LINES):
        line = data.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise JincError(f"{file}: a line has over {_LONGEST_LINE:,} characters")
        if not line:
            return
        yield line
    raise JincError(f"{file}: over {_MOST_LINES:,} lines are too many for a file of labels")
