"""Classes by their names."""

from collections.abc import Sequence

from jinc.errors import JincError, unknown
from jinc.nn import NO_CLASS


def label_of(prompt: str, names: Sequence[str]) -> int:
    """Return the label that a prompt means.

    Args:
        prompt: the name or the number of a class; "" for none.
        names: of the classes that there are.

    Raises:
        JincError: it is neither; the message says which name is near.

    >>> label_of("cat", ["dog", "cat"]), label_of("0", ["dog", "cat"]), label_of("", ["dog"])
    (1, 0, -1)
    """
    if not prompt:
        return NO_CLASS
    if prompt in names:
        return names.index(prompt)
    if not names:
        raise JincError(f"prompt: {prompt!r} to a model that was trained without classes")
    if prompt.isdecimal() and int(prompt) < len(names):
        return int(prompt)
    raise unknown(f"prompt: {prompt!r} is no class of this model", prompt, names)
