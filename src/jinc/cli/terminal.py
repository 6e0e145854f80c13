"""What a command prints to: a terminal of any width, a pipe without a reader, any encoding."""

import io
import os
import shutil
import sys
from typing import Any, TextIO

from jinc.errors import JincError
from jinc.files import one_line

NARROWEST, WIDEST = 40, 1000
"""Columns that tables and help are laid out in."""


class _Output(io.FileIO):
    """A file whose failures do not stop the work: they are told when it is done."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or drop what cannot be written."""
        try:
            return super().write(data) or 0
        except OSError as error:
            self.failure = error
            return memoryview(data).nbytes


def prepare_terminal() -> None:
    """Let everything be printed: what an encoding does not have is escaped."""
    for number in range(3):  # else the next file to be opened would be standard output
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    columns, lines = shutil.get_terminal_size()
    if "COLUMNS" in os.environ or columns < NARROWEST:
        os.environ["COLUMNS"] = str(min(max(columns, NARROWEST), WIDEST))
    if "LINES" in os.environ:  # rich takes any digit for a number, such as ²
        os.environ["LINES"] = str(lines)
    if sys.stdout is sys.__stdout__:  # and not one of tests or of others who call `main`
        sys.stdout = _opened(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _opened(sys.stderr, 2)


def check_printed() -> None:
    """Print what still waits. A reader that has left, as `head` does, is no error.

    Raises:
        JincError: something could not be printed, as on a full disk.
    """
    sys.stdout.flush()
    output = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = output.failure if isinstance(output, _Output) else None
    if failure is not None and not isinstance(failure, BrokenPipeError):
        raise JincError(f"standard output: {one_line(failure)}")


def _opened(stream: TextIO | None, number: int) -> TextIO:
    buffer = io.BufferedWriter(_Output(number, "w", closefd=False))
    encoding = stream.encoding if stream else "utf-8"
    lines = number == 2 or bool(stream and stream.isatty())
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=lines)
