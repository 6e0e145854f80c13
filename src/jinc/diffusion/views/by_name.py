"""Views by name: `rotate 37 then hflip`."""

import inspect
import math
from collections.abc import Callable
from functools import reduce

from jinc.diffusion.views.permutations import (
    inner_circle,
    patch_permutation,
    pixel_permutation,
    skew,
    square_hinge,
)
from jinc.diffusion.views.plain import (
    fourier_shift,
    hflip,
    identity,
    negate,
    quarter_turns,
    rotation,
    vflip,
)
from jinc.diffusion.views.puzzle import puzzle
from jinc.diffusion.views.view import View
from jinc.errors import JincError, unknown


def _rotate(degrees: float) -> View:
    return rotation(math.radians(degrees))


VIEWS: dict[str, Callable[..., View]] = {
    "identity": identity,
    "hflip": hflip,
    "vflip": vflip,
    "quarter_turns": quarter_turns,
    "rotate": _rotate,
    "shift": fourier_shift,
    "negate": negate,
    "pixel_permutation": pixel_permutation,
    "patch_permutation": patch_permutation,
    "puzzle": puzzle,
    "skew": skew,
    "inner_circle": inner_circle,
    "square_hinge": square_hinge,
}
"""Names of views; the numbers that follow are the arguments of the constructor, in order."""

MOST_WORDS = 100
"""Largest number of words in a name; each view takes time at every step."""

_FORMER = {"jigsaw": "puzzle"}
"""Names in files of earlier versions, and their present names."""


def view_by_name(name: str) -> View:
    """Parse the name of a view.

    Args:
        name: a word of `VIEWS` and its numbers, separated by spaces; trailing numbers with defaults
            may be omitted. `undo` before a view inverts it, and `then` composes views. Angles are
            in degrees.

    Returns:
        A view whose `name` parses to an equal view.

    Raises:
        JincError: an unknown word, the wrong numbers, or more than 100 words.

    >>> view_by_name("rotate 37 then undo puzzle 4").name
    'rotate 37 then undo puzzle 4 0'
    """
    words = name.split()
    if len(words) > MOST_WORDS:
        raise JincError(f"view: a name has {MOST_WORDS} words at most, got {len(words):,}")
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "then":
            parts.append([])
        else:
            parts[-1].append(word)
    first, *rest = map(_one, parts)
    return reduce(View.then, rest, first)


def _one(words: list[str]) -> View:
    """Parse a name without `then`."""
    if words[:1] == ["undo"]:
        return _one(words[1:]).inverted
    if not words:
        raise JincError(f"view: a name is missing; there are {', '.join(VIEWS)}")
    word, *numbers = _FORMER.get(words[0], words[0]), *words[1:]
    if word not in VIEWS:
        raise unknown(f"no view is called '{word}'", word, VIEWS)
    return VIEWS[word](*_numbers(word, numbers))


def _numbers(word: str, texts: list[str]) -> list[float]:
    """Parse the arguments of a view."""
    takes = list(inspect.signature(VIEWS[word]).parameters.values())
    needed = sum(number.default is inspect.Parameter.empty for number in takes)
    if not needed <= len(texts) <= len(takes):
        numbers = ", ".join(number.name for number in takes) or "no numbers"
        raise JincError(f"view {word}: takes {numbers}, got {len(texts)} numbers")
    return [_number(word, *pair) for pair in zip(takes, texts, strict=False)]


def _number(word: str, number: inspect.Parameter, text: str) -> float:
    kind = int if number.annotation is int else float
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise JincError(f"view {word}: {number.name} must be {what}, got '{text}'") from None
