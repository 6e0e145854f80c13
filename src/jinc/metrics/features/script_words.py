"""A TorchScript file in a word: its path, and how images are brought to it."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinc.errors import JincError, unknown

SCRIPT = "torchscript:"


def read_script_word(word: str) -> tuple[Path, dict[str, Any]]:
    """Read what `open_torchscript` is to open, and how.

    Args:
        word: `torchscript:` and a path, perhaps with `?` and some of `channels=1`, `range=0,255`
            (what black and white become) and `size=299` (pixels a side, resized with
            antialiasing), joined by `&`.

    Returns:
        The path, and arguments of `open_torchscript`.

    Raises:
        JincError: an option is none of these, or no number.

    >>> read_script_word("torchscript:a.pt?channels=1&size=28")[1]
    {'channels': 1, 'image_size': (28, 28), 'resize': 'antialiased'}
    """
    whole = word.removeprefix(SCRIPT)
    path, _, options = whole.partition("?")
    if not options or Path(whole).exists():
        return Path(whole), {}
    found: dict[str, Any] = {}
    for key, value in parse_qsl(options, keep_blank_values=True):
        if key not in _OPTIONS:
            raise unknown(f"{whole}: {key!r} is no option", key, _OPTIONS)
        try:
            found |= _OPTIONS[key](value)
        except ValueError:
            raise JincError(f"{whole}: {key}: {value!r} is not as in {_EXAMPLES[key]}") from None
    return Path(path), found


def _range(value: str) -> dict[str, Any]:
    low, high = map(float, value.split(","))
    return {"low": low, "high": high}


def _size(value: str) -> dict[str, Any]:
    side = int(value)
    if side < 1:
        raise ValueError
    return {"image_size": (side, side), "resize": "antialiased"}


_OPTIONS = {
    "channels": lambda value: {"channels": int(value)},
    "range": _range,
    "size": _size,
}

_EXAMPLES = {"channels": "channels=1", "range": "range=0,255", "size": "size=299"}
