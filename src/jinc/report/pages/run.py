"""The page of a run."""

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.report.charts import Chart
from jinc.report.filters import filter_sections
from jinc.report.learning import learning_charts
from jinc.report.neighbours import SHOWN, NeighbourTable, RealImages, neighbour_table
from jinc.report.pages.page import Missing, Page
from jinc.report.pages.probes import ProbeSection, probe_section
from jinc.report.pages.provenance import environment, train_command
from jinc.report.pages.run_facts import RunFacts, Tile
from jinc.report.pages.samples import (
    COLLAGE,
    FEW,
    FEW_BYTES,
    MANY_BYTES,
    collage,
    rotation,
    training_frames,
)
from jinc.report.pages.sources import GeneratedImages, RunScores, find, find_images, run_scores
from jinc.report.pictures import columns_that_fit
from jinc.report.spectra import floats, spectrum_charts
from jinc.train import Run

T = TypeVar("T")


def run_page(
    run: Run,
    *,
    real: RealImages | JincError | None = None,
    beside: Sequence[Path] = (),
    shown: Path | None = None,
) -> str:
    """Make a page from the files of a run, as HTML.

    Args:
        run: the run.
        real: real images, or why they are not available; None if they are not wanted.
        beside: more folders with scores.json, probe.json and images.
        shown: folder of the images to show; by default the largest set.

    Raises:
        JincError: the run has neither a log nor a model, or its settings cannot be read.
    """
    facts, folders, page = RunFacts(run), (run.path, *beside), Page()
    if not facts.log and facts.weights is None:
        raise JincError(f"{run.path}: has neither a log nor a model yet")
    size = page.add("size", facts.size, "model", "not saved yet")
    tiles = _add_measurements(page, facts, folders)
    images = _add_samples(page, facts, folders if shown is None else (shown,))
    charts, frames = partial(learning_charts, facts.log), run.path / "samples"
    page.add("charts", charts, "learning curve", "the log is empty")
    page.add("frames", lambda: training_frames(frames), "samples during training", "not drawn")
    filters = partial(filter_sections, [facts.config.config])
    page.add("filters", filters, "filters", "the configuration has none")
    page.parts["preconditioning"] = None
    if facts.config.prediction in ("spectral", "edm"):
        page.add("preconditioning", facts.preconditioning, "preconditioning", "not saved yet")
    _add_comparisons(page, images, real)
    page.parts |= {
        "name": run.path.resolve().name,
        "facts": facts,
        "tiles": [*tiles, *facts.tiles(), *([size] if size else [])],
        "command": train_command(facts.config, "AGAIN"),
        "environment": environment(),
    }
    return page.render("run.html")


def _add_measurements(page: Page, facts: RunFacts, folders: Sequence[Path]) -> list[Tile]:
    """Add scores and equivariance; return their key figures."""
    page.parts |= dict.fromkeys(("scores", "equivariance"))
    if not facts.generates:
        return []
    at, weights = shlex.quote(str(facts.run.path)), facts.weights

    def scores() -> list[RunScores]:
        read = partial(run_scores, weights=weights)
        return [_read(file, read, "jinc evaluate") for file in find(folders, "scores.json")]

    def probed() -> ProbeSection | None:
        files, read = find(folders, "probe.json"), partial(probe_section, weights=weights)
        return _read(files[-1], read, "jinc probe") if files else None

    command = f"jinc evaluate {at} --against … --out {at}/scores"
    tables = page.add("scores", scores, "scores", "not found;", command)
    command = f"jinc probe {at} --out {at}/probe"
    found = page.add("equivariance", probed, "equivariance", "not measured;", command)
    return _tiles(tables or (), found)


def _add_samples(page: Page, facts: RunFacts, folders: Sequence[Path]) -> GeneratedImages | None:
    page.parts |= dict.fromkeys(("generated", "grid", "collage", "by_class", "rotation"))
    if not facts.generates:
        return None
    command = f"jinc report {shlex.quote(str(facts.run.path))}"
    images = partial(find_images, folders, facts.weights)
    found = page.add("generated", images, "samples", "not generated;", f"{command} --samples 400")
    if found is not None:
        shown, classes = found.images(), len(found.facts.get("prompts") or ())
        columns = columns_that_fit(shown.image_size, COLLAGE, classes or 1)
        page.parts |= {
            "grid": collage(shown, FEW, classes, FEW_BYTES),
            "collage": collage(shown, COLLAGE, classes, MANY_BYTES),
            "by_class": classes > 1 and columns % classes == 0,
        }
    turned = partial(rotation, facts.run.path)
    page.add("rotation", turned, "rotation", "not sampled;", f"{command} --rotate")
    return found


def _add_comparisons(
    page: Page, generated: GeneratedImages | None, real: RealImages | JincError | None
) -> None:
    """Compare generated images with real ones."""
    page.parts |= dict.fromkeys(("real", "real_words", "spectra", "neighbours"))
    if not isinstance(real, RealImages):
        why = "the data were not read" if real is None else str(real)
        page.missing.append(Missing("real images, spectrum, nearest training images", why))
        return
    page.parts["real_words"] = real.words
    page.add("real", lambda: collage(real.x0, FEW, 0, FEW_BYTES), "real images", "not available")

    def spectra() -> list[Chart]:
        return spectrum_charts(floats(generated.images()), real.x0) if generated else []

    def neighbours() -> NeighbourTable | None:
        return neighbour_table({"": [generated.images]}, real, SHOWN) if generated else None

    page.add("spectra", spectra, "spectrum", "needs samples")
    why = "need samples and the training images"
    page.add("neighbours", neighbours, "nearest training images", why)


def _read(file: Path, read: Callable[[dict[str, Any]], T], writer: str) -> T:
    """Read what a command wrote; raise a JincError if it is something else."""
    found = read_object(file)
    try:
        return read(found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise JincError(f"{file}: is not what {writer} writes ({error!r})") from None


def _tiles(tables: Sequence[RunScores], probed: ProbeSection | None) -> list[Tile]:
    """Return the first scores, and the figures of equivariance of generated images."""
    tiles = []
    for row in [row for table in tables for row in table.rows][:3]:
        better = f"{'lower' if row.lower_is_better else 'higher'} is better"
        tiles.append(Tile(row.name, row.value.bare(), row.error.bare(), better))
    for name, ((db, floor),) in () if probed is None else probed.figures:
        short, _, long = name.partition(", ")
        unit = "dB" if db.text != "exact" else ""
        tiles.append(Tile(short, db, aside=f"floor {floor.text} dB; {long}", unit=unit))
    return tiles
