"""The scores of cells, checked when they are read, and what the scores of a data set share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.metrics import ExtractorFacts

MEASURED = "equivariance"
"""Key of the measured figures of a network in its scores."""


@dataclass(frozen=True)
class CellScore:
    """A score of a cell, or another figure of its network.

    Args:
        name: shown in tables.
        value: None if it is not a number.
        lower_is_better: or higher.
        group: the table that it belongs to; "" for scores.
        floor: the figure of an exactly equivariant denoiser; None if there is none.
    """

    name: str
    value: float | None
    lower_is_better: bool
    group: str = ""
    floor: float | None = None


@dataclass(frozen=True)
class CellScores:
    """All scores of a cell.

    Args:
        file: where they are stored.
        scores: by kind; `loss` is the mean training loss near the end.
        measured: figures of its network by kind; empty until they are measured.
        extractor: of the features.
        real: name, number and SHA-256 of the real images.
        generated: number of generated images.
    """

    file: Path
    scores: Mapping[str, CellScore]
    measured: Mapping[str, CellScore]
    extractor: ExtractorFacts
    real: Mapping[str, Any]
    generated: int

    @property
    def figures(self) -> Mapping[str, CellScore]:
        """Scores and measured figures."""
        return {**self.scores, **self.measured}

    @classmethod
    def read(cls, file: Path, settings: Mapping[str, Any] | None = None) -> "CellScores":
        """Read the scores of a cell, and what was measured with some settings."""
        found = read_object(file)
        measured = found.get(MEASURED, {})
        try:
            loss = CellScore("loss of training", _finite(found["loss"]), True)
            own = measured["figures"] if measured and measured["settings"] == settings else {}
            return cls(
                file,
                _scores(found["scores"]) | ({} if loss.value is None else {"loss": loss}),
                _scores(own),
                ExtractorFacts.read(found["extractor"]),
                {name: found["real"][name] for name in ("name", "images", "sha256")},
                int(found["generated"]["images"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError):
            raise JincError(
                f"{file}: is not what jinc study writes; delete it, and run the study again"
            ) from None

    def check_comparable(self, extractor: ExtractorFacts, real: str, other: str) -> None:
        """Check that other scores have the same feature network and real images.

        Args:
            extractor: of the others.
            real: SHA-256 of the real images of the others.
            other: subject of the error, such as `cells/b/scores.json is`.
        """
        remedy = "delete one of the two scores.json, and run the study again"
        if extractor != self.extractor:
            own, others = self.extractor.words(), extractor.words()
            raise JincError(f"{self.file}: is by {own}, but {other} by {others}; {remedy}")
        if real != self.real["sha256"]:
            own = self.real["sha256"][:8]
            others = f"against real images {own}, but {other} against {real[:8]}"
            raise JincError(f"{self.file}: is {others}; {remedy}")


@dataclass(frozen=True)
class Protocol:
    """How all scores of a data set were computed.

    Args:
        data: name of the data set.
        extractor: of the features.
        real: name of the real images.
        split: of the real images.
        real_images: their number.
        real_sha256: their digest.
        generated: number of generated images per network; several numbers if cells differ.
    """

    data: str
    extractor: ExtractorFacts
    real: str
    split: str
    real_images: int
    real_sha256: str
    generated: tuple[int, ...]

    @classmethod
    def of(cls, data: str, split: str, scored: Sequence[CellScores]) -> "Protocol":
        """Find the protocol of the cells of a data set, at least one.

        Raises:
            JincError: their feature networks or real images differ.
        """
        first = scored[0]
        for other in scored[1:]:
            first.check_comparable(other.extractor, str(other.real["sha256"]), f"{other.file} is")
        real = first.real
        counts = tuple(sorted({each.generated for each in scored}))
        known = str(real["name"]), split, int(real["images"]), str(real["sha256"])
        return cls(data, first.extractor, *known, counts)

    def words(self) -> str:
        """Describe it in a line."""
        counts = " or ".join(f"{count:,}" for count in self.generated)
        return (
            f"{self.data}: {counts} generated images of each network against {self.real_images:,} "
            f"of {self.real}, {self.split}; features: {self.extractor.words()}"
        )

    def facts(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "data": self.data,
            "words": self.words(),
            "extractor": self.extractor.name,
            "weights": self.extractor.weights,
            "real": {"name": self.real, "split": self.split, "images": self.real_images}
            | {"sha256": self.real_sha256},
            "generated": list(self.generated),
        }


def _scores(found: Mapping[str, Mapping[str, Any]]) -> dict[str, CellScore]:
    return {
        str(kind): CellScore(
            str(each["name"]),
            _finite(each["value"]),
            bool(each["lower_is_better"]),
            str(each.get("group", "")),
            _finite(each.get("floor")),
        )
        for kind, each in found.items()
    }


def _finite(value: Any) -> float | None:
    if value is None:
        return None
    figure = float(value)
    if not math.isfinite(figure):
        raise ValueError
    return figure
