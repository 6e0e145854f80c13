"""A run as one page."""

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.report.pages.environment import environment
from jinc.report.pages.equivariance import Equivariance, equivariance
from jinc.report.pages.filters import filter_parts
from jinc.report.pages.found import Kept, Missing, find, find_kept
from jinc.report.pages.learning import learning_charts
from jinc.report.pages.line_chart import LineChart
from jinc.report.pages.neighbours import NeighbourParts, neighbour_parts
from jinc.report.pages.pictures import columns_that_fit
from jinc.report.pages.real import RealImages
from jinc.report.pages.render import render
from jinc.report.pages.repeat import train_command
from jinc.report.pages.run_facts import RunFacts, Tile
from jinc.report.pages.samples import (
    COLLAGE,
    FEW,
    FEW_BYTES,
    MANY_BYTES,
    collage,
    training_frames,
    turning,
)
from jinc.report.pages.scores import ScoreTable, score_table
from jinc.report.pages.shelf import Shelf
from jinc.report.pages.spectra import floats, spectrum_charts
from jinc.train import Run

T = TypeVar("T")


def run_page(
    run: Run,
    *,
    real: RealImages | JincError | None = None,
    beside: Sequence[Path] = (),
    shown: Path | None = None,
) -> str:
    """Write a page about a run, made of what its folder holds.

    Args:
        run: the run.
        real: real images; or why they cannot be had; None if they are not wanted.
        beside: more folders to look for scores.json, probe.json and images in.
        shown: the folder of the images to show; the most that were kept, if not given.

    Returns:
        HTML.

    Raises:
        JincError: there is nothing to tell yet, or its settings cannot be read.
    """
    facts, folders, shelf = RunFacts(run), (run.path, *beside), Shelf()
    if not facts.log and facts.weights is None:
        raise JincError(f"{run.path}: has neither a log nor a model yet")
    size = shelf.put("size", "model", facts.size, Missing("model", "there is none"))
    found = _measured(shelf, facts, folders)
    kept = _generated(shelf, facts, folders if shown is None else (shown,))
    _in_training(shelf, facts)
    _beside_real(shelf, kept, real)
    context = {
        "name": run.path.resolve().name,
        "facts": facts,
        "tiles": [*found, *facts.tiles(), *([size] if size else [])],
        "command": train_command(facts.config, "AGAIN"),
        "environment": environment(),
        "missing": shelf.missing,
    }
    return render("run.html", context | shelf.parts)


def _measured(shelf: Shelf, facts: RunFacts, folders: Sequence[Path]) -> list[Tile]:
    """Tell what was measured; return the figures of it for the first screen."""
    shelf.parts.update(dict.fromkeys(("scores", "equivariance")))
    if not facts.generates:
        return []
    at = shlex.quote(str(facts.run.path))
    lack = Missing("scores", "not found;", f"jinc evaluate {at} --against … --out {at}/scores")
    scored = shelf.put("scores", "scores", partial(_scored, folders, facts.weights), lack)
    lack = Missing("equivariance", "not measured;", f"jinc probe {at} --out {at}/probe")
    probed = shelf.put(
        "equivariance", "equivariance", partial(_probed, folders, facts.weights), lack
    )
    return _tiles(scored, probed)


def _generated(shelf: Shelf, facts: RunFacts, folders: Sequence[Path]) -> Kept | None:
    """Lay out what was generated."""
    shelf.parts.update(dict.fromkeys(("kept", "grid", "collage", "by_class", "turning")))
    if not facts.generates:
        return None
    at, quoted = facts.run.path, shlex.quote(str(facts.run.path))
    lack = Missing("samples", "none were kept;", f"jinc report {quoted} --samples 400")
    kept = shelf.put("kept", "samples", lambda: find_kept(folders, facts.weights), lack)
    if kept is not None:
        classes = len(kept.facts.get("prompts") or ())
        shelf.parts["grid"] = collage(kept.images(), FEW, classes, FEW_BYTES)
        shelf.parts["collage"] = collage(kept.images(), COLLAGE, classes, MANY_BYTES)
        columns = columns_that_fit(kept.images(1).image_size, COLLAGE, classes or 1)
        shelf.parts["by_class"] = classes > 1 and columns % classes == 0
    lack = Missing("turning", "not tried;", f"jinc report {quoted} --rotate")
    shelf.put("turning", "turning", lambda: turning(at / "rotation"), lack)
    return kept


def _in_training(shelf: Shelf, facts: RunFacts) -> None:
    """Show how it learned, and what it filters."""
    lack = Missing("learning curve", "the log is empty")
    shelf.put("charts", "learning curve", lambda: learning_charts(facts.log), lack)
    lack = Missing("samples through training", "none were drawn")
    samples = facts.run.path / "samples"
    shelf.put("frames", "samples through training", lambda: training_frames(samples), lack)
    lack = Missing("filters", "there are none")
    shelf.put("filters", "filters", lambda: filter_parts(facts.config.config), lack)


def _beside_real(shelf: Shelf, kept: Kept | None, real: RealImages | JincError | None) -> None:
    """Compare what was generated with real images."""
    shelf.parts.update(dict.fromkeys(("real", "real_words", "spectra", "neighbours")))
    if not isinstance(real, RealImages):
        why = "the data were not read" if real is None else str(real)
        shelf.missing.append(Missing("real images, spectrum, nearest images of training", why))
        return
    shelf.parts["real_words"] = real.words
    lack = Missing("real images", "there are none")
    shelf.put("real", "real images", lambda: collage(real.x0, FEW, 0, FEW_BYTES), lack)
    made = None if kept is None else kept.images()
    lack = Missing("spectrum", "needs samples")

    def spectra() -> list[LineChart]:
        return spectrum_charts(floats(made), real.x0) if made else []

    shelf.put("spectra", "spectrum", spectra, lack)
    lack = Missing("nearest training images", "need samples and the images that were trained on")

    def neighbours() -> NeighbourParts | None:
        if not made or not real.train:
            return None
        return neighbour_parts(made, real.train, real.trained, real.unseen)

    shelf.put("neighbours", "nearest training images", neighbours, lack)


def _probed(folders: Sequence[Path], weights: str | None) -> Equivariance | None:
    files, read = find(folders, "probe.json"), partial(equivariance, weights=weights)
    return _read(files[-1], read, "jinc probe") if files else None


def _scored(folders: Sequence[Path], weights: str | None) -> list[ScoreTable]:
    read = partial(score_table, weights=weights)
    return [_read(file, read, "jinc evaluate") for file in find(folders, "scores.json")]


def _read(file: Path, read: Callable[[dict[str, Any]], T], writer: str) -> T:
    """Read what a command wrote.

    Raises:
        JincError: it is something else.
    """
    found = read_object(file)
    try:
        return read(found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise JincError(f"{file}: is not what {writer} writes ({error!r})") from None


def _tiles(scored: Sequence[ScoreTable] | None, probed: Equivariance | None) -> list[Tile]:
    """Return the figures that stand on the first screen beside those of training."""
    rows = [row for table in scored or () for row in table.rows][:3]
    tiles = [
        Tile(
            row.name,
            row.value.bare(),
            row.error.bare(),
            f"{'lower' if row.lower_is_better else 'higher'} is better",
        )
        for row in rows
    ]
    for each in () if probed is None else probed.figures:
        aside = f"floor {each.floor.text} dB; {each.name.partition(', ')[2]}"
        unit = "dB" if each.db.text != "exact" else ""
        tiles.append(Tile(each.name.partition(",")[0], each.db, aside=aside, unit=unit))
    return tiles
