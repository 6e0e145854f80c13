"""`jinc probe`."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, TaskID
from torch import Tensor

from jinc.cli.findings import print_findings
from jinc.cli.naming import named
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.cli.provenance import begin_results, check_results, generation_facts
from jinc.cli.sampling import SEVERAL, SamplingOptions
from jinc.diffusion import method_by_name
from jinc.errors import JincError
from jinc.files import write_json
from jinc.metrics import PARTS, Part, Probe, Sampling, Subject, evaluations
from jinc.metrics import probe as findings
from jinc.models import DiffusersModel, Model, PixelModel, SamplingPlan, in_parts
from jinc.report import CURVES, plot_curves, plot_levels, plot_turns
from jinc.signal import rotate
from jinc.train import clean_images
from jinc.types import Denoiser, Images, Steps

FACTS = "probe.json"
PLOTS = ("levels.png", "angles.png", "shifts.png", "turned.png")


@dataclass(frozen=True, kw_only=True)
class ProbeOptions(SamplingOptions):
    """How many images there are, both clean and generated."""

    number: Annotated[int, Parameter(alias="-n")] = 64

    def __post_init__(self) -> None:
        """Refuse a batch."""
        super().__post_init__()
        if self.batch is not None:
            raise JincError("--batch: all images are probed together")


def probe(
    source: Path,
    /,
    *,
    data: str | None = None,
    only: Annotated[tuple[Part, ...], SEVERAL] = PARTS,
    out: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    options: Annotated[ProbeOptions, Parameter(name="*")] = ProbeOptions(),
) -> None:
    """Say in decibels how well a model follows moves: shifts, turns and flips.

    Args:
        source: a run folder, or a model folder.
        data: clean images; those of the run, if not given: its test split, or what it held out.
        only: what to measure: network, at several levels of noise; sampling, EQ-T and EQ-R of
            generated images, by Fourier and as StyleGAN3 measures them; curves over angles and
            distances. All of it, if not given.
        out: folder for probe.json and plots; and provenance.json, what they were made with.
        json_: print JSON for machines.
        options: how many images, and how they are generated; the seed is that of moves too.
    """
    console = Console(stderr=True)
    if not only:
        raise JincError(f"--only: names nothing; there are {', '.join(PARTS)}")
    if out is not None:
        check_results(out, "measurements", [FACTS, *PLOTS])
    number, seed = options.number, options.seed
    with named("sampler", "eta"):
        method = method_by_name(options.sampler, options.eta)
    model = options.open(source)
    plan = options.for_model(model)
    levels = plan.levels(model.schedule)
    with named("data"), decoding_progress(console) as report:
        clean = clean_images(source, model, data, number, seed, report)
    say_what_was_read(console, clean.summary)
    bar = Progress(console=console)
    task = bar.add_task("probing")
    ask = _Asking(model, lambda: bar.advance(task))
    x0 = clean.x0.to(model.device)
    like = x0.new_empty(number, *x0.shape[1:])
    generated = ask.for_images(plan)
    sampling = Sampling(generated, model.schedule, like, method, levels)
    of_clean = replace(plan, prompts=clean.prompts, number=len(x0), clip=False, threshold=None)
    subject = Subject(ask.for_images(of_clean), x0, sampling, seed)
    bar.update(task, total=evaluations(subject, only))
    found, moved = _measure(bar, task, subject, only)
    made_with = generation_facts(source, plan, len(levels)) | {"batch": number}
    settings = {"number": number, "sampler": options.sampler, "eta": options.eta}
    name = _config_name(model)
    facts: dict[str, Any] = {"config": name, "data": clean.words, "read": clean.summary.facts()}
    facts |= {"invariant_under": clean.symmetries, "seed": seed, **settings}
    facts |= {"steps": len(levels), "made_with": made_with}
    facts |= found.facts()
    if out is not None:
        _write(out, facts, found, moved)
    if json_:
        print(json.dumps(facts, ensure_ascii=False, allow_nan=False))
        return
    print_findings(found, clean.symmetries)
    print(f"{name + ', ' if name else ''}measured on {clean.words}")
    if out is not None:
        print(f"figures and plots: {out}")


def _config_name(model: PixelModel) -> str | None:
    """Return how a network of ours treats aliasing, and None for those of others."""
    if isinstance(model, Model) and not isinstance(model, DiffusersModel):
        return model.network.config.name
    return None


@dataclass(frozen=True, eq=False)
class _Asking:
    """Denoisers of a model that tell when they are asked.

    Args:
        model: who is asked.
        asked: called after each time.
    """

    model: PixelModel
    asked: Callable[[], None]

    def for_images(self, plan: SamplingPlan) -> Denoiser:
        """Return a denoiser of the images of a plan, which the network is shown in parts."""
        answer = in_parts(self.model, plan)

        def denoiser(x_t: Images, t: Steps) -> Images:
            x0_hat = answer(x_t, t)
            self.asked()
            return x0_hat

        return denoiser


def _measure(
    bar: Progress, task: TaskID, subject: Subject, only: Sequence[Part]
) -> tuple[Probe, dict[str, list[Tensor]]]:
    """Find everything out; beside it the first image, turned or shifted on the way."""
    found, moved = Probe(), defaultdict(list)
    with bar:
        for finding in findings(subject, only):
            bar.update(task, description=finding.name.replace("_", " "))
            found = found.plus(finding)
            if finding.images is not None:
                moved[finding.name].append(finding.images[0].cpu())
    return found, moved


def _write(
    out: Path, facts: dict[str, Any], found: Probe, moved: Mapping[str, list[Tensor]]
) -> None:
    """Write what was found, and draw it."""
    plots = _plots(found, moved)
    begin_results(out, "measurements", facts["made_with"], [FACTS, *plots])
    write_json(out / FACTS, facts)
    for name, plot in plots.items():
        plot(out / name)


def _plots(found: Probe, moved: Mapping[str, list[Tensor]]) -> dict[str, Callable[[Path], object]]:
    """Return how to draw what there is to be drawn, by file."""
    plots: dict[str, Callable[[Path], object]] = {}
    if found.network:
        plots["levels.png"] = partial(plot_levels, found.network)
    for unit, name in (("degrees", "angles.png"), ("pixels", "shifts.png")):
        curves = {CURVES[n]: curve for n, curve in found.curves.items() if curve.unit == unit}
        if curves:
            plots[name] = partial(plot_curves, curves)
    if "turned_on_the_way_unitary" in moved:
        angles = found.curves["turned_on_the_way_unitary"].amounts
        plots["turned.png"] = partial(_draw_turned, angles, moved)
    return plots


def _draw_turned(angles: Sequence[float], moved: Mapping[str, list[Tensor]], file: Path) -> None:
    """Draw an image that was turned on the way, by every second angle, below what it should be."""
    lossless, spline = (moved[f"turned_on_the_way_{each}"] for each in ("unitary", "spline"))
    still = lossless[angles.index(0.0)]
    shown = [place for place, angle in enumerate(angles) if angle and place % 2 == 0]
    radians = torch.tensor([angles[place] for place in shown], dtype=torch.float64).deg2rad()
    rows = {
        "when finished": rotate(still.expand(len(shown), *still.shape), radians),
        "on the way": torch.stack([lossless[place] for place in shown]),
        "by splines": torch.stack([spline[place] for place in shown]),
    }
    plot_turns(still, rows, [f"{angles[place]:g}°".replace("-", "−") for place in shown], file)
