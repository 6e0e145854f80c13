"""Standard output and error: terminals of any width, closed pipes, any encoding."""

import io
import os
import shutil
import sys
from typing import Any, TextIO

from jinc.errors import JincError
from jinc.files import one_line

NARROWEST, WIDEST = 40, 1000
"""Width of tables and help, columns."""


class _Output(io.FileIO):
    """A file that keeps its first failure for `check_printed` instead of stopping the work."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or drop the data if that fails."""
        try:
            return super().write(data) or 0
        except OSError as error:
            self.failure = error
            return memoryview(data).nbytes


def prepare_terminal() -> None:
    """Set the width of output, and escape characters that its encoding cannot represent."""
    for number in range(3):  # else the next opened file would become standard output
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    columns, lines = shutil.get_terminal_size()
    if "COLUMNS" in os.environ or columns < NARROWEST:
        os.environ["COLUMNS"] = str(min(max(columns, NARROWEST), WIDEST))
    if "LINES" in os.environ:  # rich accepts any digit, such as ²
        os.environ["LINES"] = str(lines)
    if sys.stdout is sys.__stdout__:  # not replaced by tests or other callers of `main`
        sys.stdout = _opened(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _opened(sys.stderr, 2)


def check_printed() -> None:
    """Flush standard output; a closed pipe, as by `head`, is no error.

    Raises:
        JincError: output could not be written, e.g. to a full disk.
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
