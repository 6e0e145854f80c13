"""`jinc probe`."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from jinc.cli.model_argument import RunOrModel
from jinc.cli.naming import named
from jinc.cli.probe_results import FILES, print_probe, write_probe
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.cli.provenance import check_results, generation_facts
from jinc.cli.sampling import SAMPLING, SEVERAL, SamplingOptions
from jinc.errors import JincError
from jinc.metrics import PARTS, Part, Probe, evaluations, subject_of
from jinc.metrics import probe as findings
from jinc.models import DiffusersModel, Model, PixelModel
from jinc.train import CleanImages, clean_images
from jinc.train.augment import ALL_SYMMETRIES


@dataclass(frozen=True, kw_only=True)
class ProbeOptions(SamplingOptions):
    """Number of images, both clean and generated."""

    number: Annotated[int, Parameter(alias="-n")] = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch is not None:
            raise JincError("--batch: is not for probe, which evaluates all images together")


def probe(
    source: RunOrModel,
    /,
    *,
    data: str | None = None,
    only: Annotated[tuple[Part, ...], SEVERAL] = PARTS,
    out: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    options: Annotated[ProbeOptions, Parameter(name="*", group=SAMPLING)] = ProbeOptions(),
) -> None:
    """Measure a model's equivariance to shifts, rotations and flips, in dB.

    The frame of a model that was trained with --frame moves with the images.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        data: clean images (default: those of the run, its test split or the images held out).
        only: what to measure: network: predictions at several noise levels; sampling: EQ-T and EQ-R
            of generated images, by Fourier operators and by StyleGAN3's; curves: generated images
            by angle and by distance.
        out: folder for probe.json, plots and provenance.json.
        json_: print JSON.
        options: number of images, and how they are generated; the seed also draws the transforms.
    """
    if not only:
        raise JincError(f"--only: needs at least one of {', '.join(PARTS)}")
    if out is not None:
        check_results(out, "measurements", FILES)
    model = options.open(source)
    plan = options.for_model(model)
    console = Console(stderr=True)
    with named("data"), decoding_progress(console) as report:
        clean = clean_images(source, model, data, options.number, options.seed, report)
    say_what_was_read(console, clean.summary)
    found, moved = _measure(console, model, plan, clean, only)
    facts = facts_of(source, model, plan, clean) | found.facts()
    if out is not None:
        write_probe(out, facts, found, moved)
    if json_:
        print(json.dumps(facts, ensure_ascii=False, allow_nan=False))
        return
    print_probe(found, facts["invariant_under"])
    name = facts["config"]
    print(f"{name + ', ' if name else ''}measured on {clean.words}")
    if out is not None:
        print(f"figures and plots: {out}")


def _measure(
    console: Console,
    model: PixelModel,
    plan: ProbeOptions,
    clean: CleanImages,
    only: Sequence[Part],
) -> tuple[Probe, dict[str, list[Tensor]]]:
    """Measure with a progress bar; return the transformed first images of each curve too."""
    bar = Progress(console=console)
    task = bar.add_task("probing")
    with named("sampler", "eta"):
        subject = subject_of(model, plan, clean.x0, clean.prompts, lambda: bar.advance(task))
    bar.update(task, total=evaluations(subject, only))
    found, moved = Probe(), defaultdict(list)
    with bar:
        for finding in findings(subject, only):
            bar.update(task, description=finding.name.replace("_", " "))
            found = found.plus(finding)
            if finding.images is not None:
                moved[finding.name].append(finding.images[0].cpu())
    return found, moved


def facts_of(
    source: Path, model: PixelModel, plan: ProbeOptions, clean: CleanImages
) -> dict[str, Any]:
    """Return what was probed, and how, ready for JSON."""
    steps = len(plan.levels(model.schedule))
    has_frame = isinstance(model, Model) and model.frames is not None
    return {
        "config": _config_name(model),
        "data": clean.words,
        "read": clean.summary.facts(),
        "invariant_under": ALL_SYMMETRIES if has_frame else clean.symmetries,
        "seed": plan.seed,
        "number": plan.number,
        "sampler": plan.sampler,
        "eta": plan.eta,
        "steps": steps,
        "made_with": generation_facts(source, plan, steps) | {"batch": plan.number},
    }


def _config_name(model: PixelModel) -> str | None:
    if isinstance(model, Model) and not isinstance(model, DiffusersModel):
        return model.network.config.name
    return None  # of other projects
