"""`jinc report`: a run or a study as one page."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console

from jinc.cli.clean_images import clean_images
from jinc.cli.generated import generated_images
from jinc.cli.places import check_file
from jinc.cli.probe import ProbeOptions
from jinc.cli.probe import probe as probe_run
from jinc.cli.progress import decoding_progress
from jinc.cli.rotate import rotate as rotate_run
from jinc.cli.sampling import SEVERAL, SamplingOptions
from jinc.cli.sweep import SweepOptions
from jinc.data import ImageSet, load_images
from jinc.errors import JincError
from jinc.models import open_model
from jinc.report.pages import RealImages, run_page, study_page, write_page
from jinc.train import Run, TrainConfig, load_data
from jinc.train.validation import hold_out

REAL = 400
"""Real images whose spectrum is taken."""

UNSEEN = 200
"""Real images whose nearest training images are looked for."""

TRAINED = 60_000
"""Images of training among which the nearest are looked for, at most."""

PROBED = 16
"""Images of a probe."""

TURNED, ANGLES = 4, "-90:90:19"

_SAMPLED = frozenset(field.name for field in fields(SamplingOptions)) - {"number"}


@dataclass(frozen=True, kw_only=True)
class ReportOptions(SamplingOptions):
    """How images are generated, where some are asked for.

    Args:
        number: how many images there are to be; what is missing of them is generated and kept.
    """

    number: Annotated[int, Parameter(name="--samples", alias="-n")] = 0

    def check(self) -> None:
        """Check what can be checked without the model.

        Raises:
            JincError: a number that makes no sense.
        """
        if self.number < 0:
            raise JincError(f"--samples: {self.number} is not at least 0")
        if self.number:
            super().check()


USUAL = ReportOptions()
Flag = Annotated[bool, Parameter(negative=())]


def report(
    source: Path,
    /,
    *,
    out: Path | None = None,
    results: Annotated[tuple[Path, ...], SEVERAL] = (),
    probe: Flag = False,
    rotate: Flag = False,
    real: bool = True,
    options: Annotated[ReportOptions, Parameter(name="*")] = USUAL,
) -> None:
    """Make a page of what is known about a run or a study: one HTML file that asks for nothing.

    Of a run it shows what lies in its folder: scores of `jinc evaluate`, figures of `jinc probe`,
    images that were kept; and says which commands make what is missing.

    Args:
        source: a run folder, or the folder of a study.
        out: the file; report.html in the folder, if not given.
        results: more folders to look for scores, probes and images in.
        probe: measure how well the model follows moves first, and keep that in the run.
        rotate: turn some images first, and keep them in the run.
        real: read the run's data, for spectra and the nearest images of training.
        options: how images are generated.
    """
    options.check()
    file = source / "report.html" if out is None else out
    check_file(file)
    for folder in results:
        if not folder.is_dir():
            raise JincError(f"--results: {folder}: no such folder")
    if (source / "config.yaml").is_file():
        page = _of_run(source, results, probe, rotate, real, options)
    else:
        page = _of_study(source, asked=probe or rotate or options.number > 0)
    write_page(file, page)
    print(f"report: {file}, {len(page.encode()) / 1e6:.1f} MB")


def _of_study(source: Path, asked: bool) -> str:
    """Lay out a study, of which nothing can be made first."""
    if not (source / "table.json").is_file() and not (source / "cells").is_dir():
        raise JincError(f"{source}: is neither a run nor a study")
    if asked:
        raise JincError(f"{source}: is a study; --samples, --probe and --rotate are for runs")
    return study_page(source)


def _of_run(
    source: Path,
    results: tuple[Path, ...],
    probe: bool,
    rotate: bool,
    real: bool,
    options: ReportOptions,
) -> str:
    """Do first what is asked for, and lay out what is there."""
    made = None
    if options.number:
        made = generated_images(source, options.open(source), None, options)
    if options.number and made is None:
        raise JincError("jinc report: takes one process; let `jinc evaluate` generate with several")
    said = {name: getattr(options, name) for name in _SAMPLED}
    if probe:
        probe_run(source, out=source / "probe", options=ProbeOptions(number=PROBED, **said))
    if rotate:
        files = source / "rotation" / "turns.webp", source / "rotation" / "turns.png"
        turned = SweepOptions(out=files, number=TURNED, **said)
        rotate_run(source, angles=ANGLES, options=turned)
    run = Run.open(source)
    found = _real(source, run.config, options.seed) if real else None
    shown = None if made is None else Path(made.name)
    return run_page(run, real=found, beside=results, shown=shown)


def _real(source: Path, config: TrainConfig, seed: int) -> RealImages | JincError:
    """Read the data of a run; return why they cannot be had where they cannot."""
    try:
        model = open_model(source)
        with decoding_progress(Console(stderr=True)) as told:
            clean = clean_images(source, model, None, REAL, seed, told)
        images = load_data(config)
        trained, held_out = hold_out(len(images), config.holdout, config.seed)
        unseen = _test_images(config, images)
        if unseen is None and len(held_out):
            unseen = images.subset(held_out)
        train = images.subset(_evenly(trained, TRAINED))
    except JincError as error:
        return error
    if unseen is not None:
        unseen = unseen.subset(_evenly(np.arange(len(unseen)), UNSEEN))
    return RealImages(clean.x0, clean.words, train, len(trained), unseen)


def _test_images(config: TrainConfig, like: ImageSet) -> ImageSet | None:
    """Read the test split of a run's data, if it has one that was not trained on."""
    if config.split != "train":
        return None
    height, width = like.image_size
    try:
        return load_images(
            config.data,
            image_size=height if height == width else None,
            channels=like.channels,
            resize_filter=config.resize_filter,
            skip_first=config.skip_first,
            split="test",
        )
    except JincError:
        return None


def _evenly(places: np.ndarray, most: int) -> np.ndarray:
    """Take some of many, evenly."""
    chosen: np.ndarray = places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)]
    return chosen
