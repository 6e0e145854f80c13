"""Several numbers in one option: `-90:90:9`, `0,45,90`, or one number."""

import math

from jinc.errors import JincError

MOST = 10_000
"""Numbers in one option."""

LARGEST = 1_000_000
"""No number is larger, of degrees or of pixels: beyond, their fractions drown in rounding."""


def parse_span(option: str, text: str) -> list[float]:
    """Read `start:stop:count`, with both ends; numbers with commas between them; or one number.

    Args:
        option: what to name in an error.
        text: what the option was given.

    Returns:
        One number or more, none beyond `LARGEST`.

    Raises:
        JincError: it is none of these.

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
        reason = f"the count is to be a whole number from 1 to {MOST:,}, not {words[2]:.20}"
        raise JincError(f"{option}: {text!r}: {reason}")
    if count == 1 and start != stop:
        raise JincError(f"{option}: {text!r}: 1 number cannot be both ends; the last is a count")
    return [*(start + (stop - start) * k / (count - 1) for k in range(count - 1)), stop]


def pair_spans(named: dict[str, list[float]]) -> dict[str, list[float]]:
    """Let spans go along with one another; one number stays while the others go.

    Args:
        named: the numbers of each option.

    Returns:
        The same, all as long as the longest.

    Raises:
        JincError: several numbers of one option, and as many of another that is not as long.

    >>> pair_spans({"--down": [0.5], "--right": [0.0, 1.0]})
    {'--down': [0.5, 0.5], '--right': [0.0, 1.0]}
    """
    longest = max(len(numbers) for numbers in named.values())
    if any(len(numbers) not in (1, longest) for numbers in named.values()):
        counts = ", ".join(f"{option} has {len(numbers)}" for option, numbers in named.items())
        raise JincError(f"{counts} numbers: take as many, or one that is held")
    return {
        option: numbers * longest if len(numbers) == 1 else numbers
        for option, numbers in named.items()
    }


def _number(option: str, text: str, word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        wrong = f"{word.strip()[:20]!r} in {text!r}"
        raise JincError(f"{option}: {wrong} is not a number up to {LARGEST:,}")
    return number
