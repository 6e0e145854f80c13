"""What a study was made of, as it is kept in its folder beside the results."""

from pathlib import Path

from jinc.errors import JincError
from jinc.files import one_line
from jinc.report.pages.found import read_facts


def kept_study(folder: Path) -> str:
    """Read the study itself, as a text; an empty one where there is no copy of it.

    Raises:
        JincError: it cannot be read.
    """
    file = folder / "study.yaml"
    try:
        return file.read_text(encoding="utf-8") if file.is_file() else ""
    except (OSError, ValueError) as error:
        raise JincError(f"{file}: {one_line(error)}") from None


def kept_places(folder: Path) -> dict[str, str]:
    """Read the places that the study was given, by their names; none where that was not kept.

    Raises:
        JincError: they cannot be read.
    """
    file = folder / "places.json"
    found = read_facts(file) if file.is_file() else {}
    return {name: str(place) for name, place in found.items()}
