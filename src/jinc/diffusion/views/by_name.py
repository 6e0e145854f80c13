"""From words to views, as a person types them: `rotate 37 then hflip`."""

import inspect
import math
from collections.abc import Callable

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
"""Words for views; each takes the numbers that its maker takes, in that order."""

MOST_WORDS = 100
"""Of a name: each view costs time in every step, and each `undo` a call within a call."""

_FORMER = {"jigsaw": "puzzle"}
"""Words that earlier versions wrote into files, and what they are called now."""


def view_by_name(name: str) -> View:
    """Read a view from its name.

    Args:
        name: a word of `VIEWS`, and the numbers it takes, with blanks between; the last of them may
            be left out where they have a usual value. `undo` before a view is its inverse, and
            `then` joins views. Angles are degrees.

    Returns:
        a view whose `name` is read as an equal view again.

    Raises:
        JincError: an unknown word, numbers that it does not take, or more than 100 words.

    >>> view_by_name("rotate 37 then undo puzzle 4").name
    'rotate 37 then undo puzzle 4 0'
    """
    words = name.split()
    if len(words) > MOST_WORDS:
        raise JincError(f"view: a name has {MOST_WORDS} words at most, got {len(words):,}")
    first, *rest = [_one(part) for part in _split(words)]
    for view in rest:
        first = first.then(view)
    return first


def _split(words: list[str]) -> list[list[str]]:
    """Cut at every `then`."""
    pieces: list[list[str]] = [[]]
    for word in words:
        if word == "then":
            pieces.append([])
        else:
            pieces[-1].append(word)
    return pieces


def _one(words: list[str]) -> View:
    """A view without `then` in its name."""
    if words[:1] == ["undo"]:
        return _one(words[1:]).inverted
    if not words:
        raise JincError(f"view: a name is missing; there are {', '.join(VIEWS)}")
    word, *numbers = _FORMER.get(words[0], words[0]), *words[1:]
    if word not in VIEWS:
        raise unknown(f"no view is called '{word}'", word, VIEWS)
    return VIEWS[word](*_numbers(word, numbers))


def _numbers(word: str, texts: list[str]) -> list[float]:
    """What a view's maker is given."""
    takes = list(inspect.signature(VIEWS[word]).parameters.values())
    needed = sum(number.default is inspect.Parameter.empty for number in takes)
    if not needed <= len(texts) <= len(takes):
        numbers = ", ".join(number.name for number in takes) or "no numbers"
        raise JincError(f"view {word}: takes {numbers}, got {len(texts)} numbers")
    return [_number(word, *pair) for pair in zip(takes, texts, strict=False)]


def _number(word: str, number: inspect.Parameter, text: str) -> float:
    """One of them; a whole number where one is asked for."""
    kind = int if number.annotation is int else float
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise JincError(f"view {word}: {number.name} must be {what}, got '{text}'") from None
