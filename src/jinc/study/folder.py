"""The folder of a study: its runs and cells, the study itself, and its table."""

from dataclasses import dataclass
from pathlib import Path

from jinc.documents import read_object, read_yaml
from jinc.errors import JincError
from jinc.files import write_json, writing
from jinc.metrics import Extractor, open_extractor
from jinc.study.plan import Cell, Study, sampling_settings
from jinc.study.scored import CellScores


@dataclass(frozen=True)
class StudyFolder:
    """Where a study stores its files.

    Args:
        path: of the folder.
        allow_torchscript: run TorchScript programs that the study names as features.
    """

    path: Path
    allow_torchscript: bool = False

    def run(self, cell: Cell) -> Path:
        """The run of a cell's network."""
        return self.path / "runs" / cell.run_name

    def images(self, cell: Cell) -> Path:
        """The generated images of a cell."""
        return self.path / "cells" / cell.folder_name / "images"

    def scores(self, cell: Cell) -> Path:
        """The scores of a cell."""
        return self.path / "cells" / cell.folder_name / "scores.json"

    @property
    def table(self) -> Path:
        """The table, for machines."""
        return self.path / "table.json"

    @property
    def study(self) -> Path:
        """The copy of the study."""
        return self.path / "study.yaml"

    def extractor(self, cell: Cell) -> Extractor:
        """Open the extractor of a cell."""
        return open_extractor(cell.scoring.features, allow_torchscript=self.allow_torchscript)

    def is_finished(self, cell: Cell) -> bool:
        """Whether a cell is scored, and measured if the study says so."""
        if not self.scores(cell).is_file():
            return False
        return cell.equivariance is None or bool(self.read_scores(cell).measured)

    def read_scores(self, cell: Cell) -> CellScores:
        """Read the scores of a cell, with what was measured by the present settings."""
        plan = cell.equivariance
        settings = None if plan is None else sampling_settings(plan)
        return CellScores.read(self.scores(cell), settings)

    def open_units(self, study: Study) -> list[list[Cell]]:
        """Return the cells of every network with an unfinished one."""
        return [unit for unit in study.units() if not all(map(self.is_finished, unit))]

    def write_study(self, study: Study, file: Path) -> None:
        """Copy the file of a study, and record the paths that it was run with."""
        with writing(self.study) as copy:
            copy.write(file.read_bytes())
        write_json(self.path / "places.json", study.places)

    def places(self) -> dict[str, str]:
        """Read the paths that the study was run with last; empty if it was not."""
        file = self.path / "places.json"
        return {n: str(p) for n, p in read_object(file).items()} if file.is_file() else {}

    def name(self) -> str | None:
        """Return the name of the study whose table is here; None without a table."""
        try:
            return str(read_object(self.table)["name"])
        except (JincError, KeyError):
            return None

    def holds(self, file: Path) -> bool:
        """Whether the study of this folder has the same content as a file."""
        return self.study.is_file() and read_yaml(self.study) == read_yaml(file)

    def refuse_loss(self, study: Study, file: Path) -> None:
        """Refuse to replace the table by an emptier one of the same study, with other paths.

        Raises:
            JincError: other data or feature networks have filled more cells.
        """
        if not self.holds(file):
            return
        before = self._other_cells(study)
        filled = sum(map(self.is_finished, study.cells))
        if filled < before:
            raise JincError(
                f"{self.path}: its table has {before} cells by data or feature networks at other "
                f"paths, and {filled} by these; pass the same --place, or choose another --out"
            )

    def _other_cells(self, study: Study) -> int:
        """Count the filled cells of the table, if they are not those of a study."""
        try:
            found = read_object(self.table)
            cells, missing = {*map(str, found["cells"])}, len(found["missing"])
        except (JincError, KeyError, TypeError):
            return 0
        return 0 if cells == {cell.folder_name for cell in study.cells} else len(cells) - missing
