"""Scores of a run as a page tells them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinc.metrics.extractors import ExtractorFacts
from jinc.report.pages.numbers import NONE, Number, with_error


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


def score_table(facts: Mapping[str, Any]) -> ScoreTable:
    """Read what `jinc evaluate` wrote.

    Args:
        facts: of scores.json.
    """
    made, real = facts["generated"], facts["real"]
    rows = []
    for found in facts["scores"].values():
        value, error = with_error(found["value"], found["error"])
        by = found["error_by"] if error.text != NONE else ""
        rows.append(ScoreRow(found["name"], value, error, by, found["lower_is_better"]))
    return ScoreTable(
        f"{made['images']:,} generated images against {real['images']:,} of {real['name']}",
        ExtractorFacts(**facts["extractor"]).words(),
        tuple(rows),
        tuple((facts.get("left_out") or {}).items()),
    )
