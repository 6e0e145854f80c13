"""`jinc train`."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from jinc.cli.app import INTERRUPTED
from jinc.cli.memory import keep_freed_memory
from jinc.errors import JincError
from jinc.train import Run, TrainConfig, Trainer, check_settings, load_data

DEFAULTS = TrainConfig()

CHANGEABLE = ("steps", "epochs", "device", "log_every", "sample_every", "checkpoint_every", "keep")
"""Settings that a resumed run may change; the others would make it another run."""


def train(
    *,
    out: Path,
    resume: bool = False,
    config: Annotated[
        TrainConfig, Parameter(name="*", consume_multiple=True, negative_iterable=())
    ] = DEFAULTS,
) -> None:
    """Train a model on images; what comes of it lies in the run folder.

    Args:
        out: the run folder: config.yaml, log.jsonl, checkpoints/, samples/ and model/.
        resume: go on from the newest checkpoint of the run, or start it if there is none.
        config: the settings.
    """
    console = Console(stderr=True)
    keep_freed_memory()
    settings = _settings(out, config, resume)
    with decoding_progress(console) as report:
        images = load_data(settings, report)
    check_settings(settings, images)
    run = Run(out)
    settings.write(out / "config.yaml")
    trainer = Trainer(run, images, resume=resume)
    _introduce(console, trainer, len(images), images.name)
    if not _train(console, trainer):
        trainer.save()
        console.print(f"stopped after step {trainer.step}; go on with --resume", highlight=False)
        sys.exit(INTERRUPTED)
    print(f"model: {run.path / 'model'}")
    if run.config.sample_every:
        print(f"samples: {run.samples(trainer.step)}")


def _settings(out: Path, config: TrainConfig, resume: bool) -> TrainConfig:
    """Return the settings of a new run, or of the one there, but for those that may change.

    On the command line the settings of the run are the defaults, so that only what is given
    differs from them.
    """
    if not resume or not out.exists() or (out.is_dir() and not any(out.iterdir())):
        Run.check_free(out)
        return config
    stored = Run.open(out).config
    changes = {}
    for name in TrainConfig.__dataclass_fields__:
        asked = getattr(config, name)
        if asked == getattr(stored, name):
            continue
        if name not in CHANGEABLE:
            option = "--" + name.replace("_", "-")
            raise JincError(f"{option}: {out} was trained with {getattr(stored, name)}")
        changes[name] = asked
    return replace(stored, **changes)


def _introduce(console: Console, trainer: Trainer, count: int, name: str) -> None:
    network = trainer.network
    height, width = trainer.model.image_size
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    colours = "grey" if network.channels == 1 else f"{network.channels} channels"
    console.print(
        f"{count:,} images of {name}, {height}×{width}, {colours}; "
        f"{network.config.name} with {millions:.2f} M parameters on {trainer.device}; "
        f"steps {trainer.step} to {trainer.total}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _train(console: Console, trainer: Trainer) -> bool:
    """Train to the end with a progress bar; return False if a signal asked to stop before."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TextColumn("{task.fields[rate]:.0f} images/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    average, tenth = float("nan"), max(1, trainer.total // 10)
    with _stop_request() as stop, Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=trainer.total, completed=trainer.step, loss=average, rate=0)
        for done in trainer.steps():
            if done.drawing:
                bar.update(task, description="drawing samples")
            else:
                average = done.loss if average != average else 0.98 * average + 0.02 * done.loss
                rate = done.images_per_second
                bar.update(task, completed=done.step, loss=average, rate=rate, description="")
                if not console.is_terminal and done.step % tenth == 0:
                    console.print(f"step {done.step} of {done.total}, loss {average:.4f}")
            if stop and (done.drawing or done.step < done.total):
                return False
    return True


@contextmanager
def _stop_request() -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM instead of dying of it; a second one kills."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for each in previous:
            signal.signal(each, signal.SIG_DFL)

    previous = {each: signal.signal(each, note) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


@contextmanager
def decoding_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while a folder is decoded."""
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task("decoding")

    def report(done: int, total: int) -> None:
        bar.start()  # with the first call only, for a bar that never starts prints nothing
        bar.update(task, completed=done, total=total)

    try:
        yield report
    finally:
        if bar.live.is_started:
            bar.stop()
