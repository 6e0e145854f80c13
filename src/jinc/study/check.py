"""Checks of a whole study before anything is trained or written."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from jinc.data import ImageSet, Summary
from jinc.errors import JincError, naming
from jinc.metrics import ScoreKind, check_scores, open_extractor
from jinc.metrics.features.features import images_digest
from jinc.models import SamplingPlan
from jinc.study.folder import StudyFolder
from jinc.study.plan import Cell, Study
from jinc.study.scored import CellScores
from jinc.study.table import make_table
from jinc.study.work import check_measurable, real_images
from jinc.train import READING, TrainConfig, check_settings, load_data


def check_study(study: Study, folder: StudyFolder) -> list[Summary]:
    """Read the data, open the feature networks and build the networks of all unfinished cells.

    Returns:
        A summary of each data set with unfinished cells.

    Raises:
        JincError: one of them fails, or unfinished cells would not be comparable with finished
            ones.
    """
    make_table(study, folder)  # reads all scores
    done = [cell for cell in study.cells if folder.scores(cell).is_file()]
    scored = {cell.data: folder.scores(cell) for cell in reversed(done)}
    check, read = _Check(folder.allow_torchscript), dict[str, Summary]()
    for data in dict.fromkeys(cell.data for cell in study.cells):
        check.one_real_set([cell for cell in study.cells if cell.data == data])
    for cell in (cell for unit in folder.open_units(study) for cell in unit):
        with naming(f"{cell.data} {cell.variant}"):
            check.network(replace(cell.config, seed=0, device="auto"))
            if cell.data not in read:
                read[cell.data] = check.data(data_settings(cell.config)).summary()
            check.measurable(_alike(cell))
            if folder.scores(cell).is_file():
                continue
            features, alike = cell.scoring.features, _alike(cell)
            check.scores(features, alike, cell.sampling.number, cell.scoring.kinds)
            if cell.data in scored:
                facts, real = check.extractor(features).facts, check.digest(alike)
                known = CellScores.read(scored[cell.data])
                known.check_comparable(facts, real, "this would be")
    return list(read.values())


def data_settings(config: TrainConfig) -> TrainConfig:
    """Return the settings of how data are read, all others at their defaults."""
    return TrainConfig(**{name: getattr(config, name) for name in ("data", *READING)})


class _Check:
    """Checks each combination once."""

    def __init__(self, allow_torchscript: bool) -> None:
        self.data = lru_cache(1)(load_data)  # cells of one set stand together
        self.network = lru_cache(None)(self._network)
        self.extractor = lru_cache(None)(
            partial(open_extractor, allow_torchscript=allow_torchscript)
        )
        self.real = lru_cache(None)(self._real)
        self.digest = lru_cache(None)(self._digest)
        self.scores = lru_cache(None)(self._scores)
        self.measurable = lru_cache(None)(self._measurable)

    def one_real_set(self, cells: Sequence[Cell]) -> None:
        """Refuse variants of a data set that would be scored against different real images."""
        kinds = {_alike(cell): cell for cell in reversed(cells)}
        if len(kinds) == 1:
            return
        first = cells[0]
        for alike, cell in kinds.items():
            with naming(f"{cell.data} {cell.variant}"):
                if self.digest(alike) != self.digest(_alike(first)):
                    raise JincError(
                        f"would be scored against other real images than {first.variant}; all "
                        "variants of a data set need the same split, image_size, channels, "
                        "resize_filter and skip_first"
                    )

    def _network(self, config: TrainConfig) -> None:
        check_settings(config, self.data(data_settings(config)))

    def _real(self, cell: Cell) -> ImageSet:
        return real_images(cell, self.data(cell.config))

    def _digest(self, cell: Cell) -> str:
        return images_digest(self.real(cell))

    def _measurable(self, cell: Cell) -> None:
        check_measurable(cell, self.data(data_settings(cell.config)))

    def _scores(self, features: str, cell: Cell, number: int, kinds: tuple[ScoreKind, ...]) -> None:
        check_scores(self.extractor(features), self.real(cell), number, kinds)


def _alike(cell: Cell) -> Cell:
    """Return a cell that is equal for all cells with the same real images."""
    bare = replace(cell.scoring, features="", kinds=())
    trained = replace(data_settings(cell.config), conditional=cell.config.conditional)
    return Cell(cell.data, cell.source, "", 0, trained, SamplingPlan(), bare, cell.equivariance)
