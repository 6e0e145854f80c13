"""Model cards: what a model was trained on, how, and how good it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinc.documents import read_front_matter
from jinc.errors import JincError, naming
from jinc.schema import build

CARD = "README.md"
"""The card in a model folder, as the Hugging Face Hub expects it."""


@dataclass(frozen=True)
class Score:
    """A measured score.

    Args:
        name: what was measured, and its unit.
        value: the score.
        error: its standard error.
    """

    name: str
    value: float
    error: float | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.value:g}" + ("" if self.error is None else f" ± {self.error:g}")


@dataclass(frozen=True)
class Card:
    """The card of a model.

    Args:
        about: what it generates.
        image_size: height and width of its images, px.
        channels: of its images.
        classes: names of its classes.
        parameters: of its network.
        trained_on: the training set.
        data_licence: of the training set.
        commands: how it was made.
        picture: name of a picture of its samples, in the same folder.
        license: of the weights, in the Hub's spelling.
        scores: how good it is.
    """

    about: str
    image_size: tuple[int, int]
    channels: int
    classes: tuple[str, ...]
    parameters: int
    trained_on: str
    data_licence: str
    commands: tuple[str, ...]
    picture: str
    license: str
    scores: tuple[Score, ...]


def read_card(folder: Path) -> Card:
    """Read the card of a model folder.

    The Hub's own fields have the licence and the scores (`model-index`); all else is under `jinc`.

    Raises:
        JincError: it is missing, damaged or incomplete.
    """
    file = folder / CARD
    found = read_front_matter(file)
    own = found.get("jinc")
    if not isinstance(own, dict):
        raise JincError(f"{file}: has no section jinc")
    with naming(str(file)):
        scores = tuple(map(_score, _metrics(found.get("model-index"))))
    return build(Card, own | {"license": found.get("license"), "scores": scores}, str(file))


def _metrics(index: Any) -> list[dict[str, Any]]:
    """Return the metrics of all results of all models."""
    try:
        return [m for model in index for result in model["results"] for m in result["metrics"]]
    except (KeyError, TypeError):
        raise JincError("model-index: has no metrics of results") from None


def _score(metric: dict[str, Any]) -> Score:
    error = metric.get("args", {}).get("standard_error")
    return build(Score, {"name": metric["name"], "value": metric["value"], "error": error}, "score")
