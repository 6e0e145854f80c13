"""What a study was made of, as it is kept in its folder beside the results."""

from pathlib import Path

from jinc.documents import MOST_BYTES_OF_YAML, read_object
from jinc.files import reading


def kept_study(folder: Path) -> str:
    """Read the study itself, as a text; an empty one where there is no copy of it.

    Raises:
        JincError: it cannot be read.
    """
    file = folder / "study.yaml"
    if not file.is_file():
        return ""
    with reading(file) as opened:
        return opened.read(MOST_BYTES_OF_YAML).decode(errors="replace")


def kept_places(folder: Path) -> dict[str, str]:
    """Read the places that the study was given, by their names; none where that was not kept.

    Raises:
        JincError: they cannot be read.
    """
    file = folder / "places.json"
    found = read_object(file) if file.is_file() else {}
    return {name: str(place) for name, place in found.items()}
