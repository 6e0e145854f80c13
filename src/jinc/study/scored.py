"""The scores of a cell as they lie in its folder, checked before anything is made of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.metrics import ExtractorFacts


@dataclass(frozen=True)
class OneScore:
    """A score of one cell.

    Args:
        name: what it may be called.
        value: the figure; None where it is no number.
        lower_is_better: or higher.
    """

    name: str
    value: float | None
    lower_is_better: bool


@dataclass(frozen=True)
class Scored:
    """What was found out about the images of one cell.

    Args:
        file: where it is written.
        scores: by kind.
        loss: of training, towards its end; None where there was none.
        extractor: who judged.
        real: name, number and SHA-256 of the real images.
        generated: how many images were generated.
    """

    file: Path
    scores: Mapping[str, OneScore]
    loss: float | None
    extractor: ExtractorFacts
    real: Mapping[str, Any]
    generated: int


def read_scored(file: Path) -> Scored:
    """Read the scores of a cell.

    Raises:
        JincError: they cannot be read, or something is missing in them.
    """
    found = read_object(file)
    try:
        return Scored(
            file,
            {str(kind): _score(each) for kind, each in found["scores"].items()},
            _figure(found["loss"]),
            ExtractorFacts.read(found["extractor"]),
            {name: found["real"][name] for name in ("name", "images", "sha256")},
            int(found["generated"]["images"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise JincError(
            f"{file}: is not what jinc study writes; delete it, and run the study again"
        ) from None


def _score(found: Mapping[str, Any]) -> OneScore:
    return OneScore(str(found["name"]), _figure(found["value"]), bool(found["lower_is_better"]))


def _figure(value: Any) -> float | None:
    if value is None:
        return None
    figure = float(value)
    if not math.isfinite(figure):
        raise ValueError
    return figure
