"""Probe: the job of `jinc probe`, with its plots."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from jinc.app.jobs import Context, Job, Shown
from jinc.app.recipes import Recipe, plan_call, shell
from jinc.bundled import located
from jinc.cli.naming import named
from jinc.cli.probe import ProbeOptions, facts_of
from jinc.cli.probe_results import FILES, write_probe
from jinc.errors import JincError
from jinc.metrics import Part, Probe, subject_of
from jinc.metrics import probe as findings
from jinc.report import FIGURES, with_floor
from jinc.train import CleanImages, clean_images

PROGRAM = """\
from pathlib import Path

from jinc.metrics import Probe, probe, subject_of
from jinc.models import SamplingPlan, open_model
from jinc.train import clean_images

model = open_model({source!r}, device={device!r})
plan = {plan}
clean = clean_images(Path({source!r}), model, {data!r}, plan.number, plan.seed)
found = Probe()
for finding in probe(subject_of(model, plan, clean.x0, clean.prompts), {only!r}):
    found = found.plus(finding)
print(found.facts())
"""

OF_RUN = "those of the run"

DATA = ("digits",)
"""Sets that come with the package; a page in the browser reads no other folder than the run's."""


def probe(context: Context, *, only: Sequence[Part], data: str | None = None, **given: Any) -> Job:
    """Prepare the measurement of equivariance.

    Args:
        context: the model.
        only: what to measure.
        data: clean images, one of `DATA` (default: those of the run).
        given: fields of `ProbeOptions`.

    Raises:
        JincError: a value is invalid, or there are no clean images.
    """
    data = None if data == OF_RUN else data
    if data is not None and data not in DATA:
        raise JincError(f"--data: {data} is not one of {', '.join(DATA)}")
    if not only:
        raise JincError("--only: nothing is chosen")
    options = context.options(ProbeOptions, **given)
    plan = options.for_model(context.generator)
    command = ["probe", context.source, "--out", "probe", "--only", *only]
    command += ["--data", data] if data else []
    program = PROGRAM.format(
        source=context.source,
        device=context.device,
        plan=plan_call(plan),
        data=data,
        only=tuple(only),
    )
    return Job(Recipe(shell(command, options), program), _shown(context, plan, only, data))


def _shown(
    context: Context, plan: ProbeOptions, only: Sequence[Part], data: str | None
) -> Iterator[Shown]:
    model, source = context.generator, located(context.source)
    with named("data"):
        clean = clean_images(source, model, data, plan.number, plan.seed)
    with named("sampler", "eta"):
        subject = subject_of(model, plan, clean.x0, clean.prompts)
    found, moved = Probe(), defaultdict[str, list[Tensor]](list)
    yield Shown((), f"measuring on {clean.words}")
    for finding in findings(subject, only):
        found = found.plus(finding)
        if finding.images is not None:
            moved[finding.name].append(finding.images[0].cpu())
        yield Shown((), f"measured {finding.name.replace('_', ' ')}")
    with context.place() as folder:
        facts = facts_of(source, model, plan, clean) | found.facts()
        write_probe(folder / "probe", facts, found, moved)
        files = [folder / "probe" / name for name in FILES]
        plots = tuple(each for each in files if each.suffix == ".png" and each.is_file())
        yield Shown(plots, _words(found, clean))


def _words(found: Probe, clean: CleanImages) -> str:
    """Say on what the figures are, and list those of generated images."""
    scores = found.sampling.items()
    lines = [f"- {FIGURES[name]}: {with_floor(at.db, at.floor_db)} dB" for name, at in scores]
    floor = "; in brackets that of an exactly equivariant denoiser" * bool(lines)
    return "\n".join([f"measured on {clean.words}{floor}", *lines])
