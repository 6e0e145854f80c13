"""Numbers in options: spans such as `-90:90:9` or `0,45,90`, and noise levels such as `25%`."""

import math

from jinc.errors import JincError

MOST = 10_000
"""Most numbers in one option."""

LARGEST = 1_000_000
"""Most degrees or pixels; fractions of larger numbers are lost to rounding."""


def parse_span(option: str, text: str) -> list[float]:
    """Parse `start:stop:count` (both ends included), a list with commas, or one number.

    Args:
        option: its name, for errors.
        text: its value.

    Raises:
        JincError: it is none of these, or a number exceeds `LARGEST`.

    >>> parse_span("--angles", "-90:90:5")
    [-90.0, -45.0, 0.0, 45.0, 90.0]
    >>> parse_span("--angles", "0,30")
    [0.0, 30.0]
    """
    words, text = text.split(":"), f"{text:.40}"
    if len(words) == 1:
        return [_number(option, text, word) for word in text.split(",")]
    if len(words) != 3:
        raise JincError(f"{option}: {text!r} is not start:stop:count, such as -90:90:9")
    start, stop = (_number(option, text, word) for word in words[:2])
    count = int(words[2]) if words[2].isdecimal() and len(words[2]) < 10 else 0
    if not 1 <= count <= MOST:
        reason = f"count must be a whole number from 1 to {MOST:,}, not {words[2]:.20}"
        raise JincError(f"{option}: {text!r}: {reason}")
    if count == 1 and start != stop:
        raise JincError(f"{option}: {text!r}: a count of 1 cannot include both ends")
    return [*(start + (stop - start) * k / (count - 1) for k in range(count - 1)), stop]


def pair_spans(named: dict[str, list[float]]) -> dict[str, list[float]]:
    """Give all spans the same length by repeating single numbers.

    Args:
        named: the numbers of each option.

    Raises:
        JincError: spans of several numbers differ in length.

    >>> pair_spans({"--down": [0.5], "--right": [0.0, 1.0]})
    {'--down': [0.5, 0.5], '--right': [0.0, 1.0]}
    """
    longest = max(len(numbers) for numbers in named.values())
    if any(len(numbers) not in (1, longest) for numbers in named.values()):
        counts = ", ".join(f"{option} has {len(numbers)}" for option, numbers in named.items())
        raise JincError(f"{counts} numbers; give as many of each, or one")
    return {
        option: numbers * longest if len(numbers) == 1 else numbers
        for option, numbers in named.items()
    }


def parse_level(option: str, text: str, T: int) -> int:
    """Parse a noise level: a whole number t, or a share of T.

    Raises:
        JincError: it is neither, or outside the schedule.

    >>> [parse_level("--levels", text, 300) for text in ("250", "25%", "0.5")]
    [250, 75, 150]
    """
    number, percent, rest = text.partition("%")
    try:
        if rest:
            raise ValueError
        share = float(number) / (100 if percent else 1)
        t = round(share * T) if percent or "." in number else int(number)
    except (ValueError, OverflowError):
        raise JincError(
            f"{option}: {text!r} is not a noise level, such as 250, 25% or 0.25"
        ) from None
    if not 0 <= t < T:
        raise JincError(f"{option}: {text!r} is not from 0 to {T - 1}, the levels of this model")
    return t


def _number(option: str, text: str, word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        wrong = f"{word.strip()[:20]!r} in {text!r}"
        raise JincError(f"{option}: {wrong} is not a number up to {LARGEST:,}")
    return number
