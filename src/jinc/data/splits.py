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
"""What splits are called."""

_FILLERS = {"set", "data", "dataset", "split", "image", "images", "img", "imgs", "seg"}


def check_split(split: str) -> None:
    """Check the name of a split.

    Args:
        split: "train", "val", "test" or "all".

    Raises:
        JincError: it is none of them.
    """
    if split not in SPLITS:
        raise JincError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")


def split_of(folder: str) -> str | None:
    """Tell which split a folder holds by its name, in any usual spelling.

    Args:
        folder: the name.

    Returns:
        "train", "val" or "test"; None for other names.

    >>> [split_of(name) for name in ("Training_Set", "val2017", "dev", "train_station", "train2")]
    ['train', 'val', 'val', None, None]
    """
    words = re.findall(r"[^\W\d_]+|\d+", folder.casefold())
    years = {word for word in words if re.fullmatch("(19|20)[0-9]{2}", word)}
    rest = [word for word in words if word not in _FILLERS | years]
    return SPLIT_WORDS.get(rest[0]) if len(rest) == 1 else None


def resembles_split(folder: str) -> bool:
    """Tell whether a name has a word for a split in it, alone or with one letter behind it.

    >>> [resembles_split(name) for name in ("01_train", "testA", "Train_2", "trainer", "a/0.png")]
    [True, True, True, False, False]
    """
    words = re.findall(r"[a-z]+", folder.casefold())
    return any(word in SPLIT_WORDS or word[:-1] in SPLIT_WORDS for word in words)


def split_folders(folders: Iterable[str], source: str | Path) -> dict[str, str]:
    """Find the folders that divide a set.

    Names of splits count where train is one of several splits, or where no other folder has images:
    else a folder called train or test can be a class.

    Args:
        folders: the folders with images; "" stands for images that lie in none.
        source: what to name in an error.

    Returns:
        Split to folder; empty for a set that is not divided.

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
    """Pick the parts of a source that belong to a split.

    Args:
        parts: "train", "val" and "test", those that there are, to their parts.
        split: "train", "val", "test" or "all"; "all" is what there is, in this order.
        source: what to name in an error.

    Returns:
        The parts in order.

    Raises:
        JincError: the split is not there.

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
