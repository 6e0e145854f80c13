"""Train, validation, test or all of a set."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args

from jinc.errors import JincError

T = TypeVar("T")
Split: TypeAlias = Literal["train", "val", "test", "all"]
SPLITS: tuple[str, ...] = get_args(Split)
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trn", "trainset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "valset", "devset"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation", "testset"), "test"),
}
"""Usual names of splits."""

_FILLERS = {"set", "data", "dataset", "split", "image", "images", "img", "imgs", "seg"}


def check_split(split: str) -> None:
    """Raise a JincError unless a split is "train", "val", "test" or "all"."""
    if split not in SPLITS:
        raise JincError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")


def split_of(folder: str) -> str | None:
    """Return the split that a folder's name means, in any usual spelling, or None.

    >>> [split_of(name) for name in ("Training_Set", "val2017", "dev", "train_station", "train2")]
    ['train', 'val', 'val', None, None]
    """
    words = re.findall(r"[^\W\d_]+|\d+", folder.casefold())
    years = {word for word in words if re.fullmatch("(19|20)[0-9]{2}", word)}
    rest = [word for word in words if word not in _FILLERS | years]
    return SPLIT_WORDS.get(rest[0]) if len(rest) == 1 else None


def resembles_split(folder: str) -> bool:
    """Whether a name contains a word for a split, alone or followed by one letter.

    >>> [resembles_split(name) for name in ("01_train", "testA", "Train_2", "trainer", "a/0.png")]
    [True, True, True, False, False]
    """
    words = re.findall(r"[a-z]+", folder.casefold())
    return any(word in SPLIT_WORDS or word[:-1] in SPLIT_WORDS for word in words)


def split_folders(folders: Iterable[str], source: str | Path) -> dict[str, str]:
    """Find the folders that are splits of a set.

    They are if train is one of several splits, or if no other folder has images; otherwise a folder
    called train or test can be a class.

    Args:
        folders: the folders with images; "" stands for images outside of folders.
        source: of the set, for errors.

    Returns:
        Split to folder; empty for an undivided set.

    Raises:
        JincError: two folders are of one split.
    """
    named = [(split, name) for name in folders if (split := split_of(name))]
    found = dict(named)
    if not ("train" in found and len(found) > 1) and any(
        split_of(name) is None for name in folders
    ):
        return {}
    if len(found) < len(named):
        names = " and ".join(name for _, name in named)
        raise JincError(f"{source}: {names:.100} are splits, two of them alike; rename one of them")
    return {split: found[split] for split in SPLITS if split in found}


def pick_split(parts: Mapping[str, Sequence[T]], split: str, source: str | Path) -> list[T]:
    """Return the parts of a source that belong to a split.

    Args:
        parts: by split, "train", "val" and "test".
        split: "train", "val", "test" or "all", which is all parts in this order.
        source: for errors.

    Raises:
        JincError: the split is missing.

    >>> pick_split({"train": [1, 2], "test": [3]}, "all", "numbers")
    [1, 2, 3]
    """
    check_split(split)
    wanted = SPLITS[:-1] if split == "all" else (split,)
    picked = [part for name in wanted for part in parts.get(name, ())]
    if not picked:
        there = " and ".join(name for name in SPLITS if parts.get(name))
        raise JincError(f"{source}: there is no {split} split here, only {there}")
    return picked
