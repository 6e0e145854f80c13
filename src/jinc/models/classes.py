"""Classes by their names."""

from collections.abc import Sequence

from jinc.errors import JincError, unknown
from jinc.nn import NO_CLASS


def label_of(prompt: str, names: Sequence[str]) -> int:
    """Return the label that a prompt means.

    Args:
        prompt: the name of a class, its number where names are not numbers, or "" for no class.
        names: of the classes that there are.

    Raises:
        JincError: it is neither; the message says which name is near.

    >>> label_of("cat", ["dog", "cat"]), label_of("0", ["dog", "cat"]), label_of("", ["dog"])
    (1, 0, -1)
    >>> label_of("5", ["1", "5"])
    1
    """
    if not prompt:
        return NO_CLASS
    if prompt in names:
        return names.index(prompt)
    if not names:
        raise JincError(f"prompt: {prompt!r} to a model that was trained without classes")
    numbered = any(map(str.isdecimal, names))  # then a number is a name, or wrong
    if prompt.isdecimal() and not numbered and int(prompt) < len(names):
        return int(prompt)
    raise unknown(f"prompt: {prompt!r} is no class of this model", prompt, names)
