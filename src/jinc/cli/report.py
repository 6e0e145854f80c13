"""`jinc report`: a run or a study as one page."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jinc.cli.generated import generated_images
from jinc.cli.places import check_file
from jinc.cli.probe import ProbeOptions
from jinc.cli.probe import probe as probe_run
from jinc.cli.real_images import real_images_of
from jinc.cli.rotate import rotate as rotate_run
from jinc.cli.sampling import SEVERAL, SamplingOptions
from jinc.cli.sweep import SweepOptions
from jinc.errors import JincError
from jinc.files import write_json
from jinc.metrics import PARTS, Part
from jinc.report.pages import (
    equivariance_facts,
    networks,
    probe_of,
    read_table,
    run_page,
    study_cells,
    study_page,
    write_page,
)
from jinc.train import Run

PROBED = 16
"""Images of a probe."""

TURNED, ANGLES = 4, "-90:90:19"

_SAMPLED = frozenset(field.name for field in fields(SamplingOptions)) - {"number"}


@dataclass(frozen=True, kw_only=True)
class ReportOptions(SamplingOptions):
    """How images are generated.

    Args:
        number: of them; `report` itself takes it.
    """

    number: Annotated[int, Parameter(parse=False)] = 16


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
    samples: Annotated[int, Parameter(name="--samples", alias="-n")] = 0,
    options: Annotated[ReportOptions, Parameter(name="*")] = USUAL,
) -> None:
    """Make a page of what is known about a run or a study: one HTML file that asks for nothing.

    It shows what lies in the folder: scores of `jinc evaluate` or of the study, figures of `jinc
    probe`, images that were kept; and says which commands make what is missing.

    Args:
        source: a run folder, or the folder of a study.
        out: the file; report.html in the folder, if not given.
        results: more folders to look for scores, probes and images in.
        probe: measure how well the model follows moves first, and keep that in the run; of a study,
            every network of which it is not known, and all together in equivariance.json.
        rotate: turn some images first, and keep them in the run; of a study, of one network of
            every variant.
        real: read the data, for spectra and the nearest images of training.
        samples: how many images there are to be; what is missing of them is generated and kept.
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
        made = _sampled(source, samples, options) if samples else None
        page = _of_run(source, results, probe, rotate, real, made, options)
    elif samples:
        raise JincError(f"{source}: is a study; --samples is for runs")
    else:
        page = _of_study(source, probe, rotate, real, options)
    write_page(file, page)
    print(f"report: {file}, {len(page.encode()) / 1e6:.1f} MB")


def _of_study(source: Path, probe: bool, rotate: bool, real: bool, options: ReportOptions) -> str:
    """Do first what is asked for and not done yet, and lay out what is there."""
    if not (source / "table.json").is_file() and not (source / "cells").is_dir():
        raise JincError(f"{source}: is neither a run nor a study")
    cells, first = study_cells(source), dict[str, Run]()
    shown: set[tuple[str, str]] = set()
    for cell in networks(cells):
        run, name = cell.run, f"{cell.data} {cell.variant} {cell.seed}"
        if run is None:
            continue
        first.setdefault(cell.data, run)
        if probe and probe_of(run) is None:
            print(f"{name}: probing", flush=True)
            _probe(run.path, options, only=("network", "sampling"))
        if rotate and (cell.data, cell.variant) not in shown and not _turned(run.path).is_file():
            print(f"{name}: turning", flush=True)
            _rotate(run.path, options)
        shown.add((cell.data, cell.variant))
    if (probe or rotate) and not first:
        raise JincError(f"{source}: its runs are not there, and can be neither probed nor turned")
    if probe:
        facts = equivariance_facts(cells, read_table(source).baseline)
        write_json(source / "equivariance.json", facts)
    if not real:
        return study_page(source)
    found = {
        data: real_images_of(run.path, run.config, options.seed) for data, run in first.items()
    }
    return study_page(source, real=found)


def _of_run(
    source: Path,
    results: tuple[Path, ...],
    probe: bool,
    rotate: bool,
    real: bool,
    made: Path | None,
    options: ReportOptions,
) -> str:
    """Do first what is asked for, and lay out what is there."""
    if probe:
        _probe(source, options)
    if rotate:
        _rotate(source, options)
    run = Run.open(source)
    found = real_images_of(source, run.config, options.seed) if real else None
    return run_page(run, real=found, beside=results, shown=made)


def _sampled(source: Path, number: int, options: ReportOptions) -> Path:
    """Generate what is missing of the images of a run, and return their folder."""
    options = replace(options, number=number)
    made = generated_images(source, options.open(source), None, options)
    if made is None:
        raise JincError("jinc report: takes one process; let `jinc evaluate` generate with several")
    return Path(made.name)


def _probe(run: Path, options: ReportOptions, only: tuple[Part, ...] = PARTS) -> None:
    """Measure how well the model of a run follows moves."""
    said = {name: getattr(options, name) for name in _SAMPLED}
    probed = ProbeOptions(number=PROBED, **said)
    probe_run(run, only=only, out=run / "probe", options=probed)


def _rotate(run: Path, options: ReportOptions) -> None:
    """Turn some images of a run."""
    said = {name: getattr(options, name) for name in _SAMPLED}
    files = _turned(run), _turned(run).with_suffix(".png")
    rotate_run(run, angles=ANGLES, options=SweepOptions(out=files, number=TURNED, **said))


def _turned(run: Path) -> Path:
    """Where the animation of a run lies."""
    return run / "rotation" / "turns.webp"
