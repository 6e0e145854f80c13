"""`jinc report`: a run or a study as one HTML page."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from rich.console import Console

from jinc.cli.generated import generated_images
from jinc.cli.places import check_file
from jinc.cli.probe import ProbeOptions
from jinc.cli.probe import probe as probe_run
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.cli.rotate import rotate as rotate_run
from jinc.cli.sampling import SEVERAL, SamplingOptions
from jinc.cli.sweep import SweepOptions
from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.files import write_json
from jinc.metrics import PARTS, Part
from jinc.models import open_model
from jinc.report.pages import (
    RealImages,
    equivariance_facts,
    networks,
    probe_of,
    read_table,
    run_page,
    study_cells,
    study_page,
    write_page,
)
from jinc.train import Run, TrainConfig, clean_images, load_data
from jinc.train.batches import hold_out

PROBED = 16
"""Images of a probe."""

ROTATED, ANGLES = 4, "-90:90:19"
"""Images of a rotation, and its angles in degrees."""

REAL, UNSEEN, TRAINED = 400, 200, 60_000
"""Real images for the spectrum, unseen ones to find the nearest training images of, and training
images to search, at most."""

_SAMPLED = frozenset(field.name for field in fields(SamplingOptions)) - {"number"}

Flag = Annotated[bool, Parameter(negative=())]


@dataclass(frozen=True, kw_only=True)
class ReportOptions(SamplingOptions):
    """How images are generated; `report` itself has the option --samples."""

    number: Annotated[int, Parameter(parse=False)] = 16


DEFAULTS = ReportOptions()


def report(
    source: Path,
    /,
    *,
    out: Path | None = None,
    results: Annotated[tuple[Path, ...], SEVERAL] = (),
    probe: Flag = False,
    rotate: Flag = False,
    real: bool = True,
    samples: Annotated[int, Parameter(name="--samples", alias="-n")] = 0,
    options: Annotated[ReportOptions, Parameter(name="*")] = DEFAULTS,
) -> None:
    """Make a self-contained HTML page of a run or a study.

    Args:
        source: a run folder, or the folder of a study.
        out: the HTML file to write (default: report.html in the folder).
        results: more folders with scores, probes and images.
        probe: measure equivariance first, and store it in the run; of a study, for every network
            without a current measurement, and write equivariance.json.
        rotate: rotate some images first, and store them in the run; of a study, for one network of
            every variant.
        real: read the data, for spectra and nearest training images.
        samples: number of images to show; missing ones are generated and stored. 0 shows those
            stored.
        options: how images are generated.
    """
    if samples < 0:
        raise JincError(f"--samples: {samples} is not at least 0")
    file = source / "report.html" if out is None else out
    check_file(file)
    for folder in results:
        if not folder.is_dir():
            raise JincError(f"--results: {folder}: no such folder")
    if (source / "config.yaml").is_file():
        shown = _sampled(source, samples, options) if samples else None
        if probe:
            _probe(source, options)
        if rotate:
            _rotate(source, options)
        run = Run.open(source)
        found = _real_images(source, run.config, options.seed) if real else None
        page = run_page(run, real=found, beside=results, shown=shown)
    elif samples:
        raise JincError(f"{source}: is a study; --samples is for runs")
    else:
        page = _of_study(source, probe, rotate, real, options)
    write_page(file, page)
    print(f"report: {file}, {len(page.encode()) / 1e3:,.0f} kB")


def _of_study(source: Path, probe: bool, rotate: bool, real: bool, options: ReportOptions) -> str:
    """Measure and rotate first, if asked and not done yet."""
    if not (source / "table.json").is_file() and not (source / "cells").is_dir():
        raise JincError(f"{source}: is neither a run nor a study; of a model alone, see jinc info")
    cells, first = study_cells(source), dict[str, Run]()
    rotated: set[tuple[str, str]] = set()
    for cell in networks(cells):
        run, name = cell.run, f"{cell.data} {cell.variant} {cell.seed}"
        if run is None:
            continue
        first.setdefault(cell.data, run)
        if probe and probe_of(run) is None:
            print(f"{name}: measuring equivariance", flush=True)
            _probe(run.path, options, only=("network", "sampling"))
        new = (cell.data, cell.variant) not in rotated and not _animation(run.path).is_file()
        if rotate and new:
            print(f"{name}: rotating", flush=True)
            _rotate(run.path, options)
        rotated.add((cell.data, cell.variant))
    if (probe or rotate) and not first:
        raise JincError(f"{source}: --probe and --rotate need its runs, which were deleted")
    if probe:
        facts = equivariance_facts(cells, read_table(source).baseline)
        write_json(source / "equivariance.json", facts)
    if not real:
        return study_page(source)
    found = {data: _real_images(r.path, r.config, options.seed) for data, r in first.items()}
    return study_page(source, real=found)


def _sampled(source: Path, number: int, options: ReportOptions) -> Path:
    """Generate the images that are missing, and return their folder."""
    options = replace(options, number=number)
    generated = generated_images(source, options.open(source), None, options)
    if generated is None:
        raise JincError("jinc report: runs on one process; generate by `jinc evaluate` on several")
    return Path(generated.name)


def _probe(run: Path, options: ReportOptions, only: tuple[Part, ...] = PARTS) -> None:
    probed = ProbeOptions(number=PROBED, **_sampling(options))
    probe_run(run, only=only, out=run / "probe", options=probed)


def _rotate(run: Path, options: ReportOptions) -> None:
    files = _animation(run), _animation(run).with_suffix(".png")
    sweep = SweepOptions(out=files, number=ROTATED, **_sampling(options))
    rotate_run(run, angles=ANGLES, options=sweep)


def _sampling(options: ReportOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in _SAMPLED}


def _animation(run: Path) -> Path:
    return run / "rotation" / "turns.webp"


def _real_images(source: Path, config: TrainConfig, seed: int) -> RealImages | JincError:
    """Read the data of a run; return the error if that fails.

    Args:
        source: the run folder.
        config: its settings.
        seed: of the choice of images.
    """
    console = Console(stderr=True)
    try:
        model = open_model(source)
        with decoding_progress(console) as progress:
            clean = clean_images(source, model, None, REAL, seed, progress)
        images = load_data(config)
        trained, held_out = hold_out(len(images), config.holdout, config.seed)
        unseen = _test_images(config, images)
        if unseen is None and len(held_out):
            unseen = images.subset(held_out)
        train = images.subset(_evenly(trained, TRAINED))
    except JincError as error:
        return error
    say_what_was_read(console, images.summary())
    if unseen is not None:
        unseen = unseen.subset(_evenly(np.arange(len(unseen)), UNSEEN))
    return RealImages(clean.x0, clean.words, train, len(trained), unseen)


def _test_images(config: TrainConfig, like: ImageSet) -> ImageSet | None:
    """Read the test split of a run's data, if there is one and it was not trained on."""
    if config.split != "train":
        return None
    height, width = like.image_size
    size = height if height == width else None
    try:
        return load_data(config, image_size=size, channels=like.channels, split="test")
    except JincError:
        return None


def _evenly(places: np.ndarray, most: int) -> np.ndarray:
    """Choose some positions, evenly spaced."""
    chosen: np.ndarray = places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)]
    return chosen
