"""Errors of bad input."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

SHOWN = 20
"""Words that an error lists at most."""

LONGEST = 300
"""Characters of the line of an error."""


class JincError(ValueError):
    """Bad input: one line that names the file or option and the reason.

    The command line prints the line, without a traceback, and exits with `exit_code`.
    """

    exit_code = 2


def printable(text: str) -> str:
    r"""Escape characters that are not printable, or not Unicode.

    >>> printable("caf\udce9"), printable("a\nb"), printable("naïve")
    ('caf\\udce9', 'a\\nb', 'naïve')
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_one_line(text: str, most: int = LONGEST) -> str:
    r"""Return text as one short line without control characters; a long one loses its middle.

    >>> print(in_one_line("red\x1b[31m\n!"), in_one_line("x" * 30 + " is no option", 24))
    red\x1b[31m ! xxxxxxxxxxx … no option
    """
    if len(text) > 8 * most:
        text = text[: 4 * most] + text[-4 * most :]
    line = printable(" ".join(text.split()))
    if len(line) <= most:
        return line
    ending = (most - 3) // 2
    return f"{line[: most - 3 - ending].rstrip()} … {line[-ending:].lstrip()}"


def counted(number: int, what: str) -> str:
    """Return a number of things, in the singular for one.

    >>> counted(1, "empty folders"), counted(1000, "images"), counted(1, ".xls")
    ('1 empty folder', '1,000 images', '1 .xls')
    """
    if number == 1 and not what.startswith("."):
        what = re.sub(r"s\b", "", what, count=1)
    return f"{number:,} {what}"


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Begin errors with where they are.

    >>> with naming("study.yaml"):
    ...     raise JincError("seeds: is missing")
    Traceback (most recent call last):
    jinc.errors.JincError: study.yaml: seeds: is missing
    """
    try:
        yield
    except JincError as error:
        raise JincError(f"{where}: {error}") from None


class ToldElsewhere(JincError):
    """An error that another process of the run reports; this one only exits with its code."""

    def __init__(self, exit_code: int = JincError.exit_code) -> None:
        super().__init__()
        self.exit_code = exit_code


def unknown(said: str, word: str, words: Iterable[str]) -> JincError:
    """Make the error for an unknown word: what is wrong, and the nearest known word or a list.

    Args:
        said: what is wrong, such as `sampler: 'dimm' is unknown`.
        word: the unknown word.
        words: the known ones.

    >>> print(unknown("sampler: 'dimm' is unknown", "dimm", ["ddim", "ddpm"]))
    sampler: 'dimm' is unknown; did you mean ddim?
    >>> print(unknown("sampler: 'x' is unknown", "x", ["ddim", "ddpm"]))
    sampler: 'x' is unknown; there are ddim, ddpm
    """
    known = [str(each) for each in words]
    listed = known[:SHOWN] + ["…"] * (len(known) > SHOWN)
    return JincError(f"{said}; {nearest(word, known) or 'there are ' + ', '.join(listed)}")


def nearest(word: str, words: Iterable[str]) -> str:
    """Suggest the nearest of known words, ignoring case; "" if none is near.

    >>> nearest("DIMM", ["ddim", "ddpm"]), nearest("x", ["ddim", "ddpm"])
    ('did you mean ddim?', '')
    """
    folded = {each.casefold(): each for each in words}
    near = get_close_matches(str(word).casefold(), folded, 1)
    return f"did you mean {folded[near[0]]}?" if near else ""


def is_of_memory(error: Exception) -> bool:
    """Whether memory is exhausted, here or on a device, without importing torch."""
    words = ("can't allocate memory", "out of memory")
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or any(word in str(error) for word in words)


def check_launched() -> None:
    """Check the environment variables of torchrun, which others set too."""
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        word = os.environ.get(name, "1")
        if not (word.isascii() and word.isdecimal() and len(word) < 7):
            said = f"{name}: {word[:20]!r} in the environment is no number"
            raise JincError(f"{said}; unset it, or start processes by torchrun")


def is_first_on_node() -> bool:
    """Whether this is the first process of torchrun on this node."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


@contextmanager
def told_once() -> Iterator[None]:
    """Of torchrun's processes that all fail alike, let one on each node report why."""
    try:
        yield
    except Exception as error:
        if is_first_on_node():
            raise
        raise ToldElsewhere from error
