"""Bundled models by their names, which stand for folders wherever a run or model is expected."""

import warnings
from pathlib import Path

from jinc.errors import JincError, unknown

_HERE = Path(__file__).parent


def bundled_folders() -> dict[str, Path]:
    """Return the folder of every bundled model by its name."""
    return {card.parent.name: card.parent for card in sorted(_HERE.glob("*/README.md"))}


def is_bundled(folder: Path) -> bool:
    """Whether a folder is that of a bundled model."""
    return folder in bundled_folders().values()


def located(source: str | Path) -> Path:
    """Return the folder of a bundled model by its name; another source is a path of its own.

    Something of that name in the working folder has precedence, with a warning.
    """
    place = Path(source)
    folder = bundled_folders().get(str(source))
    if folder is None:
        return place
    if not place.exists():
        return folder
    warnings.warn(
        f"{source}: is read from the working folder; move it away to use the bundled model of that "
        "name",
        stacklevel=1,  # one place, so that it is said once
    )
    return place


def no_model(source: str | Path) -> JincError:
    """Make the error for a source that does not exist, with the nearest bundled models."""
    return unknown(f"{source}: no such run or model folder", Path(source).name, bundled_folders())
