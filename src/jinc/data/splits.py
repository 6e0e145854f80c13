"""Train, test or all of a set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from jinc.errors import JincError

T = TypeVar("T")
SPLITS = ("train", "test", "all")


def check_split(split: str) -> None:
    """Check the name of a split.

    Args:
        split: "train", "test" or "all".

    Raises:
        JincError: it is none of them.
    """
    if split not in SPLITS:
        raise JincError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")


def pick_split(parts: Mapping[str, Sequence[T]], split: str, source: str | Path) -> list[T]:
    """Pick the parts of a source that belong to a split.

    Args:
        parts: "train" and "test", those that there are, to their parts.
        split: "train", "test" or "all"; "all" is what there is, train first.
        source: what to name in an error.

    Returns:
        The parts in order.

    Raises:
        JincError: the split is not there.

    >>> pick_split({"train": [1, 2], "test": [3]}, "all", "numbers")
    [1, 2, 3]
    """
    check_split(split)
    wanted = ("train", "test") if split == "all" else (split,)
    picked = [part for name in wanted for part in parts.get(name, ())]
    if not picked:
        there = " and ".join(sorted(parts, reverse=True))
        raise JincError(f"{source}: there is no {split} split here, only {there}")
    return picked
