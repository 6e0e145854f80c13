"""Tables of scores: printed, in Markdown and in JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from jinc.files import write_json, writing
from jinc.metrics import Score, ScoreKind, Scores


def write_scores(
    out: Path, found: Scores, aside: Mapping[str, Any], read: Mapping[str, Any]
) -> None:
    """Write scores.json and scores.md.

    Args:
        out: the folder.
        found: the scores.
        aside: facts about the images: `made_with`, `resized` and `compared`.
        read: summaries of the images and of the real ones.
    """
    write_json(out / "scores.json", found.facts() | dict(aside) | {"read": read})
    with writing(out / "scores.md") as file:
        file.write(_markdown(found, aside).encode(errors="replace"))


def print_scores(found: Scores, aside: Mapping[str, Any]) -> None:
    """Print a table, and notes on what the scores depend on."""
    shown = Table()
    for head in ("score", "", "value", "error"):
        shown.add_column(head, justify="right" if head == "value" else "left")
    for row in _rows(found.scores):
        shown.add_row(*row)
    Console().print(shown)
    print("\n".join(_notes(found, aside)))


def _markdown(found: Scores, aside: Mapping[str, Any]) -> str:
    lines = ["| score | | value | error |", "| --- | --- | ---: | ---: |"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(found.scores)]
    return "\n".join([*lines, "", *_notes(found, aside)]) + "\n"


def _rows(scores: Mapping[ScoreKind, Score]) -> list[tuple[str, str, str, str]]:
    return [
        (
            each.name,
            "lower is better" if each.lower_is_better else "higher is better",
            f"{each.value:.4g}",
            f"± {each.error:.2g} ({each.error_by})",
        )
        for each in scores.values()
    ]


def _notes(found: Scores, aside: Mapping[str, Any]) -> list[str]:
    """Say what the scores depend on, and why others are missing."""
    generated, real = found.generated, found.real
    count = "statistics" if real["images"] is None else real["images"]
    notes = [
        f"{generated['images']} images of {generated['name']} against {count} of {real['name']}, "
        f"{'×'.join(map(str, aside['compared']['size']))} pixels; {found.extractor.words()}"
    ]
    if aside["resized"]:
        side, by = aside["resized"].values()
        notes.append(f"{generated['name']} was resized to {side}×{side} pixels first, {by}")
    notes += aside["compared"]["remarks"]
    if "frechet" in found.scores:
        notes.append(_sample_size_bias(found))
    if "kernel" in found.scores:
        name = found.scores["kernel"].name
        notes.append(f"{name}: unbiased, so it can fall below 0 where two sets are alike")
    explained = {"frechet_unlimited"} if "frechet" in found.scores else set()
    others = found.left_out.items()
    return notes + [f"left out: {kind}: {why}" for kind, why in others if kind not in explained]


def _sample_size_bias(found: Scores) -> str:
    """Say how much of a Fréchet distance is due to the number of images, or how to estimate it."""
    distance, limit = found.scores["frechet"], found.scores.get("frechet_unlimited")
    count, needed = found.generated["images"], distance.details["images_to_extrapolate"]
    if limit is not None:
        part = f"about {distance.value - limit.value:.2g} of the {distance.value:.4g}"
        return f"{distance.name}: {part} is bias because there are only {count} images"
    how = f"{distance.name}: its bias can be estimated"
    if count < needed:
        return f"{how} with {needed} images or more, not with {count}"
    return f"{how} with --only frechet frechet_unlimited"
