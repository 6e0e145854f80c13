"""MNIST as a CSV file: a label and the pixels of a square grey image in each row."""

import csv
import itertools
import math
import re
import warnings
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinc.data.imageset import LABEL_WORDS, MOST_CLASSES, ImageSet, classes_of
from jinc.errors import JincError
from jinc.files import one_line, reading

_LONGEST_LINE = 4 << 20
_ROW_NAMES = {"", "id", "idx", "index", "unnamed: 0"}


def read_mnist_csv(path: Path, skip_first: bool = False) -> ImageSet:
    """Read a CSV file of labels and pixels; the classes are the labels that occur.

    The first row is a header if it has words, or consecutive numbers. A header with words names the
    label column (label, class, target, y); otherwise the label comes first.

    Args:
        path: the file; every row has one label and `size * size` pixels, integers from 0 to 255,
            separated by commas, semicolons or tabs.
        skip_first: drop the first row. The experiments of arXiv 2411.09174 read a file without a
            header as if it had one, so that 19,999 of its 20,000 images remained.

    Returns:
        Grey images, `[rows, size, size, 1]`, with labels unless every column is a pixel; a note
        names the label column.

    Raises:
        JincError: a row is ragged, a pixel is out of range, or the label column is ambiguous.
    """
    with reading(path) as file:
        lines = _lines(file, path)
        first = next(lines, "")
        if not first.strip():
            raise JincError(f"{path}: is empty")
        comma = max(",;\t", key=first.count)
        names = _fields(first, comma, path)
        header = _is_header(names)
        worded = header and not all(map(_is_number, names))
        columns = _columns(names if worded else None, len(names), path)
        dropped = header or skip_first
        rows = _Rows(path, comma, len(names), columns.label, 1 + dropped)
        pixels = rows.parsed(lines if dropped else itertools.chain([first], lines), columns.pixels)
    side = math.isqrt(pixels.shape[1])
    images = pixels.reshape(-1, side, side, 1)
    if columns.label is None:
        return ImageSet(images, None, (), path.name, ("no column of labels",))
    labels, classes = classes_of(rows.labels(), str(path))
    if not worded:
        _refuse_label_last(rows.labels(), pixels[:, -1], path)
    note = f"labels: column {columns.label + 1} of {len(names)}"
    note += f", {names[columns.label]!a:.40}" if worded else ", as no header says otherwise"
    return ImageSet(images, labels, classes, path.name, (note,))


class _Columns(NamedTuple):
    """Indices of the columns, from 0."""

    label: int | None
    pixels: list[int]


