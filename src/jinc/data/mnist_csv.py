"""MNIST as a CSV file: a label and the pixels of a square grey image in each row."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from jinc.data.digits import digit_names
from jinc.data.imageset import ImageSet
from jinc.errors import JincError
from jinc.files import reading

_BLOCK = 4 << 20
_COMMA, _NEWLINE, _ZERO = b",\n0"


def read_mnist_csv(path: Path, skip_first: bool = False) -> ImageSet:
    """Read a CSV file of labels and pixels.

    A first row whose first field is not a number is a header.

    Args:
        path: the file; every row has one label and `size * size` pixels, all 0 to 255.
        skip_first: drop the first row, whatever it holds. The experiments of arXiv 2411.09174
            read a file without a header as if it had one, so that 19,999 of its 20,000 images
            remained.

    Returns:
        Grey images, `[rows, size, size, 1]`, with labels.

    Raises:
        JincError: a row is ragged or a field is not a whole number from 0 to 255.
    """
    with reading(path) as file:
        blocks = _blocks(file, path)
        first = next(blocks, b"")
        if not first:
            raise JincError(f"{path}: is empty")
        header, _, _ = first.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
        dropped = skip_first or not _is_number(header.split(b",")[0])
        row, rest = (2, first.partition(b"\n")[2]) if dropped else (1, first)
        tables: list[NDArray[np.uint8]] = []
        columns = header.count(b",") + 1
        _side(columns, path)
        for block in itertools.chain([rest.removeprefix(b"\xef\xbb\xbf")], blocks):
            table = _table(block, columns, row, path)
            tables.append(table)
            row += len(table)
    table = np.concatenate(tables)
    if not len(table):
        raise JincError(f"{path}: holds no row of pixels")
    labels = table[:, 0].astype(np.int64)
    side = _side(columns, path)
    images = table[:, 1:].reshape(-1, side, side, 1)
    return ImageSet(images, labels, digit_names(labels), path.name)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _side(columns: int, path: Path) -> int:
    side = math.isqrt(columns - 1)
    if side < 1 or side * side != columns - 1:
        raise JincError(f"{path}: {columns} columns are not a label and the pixels of a square")
    return side


def _blocks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Cut a file into blocks of whole lines, with one newline after each line."""
    kept = b""
    while data := file.read(_BLOCK):
        lines, newline, tail = (kept + data).rpartition(b"\n")
        if len(tail) > _BLOCK:
            raise JincError(f"{path}: not a CSV file, a line has over {_BLOCK} characters")
        if newline:
            yield lines.replace(b"\r\n", b"\n").removesuffix(b"\r") + b"\n"
        kept = tail
    if kept.strip():
        yield kept.rstrip() + b"\n"


def _table(block: bytes, columns: int, row: int, path: Path) -> NDArray[np.uint8]:
    """Parse whole lines into `[rows, columns]`; `row` is the number of the first."""
    table = _fast_table(block, columns)
    return _slow_table(block, columns, row, path) if table is None else table


def _fast_table(block: bytes, columns: int) -> NDArray[np.uint8] | None:
    """Parse lines of bare digits all at once; None where anything else is found."""
    text = np.frombuffer(b"\0\0" + block, np.uint8)  # so that two bytes precede every field's last
    ends = np.flatnonzero((text == _COMMA) | (text == _NEWLINE))
    if len(ends) % columns:
        return None
    newline = (text[ends] == _NEWLINE).reshape(-1, columns)
    digits = text - np.uint8(_ZERO)  # what is no digit wraps around to 10 or more
    lengths = np.diff(ends, prepend=1) - 1
    if newline[:, :-1].any() or not newline[:, -1].all():
        return None
    if np.count_nonzero(digits < 10) != len(block) - len(ends):
        return None
    if len(lengths) and not 1 <= lengths.min() <= lengths.max() <= 3:
        return None
    values = digits[ends - 1].astype(np.uint16)
    values += np.where(lengths > 1, digits[ends - 2], 0) * np.uint16(10)
    values += np.where(lengths > 2, digits[ends - 3], 0) * np.uint16(100)
    return None if (values > 255).any() else values.astype(np.uint8).reshape(-1, columns)


def _slow_table(block: bytes, columns: int, row: int, path: Path) -> NDArray[np.uint8]:
    """Parse line by line: blanks around a number are allowed, faults are named."""
    lines = block.split(b"\n")[:-1]
    while lines and not lines[-1].strip():
        lines.pop()
    table = np.empty((len(lines), columns), np.uint8)
    for index, line in enumerate(lines):
        fields = [field.strip() for field in line.split(b",")]
        if len(fields) != columns:
            raise JincError(
                f"{path}: row {row + index} has {len(fields)} columns, {columns} expected"
            )
        for column, field in enumerate(fields):
            if not field.isdigit() or len(field) > 20 or int(field) > 255:
                shown = field[:20].decode("ascii", "replace")
                raise JincError(
                    f"{path}: row {row + index}, column {column + 1}: "
                    f"{shown!r} is not a whole number from 0 to 255"
                )
            table[index, column] = int(field)
    return table
