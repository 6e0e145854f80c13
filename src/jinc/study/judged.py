"""Who judged the images of a data set, on which real ones, and how many there were."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinc.errors import JincError
from jinc.metrics import ExtractorFacts
from jinc.study.scored import Scored


@dataclass(frozen=True)
class Judged:
    """What all figures of a data set depend on alike.

    Args:
        data: name of the set.
        extractor: who judged.
        real: name of the real images.
        split: which part of them.
        real_images: how many.
        real_sha256: of them.
        generated: how many images of each network; several where cells differ.
    """

    data: str
    extractor: ExtractorFacts
    real: str
    split: str
    real_images: int
    real_sha256: str
    generated: tuple[int, ...]

    def words(self) -> str:
        """Say it in a line."""
        counts = " or ".join(f"{count:,}" for count in self.generated)
        return (
            f"{self.data}: {counts} generated images of each network against {self.real_images:,} "
            f"of {self.real}, {self.split}, judged by {self.extractor.words()}"
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


def judged(data: str, split: str, scored: Sequence[Scored]) -> Judged:
    """Find out who judged a data set.

    Args:
        data: its name.
        split: of the real images, as the study has it.
        scored: of its cells, one at least.

    Raises:
        JincError: not all cells were judged alike.
    """
    first = scored[0]
    for other in scored[1:]:
        refuse_another(first, other.extractor, str(other.real["sha256"]), f"{other.file} is")
    real = first.real
    counts = tuple(sorted({each.generated for each in scored}))
    known = str(real["name"]), split, int(real["images"]), str(real["sha256"])
    return Judged(data, first.extractor, *known, counts)


def refuse_another(scored: Scored, extractor: ExtractorFacts, real: str, told: str) -> None:
    """Refuse to put figures side by side that another judge, or other real images, have made.

    Args:
        scored: of one cell.
        extractor: who judges another.
        real: SHA-256 of the real images there.
        told: what this other is, and is to be said of it, such as `cells/b/scores.json is`.

    Raises:
        JincError: they are not the same.
    """
    do = "delete the scores.json of one of both, and run the study again"
    if extractor != scored.extractor:
        mine, others = scored.extractor.words(), extractor.words()
        raise JincError(f"{scored.file}: is by {mine}, but {told} by {others}; {do}")
    if real != scored.real["sha256"]:
        mine = scored.real["sha256"]
        others = f"against real images {mine[:8]}, but {told} against {real[:8]}"
        raise JincError(f"{scored.file}: is {others}; {do}")