@dataclass
class _Rows:
    """The rows of a file; labels are collected while pixels are parsed.

    Args:
        path: the file.
        comma: the delimiter.
        width: number of columns.
        label: the label column, or None.
        row: number of the next row, from 1.
    """

    path: Path
    comma: str
    width: int
    label: int | None
    row: int
    codes: "array[int]" = field(default_factory=lambda: array("q"))
    texts: dict[str, int] = field(default_factory=dict)

    def parsed(self, lines: Iterable[str], pixels: list[int]) -> NDArray[np.uint8]:
        """Parse the pixels of all lines, `[rows, pixels]`."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # 1.5 would be truncated to 1
                return np.loadtxt(
                    self._checked(lines),
                    np.uint8,
                    comments=None,
                    delimiter=self.comma,
                    usecols=pixels,
                    ndmin=2,
                    quotechar='"',
                )
        except JincError:
            raise
        except UserWarning:
            raise JincError(f"{self.path}: holds no row of pixels") from None
        except ValueError as error:
            found = re.search(r"string '([^']*)(?:'.* column (\d+))?", str(error))
            column = f", column {found[2]}" if found and found[2] else ""
            shown = ascii(found[1][:20]) if found else one_line(error)[:60]
            reason = f"row {self.row - 1}{column}: {shown} is not a whole number from 0 to 255"
            raise JincError(f"{self.path}: {reason}") from None

    def labels(self) -> NDArray[np.int64] | NDArray[np.str_]:
        """The labels of all rows; integers if all are."""
        texts = list(self.texts)
        whole = all(re.fullmatch(r"-?[0-9]{1,18}(\.0*)?", text) for text in texts)
        numbers = [int(text.partition(".")[0]) for text in texts] if whole else []
        values = np.array(numbers) if whole else np.array(texts)
        return values[np.frombuffer(self.codes, np.int64)]

    def _checked(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self.row += 1
            if not line.strip():
                continue
            there = line.count(self.comma) + 1
            if there != self.width:
                reason = f"row {self.row - 1} has {there} columns, {self.width} expected"
                raise JincError(f"{self.path}: {reason}")
            if self.label is not None:
                self._put_aside(line, self.label)
            yield line

    def _put_aside(self, line: str, column: int) -> None:
        """Collect a label, found from the nearer end of its line."""
        if 2 * column < self.width:
            text = line.split(self.comma, column + 1)[column]
        else:
            text = line.rsplit(self.comma, self.width - column)[column - self.width]
        text = text.strip(' "\r\n')
        if not text:
            raise JincError(f"{self.path}: row {self.row - 1} has no label")
        self.codes.append(self.texts.setdefault(text, len(self.texts)))
        if len(self.texts) > MOST_CLASSES:
            raise JincError(f"{self.path}: over {MOST_CLASSES:,} different labels")


def _lines(file: BinaryIO, path: Path) -> Iterator[str]:
    """Yield lines as text, of bounded length."""
    encoding = "utf-8-sig"
    while line := file.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise JincError(f"{path}: not a CSV file, a line has over {_LONGEST_LINE} characters")
        yield line.decode(encoding, "replace")
        encoding = "utf-8"


def _fields(line: str, comma: str, path: Path) -> list[str]:
    try:
        return [each.strip() for each in next(csv.reader([line], delimiter=comma))]
    except csv.Error as error:
        raise JincError(f"{path}: not a CSV file ({one_line(error):.100})") from None


def _is_header(fields: Sequence[str]) -> bool:
    """Whether fields are a header, not a row, whose label may be a word."""
    words = [each for each in fields if not _is_number(each)]
    numbers = [float(each) for each in fields if _is_number(each)]
    counting = len(numbers) > 3 and all(b - a == 1 for a, b in itertools.pairwise(numbers))
    # A row without a header that was read as one and written again: 5, 0, 0.1, 0.2, 0.3
    renamed = len({*fields}) == len(fields) and any("." in each for each in fields)
    if len(words) != 1:
        return bool(words) or counting or renamed
    return counting or renamed or words[0].lower() in LABEL_WORDS | _ROW_NAMES


def _columns(names: Sequence[str] | None, count: int, path: Path) -> _Columns:
    """Find the label column: by name, or else the first if the others make a square."""
    labels, start = [0] * (count < 4 or not _is_square(count)), 0
    if names is not None:
        words = [name.lower() for name in names]
        start = int(words[0] in _ROW_NAMES)
        labels = [place for place, word in enumerate(words) if word in LABEL_WORDS]
        if len(labels) > 1 or not (labels or _is_square(count - start)):
            there = ", ".join(names[place] for place in labels) or "none"
            reason = f"its header must name one column label, class, target or y, not {there:.60}"
            raise JincError(f"{path}: {reason}")
    pixels = [place for place in range(start, count) if place not in labels]
    if not _is_square(len(pixels)):
        raise JincError(f"{path}: {count} columns are not a label and the pixels of a square")
    return _Columns(labels[0] if labels else None, pixels)


def _refuse_label_last(labels: NDArray[Any], last: NDArray[np.uint8], path: Path) -> None:
    """Refuse a file without names whose last column looks like labels and whose first does not."""
    if _counts(last) and not _counts(labels):
        reason = "the last column seems to be the label, the first a pixel"
        raise JincError(f"{path}: {reason}; add a header row that names the label")


def _counts(values: NDArray[Any]) -> bool:
    """Whether values are text, or consecutive labels from 0 or 1."""
    found = np.unique(values)
    if found.dtype.kind == "U":
        return True
    return 1 < len(found) == int(found[-1]) - int(found[0]) + 1 and int(found[0]) in (0, 1)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_square(count: int) -> bool:
    return count > 0 and math.isqrt(count) ** 2 == count
