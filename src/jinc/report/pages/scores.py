"""Scores of a run as a page tells them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinc.metrics.features.extractors import ExtractorFacts
from jinc.report.pages.found import is_current, made_words
from jinc.report.pages.numbers import Number, aligned, with_error


@dataclass(frozen=True)
class ScoreRow:
    """A score.

    Args:
        name: what it may be called.
        value: the figure.
        error: its standard error.
        error_by: how the error was found.
        lower_is_better: or higher.
    """

    name: str
    value: Number
    error: Number
    error_by: str
    lower_is_better: bool


@dataclass(frozen=True)
class ScoreTable:
    """What `jinc evaluate` has found out.

    Args:
        title: which images were compared.
        looked_at: by what, and how.
        rows: the scores.
        left_out: which there are not, and why.
    """

    title: str
    looked_at: str
    rows: tuple[ScoreRow, ...]
    left_out: tuple[tuple[str, str], ...]


def score_table(facts: Mapping[str, Any], weights: str | None = None) -> ScoreTable:
    """Read what `jinc evaluate` wrote.

    Args:
        facts: of scores.json.
        weights: SHA-256 of those that the model has now.
    """
    made_with = facts.get("made_with")
    by = f"; {made_words(made_with, is_current(made_with, weights))}" if made_with else ""
    made, real = facts["generated"], facts["real"]
    known = "statistics" if real["images"] is None else f"{real['images']:,}"
    scores = [*facts["scores"].values()]
    pairs = [with_error(found["value"], found["error"]) for found in scores]
    columns = [aligned([pair[place] for pair in pairs]) for place in (0, 1)]
    rows = [
        ScoreRow(found["name"], value, error, found["error_by"], found["lower_is_better"])
        for found, value, error in zip(scores, *columns, strict=True)
    ]
    return ScoreTable(
        f"{made['images']:,} generated images against {known} of {real['name']}{by}",
        ExtractorFacts.read(facts["extractor"]).words(),
        tuple(rows),
        tuple((facts.get("left_out") or {}).items()),
    )
