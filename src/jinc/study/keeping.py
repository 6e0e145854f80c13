"""What a study keeps in its folder beside its cells: itself, the places it was given, its table."""

from pathlib import Path

from jinc.documents import read_object, read_yaml
from jinc.errors import JincError
from jinc.files import write_json, writing
from jinc.study.plan import Study
from jinc.study.table import Table
from jinc.study.words import as_markdown
from jinc.study.work import Places

STUDY, PLACES, TABLE = "study.yaml", "places.json", "table.json"


def kept_places(folder: Path) -> dict[str, str]:
    """Read which places a study was given when it was run last; none where it was not.

    Raises:
        JincError: that cannot be read.
    """
    file = folder / PLACES
    if not file.is_file():
        return {}
    return {name: str(place) for name, place in read_object(file).items()}


def keep_study(study: Study, file: Path, places: Places) -> None:
    """Copy a study into its folder, and write down the places it was given."""
    with writing(places.folder / STUDY) as copy:
        copy.write(file.read_bytes())
    write_json(places.folder / PLACES, study.places)


def keep_table(table: Table, places: Places) -> None:
    """Write a table for machines and for documents."""
    write_json(places.folder / TABLE, table.facts())
    with writing(places.folder / "table.md") as out:
        out.write(as_markdown(table).encode())


def kept_name(folder: Path) -> str | None:
    """Return the name of the study whose table is in a folder; None where there is none."""
    try:
        return str(read_object(folder / TABLE)["name"])
    except (JincError, KeyError):
        return None


def is_kept(file: Path, places: Places) -> bool:
    """Tell whether a folder is that of this study, and not of another or of an older form of it."""
    kept = places.folder / STUDY
    return kept.is_file() and read_yaml(kept) == read_yaml(file)


def refuse_loss(study: Study, file: Path, places: Places) -> None:
    """Refuse to put a table in the place of a fuller one of the same study.

    Data or judges at other places make other cells, which those that are there do not fill.

    Raises:
        JincError: that would be so.
    """
    if not is_kept(file, places):
        return
    there = _filled(places.folder / TABLE, study)
    filled = sum(places.scores(cell).is_file() for cell in study.cells)
    if filled < there:
        raise JincError(
            f"{places.folder}: its table has {there} cells, which were made with data or judges at "
            f"other places; here there would be {filled}; give those places, or take another --out"
        )


def _filled(file: Path, study: Study) -> int:
    """Count the cells of a table, if they are others than a study has."""
    try:
        found = read_object(file)
        cells, missing = {*map(str, found["cells"])}, len(found["missing"])
    except (JincError, KeyError, TypeError):
        return 0
    return 0 if cells == {cell.folder_name for cell in study.cells} else len(cells) - missing
