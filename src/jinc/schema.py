"""JSON files and values checked against the annotations of dataclasses."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from jinc.documents import MOST_BYTES, read_object
from jinc.errors import JincError, nearest

SHOWN = 60
"""Characters of a wrong value that an error shows."""

T = TypeVar("T")


def read_as(kind: type[T], file: Path, most_bytes: int = MOST_BYTES) -> T:
    """Read a JSON file as a dataclass; arguments and errors as of `read_json` and `build`."""
    return build(kind, read_object(file, most_bytes), str(file))


def build(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Make a dataclass from values by name, each checked against its field's annotation.

    Args:
        kind: the dataclass; fields with a default may be missing.
        values: as JSON has them: a list becomes a tuple.
        where: their source, for errors.

    Raises:
        JincError: a name is unknown or missing, or a value of another type; or by the dataclass.
    """
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if unknown := [name for name in values if name not in known]:
        raise JincError(f"{where}: {unknown_name(unknown[0], known)}")
    for name, field in known.items():
        if name not in values and field.default is field.default_factory is MISSING:
            raise JincError(f"{where}: {name} is missing")
    hints = get_type_hints(kind)
    ready = {name: _tuples(value) for name, value in values.items()}
    for name, value in ready.items():
        if not is_a(value, hints[name]):
            raise JincError(f"{where}: {name}: {shown(value)} is not {in_words(hints[name])}")
    try:
        return kind(**ready)
    except JincError as error:
        raise JincError(f"{where}: {error}") from None


def is_a(value: object, kind: Any) -> bool:
    """Whether a value matches an annotation.

    A whole number is also a float, true and false are no numbers, and numbers are finite.

    Args:
        value: any.
        kind: a class, `Any`, `Literal`, a union, or a tuple, `Sequence` or `Mapping` of these.

    >>> is_a((1, 2), tuple[int, int]), is_a(True, int), is_a(10**400, float), is_a(None, int | None)
    (True, False, False, True)
    """
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return abs(value) <= sys.float_info.max  # also of whole numbers that no float can hold
    if origin is Literal:
        return any(value == each and type(value) is type(each) for each in inner)
    if origin is tuple and inner[-1] is not Ellipsis:
        same = isinstance(value, tuple) and len(value) == len(inner)
        return same and all(map(is_a, value, inner))  # type: ignore[call-overload]
    if origin in (tuple, Sequence):
        return isinstance(value, tuple | list) and all(is_a(each, inner[0]) for each in value)
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(
            is_a(name, inner[0]) and is_a(each, inner[1]) for name, each in value.items()
        )
    if inner:  # a union
        return any(is_a(value, each) for each in inner)
    return type(value) is kind


def in_words(kind: Any) -> str:
    """Describe an annotation in words.

    >>> in_words(tuple[int, ...]), in_words(float | None), in_words(Literal["a", "b"])
    ('a list, each a whole number', 'a finite number or nothing', 'one of a, b')
    >>> in_words(tuple[int, str])
    'a list of 2: a whole number, a text'
    """
    names = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text"}
    origin, inner = get_origin(kind), get_args(kind)
    if kind in names:
        return names[kind]
    if kind is type(None):
        return "nothing"
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin is tuple and inner[-1] is not Ellipsis:
        return f"a list of {len(inner)}: " + ", ".join(map(in_words, inner))
    if origin in (tuple, Sequence):
        return f"a list, each {in_words(inner[0])}"
    if origin in (dict, Mapping):
        return "an object"
    return " or ".join(map(in_words, inner)) or getattr(kind, "__name__", str(kind))


def shown(value: object) -> str:
    """Show the beginning of a value in an error.

    >>> shown("a" * 100)[-5:], shown([1])
    ('aaaa…', '[1]')
    """
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**SHOWN else "a huge number"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Say that a name is unknown, and suggest the nearest."""
    hint = nearest(name, known) or "a newer version may have written it"
    return f"{shown(name)} is unknown; {hint}"


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
