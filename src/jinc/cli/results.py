"""The results of a command: a folder checked before the work, progress, provenance, one last line.

results = Results(out, "images", options, names)  # refuses a folder that cannot be written
model = options.open(source)
plan = options.for_model(model)
results.describe(source, plan, steps)
images = results.images(generate_images(model, plan), plan.number, steps)
save_images(results.folder(), images)  # only now are the results of an earlier call deleted
results.report("8 images: folder", {"images": 8})
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from jinc.cli.provenance import ResultKind, begin_results, check_results, generation_facts
from jinc.cli.sampling import SamplingOptions
from jinc.diffusion import Step
from jinc.errors import JincError
from jinc.models import SamplingPlan
from jinc.report import Recorder
from jinc.types import Images

FRAMES = 40
"""Most states in a GIF."""
STRIP = 8
"""Most states in a strip."""
RECORDED = 8
"""Images in either."""

Numbers = TypeVar("Numbers", bound=Sequence[int])


@dataclass(frozen=True, kw_only=True)
class ResultOptions(SamplingOptions):
    """Sampling options, pictures of the sampling process, and the output format.

    Args:
        strip: also write strip.png: states of the first 8 images from noise to clean, with the
            predictions below.
        gif: also write denoising.gif, an animation of these states.
        json_: print JSON.
    """

    strip: Annotated[bool, Parameter(negative=())] = False
    gif: Annotated[bool, Parameter(negative=())] = False
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False

    @property
    def trajectories(self) -> list[str]:
        """File names of the requested pictures of the sampling process."""
        return ["strip.png"] * self.strip + ["denoising.gif"] * self.gif


class Results:
    """The results of one call of a command, in a folder.

    Args:
        out: the folder; it is checked and locked at once.
        kind: of the results.
        options: of the command.
        names: of all files that will be written.
        reads: input files, which must not be replaced.

    Raises:
        JincError: as of `check_results`.
    """

    def __init__(
        self,
        out: Path,
        kind: ResultKind,
        options: ResultOptions,
        names: Sequence[str],
        reads: Iterable[Path] = (),
    ) -> None:
        check_results(out, kind, names, reads)
        self.out, self.recorder = out, Recorder(1)
        self._kind, self._options, self._names = kind, options, names
        self._facts: dict[str, Any] = {}
        self._begun = self._recording = False

    def describe(
        self, source: Path, plan: SamplingOptions, steps: int | None, **facts: Any
    ) -> None:
        """Set the provenance: what `generation_facts` returns, and further facts."""
        self._facts = generation_facts(source, plan, steps) | facts

    def finished(
        self, run: Iterable[tuple[range, Step]], number: int, steps: int, label: str = "sampling"
    ) -> Iterator[tuple[range, Images]]:
        """Show progress, and yield the numbers and images of every batch when it is clean.

        The first batch of the first call is recorded for the pictures of the sampling process.

        Args:
            run: steps of batches, as `generate_images` yields them.
            number: of all images.
            steps: of each image, at most.
            label: of the progress bar.

        Raises:
            JincError: images are not finite.
        """
        record = bool(self._options.trajectories) and not self._recording
        if record:
            # Where images choose their steps, nobody knows beforehand which are evenly spaced.
            frames = FRAMES if self._options.shared_level else steps
            self.recorder, self._recording = Recorder(steps, frames, RECORDED), True
        for numbers, step in with_progress(run, number, steps, self._options, label):
            if record and numbers.start == 0:
                self.recorder.see(step)
            if step.t == -1:
                yield numbers, step.x_t

    def images(
        self, run: Iterable[tuple[range, Step]], number: int, steps: int, label: str = "sampling"
    ) -> Images:
        """Return all images of `finished`, `[number, C, H, W]`, on the CPU."""
        return torch.cat([images.cpu() for _, images in self.finished(run, number, steps, label)])

    def folder(self) -> Path:
        """Return the folder for writing; the first call deletes earlier results."""
        if not self._begun:
            begin_results(self.out, self._kind, self._facts, self._names)
            self._begun = True
        return self.out

    def report(
        self, line: str, facts: Mapping[str, Any], written: Sequence[str] | None = None
    ) -> None:
        """Write the pictures of the sampling process, and print a line, or JSON.

        Args:
            line: for people.
            facts: for JSON.
            written: names of files for JSON (default: all).
        """
        for name in self._options.trajectories:
            most = STRIP if name == "strip.png" else FRAMES
            self.recorder.trajectory().thinned(most).save(self.folder() / name)
        if not self._options.json_:
            print(line)
            return
        names = self._names if written is None else written
        found = {**facts, "written": [str(self.out / name) for name in names]}
        print(json.dumps(found, ensure_ascii=False, allow_nan=False))


def with_progress(
    run: Iterable[tuple[Numbers, Step]], number: int, steps: int, plan: SamplingPlan, label: str
) -> Iterator[tuple[Numbers, Step]]:
    """Yield the steps of batches unchanged, with a progress bar, once they are found finite.

    Raises:
        JincError: images are not finite.
    """
    with Progress(console=Console(stderr=True)) as bar:
        task, done = bar.add_task(label, total=number * steps), 0
        for numbers, step in run:
            bar.advance(task, len(numbers))
            check_finite(step.x_t, plan)
            if step.t == -1:
                done += len(numbers) * steps
                bar.update(task, completed=done)
            yield numbers, step


def check_finite(images: Images, plan: SamplingPlan) -> None:
    """Check that images are finite numbers.

    Raises:
        JincError: they are not; it names the options of the plan that may be the cause.
    """
    if bool(images.isfinite().all()):
        return
    suspects = [f"--guidance {plan.guidance:g}"] * (plan.guidance != 1)
    suspects += ["--no-clip"] * (not plan.clips)
    cause = f"{' with '.join(suspects)} is too strong, or " if suspects else ""
    raise JincError(f"the model's predictions are not finite: {cause}the model is damaged")
