"""Scores as people and machines read them."""

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
    """Write scores.json, for machines, and scores.md, for documents.

    Args:
        out: the folder.
        found: the scores.
        aside: about the images: `made_with`, how they were `resized`, and `compared`.
        read: what was understood of the images and of the real ones.
    """
    write_json(out / "scores.json", found.facts() | dict(aside) | {"read": read})
    with writing(out / "scores.md") as file:
        file.write(_markdown(found, aside).encode(errors="replace"))


def print_scores(found: Scores, aside: Mapping[str, Any]) -> None:
    """Print a table, and below it what the scores depend on."""
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
    """Say what the scores depend on, and which there are not."""
    made, real = found.generated, found.real
    notes = [
        f"{made['images']} images of {made['name']} against {_count(real)} of {real['name']}, "
        f"{'×'.join(map(str, aside['compared']['size']))} pixels; {found.extractor.words()}"
    ]
    if aside["resized"]:
        side, by = aside["resized"].values()
        notes.append(f"the former were brought to {side}×{side} pixels first, {by}")
    notes += aside["compared"]["remarks"]
    if "frechet" in found.scores:
        notes.append(_of_number(found))
    if "kernel" in found.scores:
        name = found.scores["kernel"].name
        notes.append(f"{name}: unbiased, so it can fall below 0 where two sets are alike")
    told = {"frechet_unlimited"} if "frechet" in found.scores else set()
    others = found.left_out.items()
    return notes + [f"left out: {kind}: {why}" for kind, why in others if kind not in told]


def _count(real: Mapping[str, Any]) -> str:
    return "statistics" if real["images"] is None else str(real["images"])


def _of_number(found: Scores) -> str:
    """Say how much of a distance is that images are few, or how many it takes to tell."""
    distance, line = found.scores["frechet"], found.scores.get("frechet_unlimited")
    count, enough = found.generated["images"], distance.details["images_to_extrapolate"]
    if line is not None:
        part = f"about {distance.value - line.value:.2g} of the {distance.value:.4g}"
        return f"{distance.name}: {part} is that there are {count} images and not endlessly many"
    which = f"{distance.name}: how much of it is the number of images is told"
    if count < enough:
        return f"{which} with {enough} images or more; here are {count}"
    return f"{which} where frechet_unlimited is asked for too"
