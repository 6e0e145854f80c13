"""Scores of a run, as `jinc evaluate` wrote them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinc.metrics.features.extractors import ExtractorFacts
from jinc.report.numbers import Number, aligned, with_error
from jinc.report.pages.sources import is_current, sampling_words


@dataclass(frozen=True)
class ScoreRow:
    """A score with its standard error, and the method that estimated that."""

    name: str
    value: Number
    error: Number
    error_by: str
    lower_is_better: bool


@dataclass(frozen=True)
class RunScores:
    """Scores of one comparison.

    Args:
        title: which images were compared.
        extractor: what computed their features.
        rows: the scores.
        left_out: scores that were not computed, and why.
    """

    title: str
    extractor: str
    rows: tuple[ScoreRow, ...]
    left_out: tuple[tuple[str, str], ...]


def run_scores(facts: Mapping[str, Any], weights: str | None = None) -> RunScores:
    """Lay out the scores of a run.

    Args:
        facts: content of scores.json.
        weights: SHA-256 of the current weights of the model.
    """
    made_with = facts.get("made_with")
    by = f"; {sampling_words(made_with, is_current(made_with, weights))}" if made_with else ""
    made, real = facts["generated"], facts["real"]
    known = "statistics" if real["images"] is None else f"{real['images']:,}"
    scores = [*facts["scores"].values()]
    pairs = [with_error(found["value"], found["error"]) for found in scores]
    columns = [aligned([pair[place] for pair in pairs]) for place in (0, 1)]
    rows = [
        ScoreRow(found["name"], value, error, found["error_by"], found["lower_is_better"])
        for found, value, error in zip(scores, *columns, strict=True)
    ]
    return RunScores(
        f"{made['images']:,} generated images against {known} of {real['name']}{by}",
        ExtractorFacts.read(facts["extractor"]).words(),
        tuple(rows),
        tuple((facts.get("left_out") or {}).items()),
    )
