"""`jinc train`."""

import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from rich.console import Console

from jinc.cli.app import STOPPED
from jinc.cli.options import DEFAULTS, Options, plain
from jinc.cli.places import claim
from jinc.cli.progress import decoding_progress, say_what_was_read, train_with_progress
from jinc.cli.resuming import CURVE, ChangedSettings, run_settings
from jinc.data import ImageSet
from jinc.diffusion import warn_of_signal
from jinc.errors import JincError, counted, told_once
from jinc.files import writing
from jinc.models import Trained, keep_freed_memory, warn_of_slow_precision
from jinc.models.convert.settings import Settings, names_file
from jinc.report import plot_finetuning, plot_learning_curve
from jinc.train import (
    Processes,
    Run,
    Scorer,
    TrainConfig,
    Trainer,
    check_settings,
    is_new,
    load_data,
    measure,
    refuse_unused,
)

PARETO = "finetune.png"
"""The scores of a fine-tuning over equivariance in a run folder."""

_STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1")
"""Signals that request a stop; job schedulers send the last one before the time limit."""


def train(
    *,
    out: Path | None = None,
    resume: bool = False,
    dry_run: bool = False,
    set_: ChangedSettings = (),
    config: Options = DEFAULTS,
) -> None:
    """Train a model on images, in a run folder.

    Args:
        out: the run folder: config.yaml, log.jsonl, checkpoints/, samples/ and model/.
        resume: continue from the newest checkpoint of the run, or start if there is none.
        dry_run: print parameters, memory and time of training, and write nothing.
        set_: with --resume, settings to change from the newest checkpoint on, such as
            learning_rate=1e-4 batch_size=32; the log records the step.
        config: the settings; --config may also be the jinc.json of `jinc search`.
    """
    keep_freed_memory()
    settings = plain(config)
    with told_once():
        if out is None and not dry_run:
            raise JincError("--out: is required: the folder of the run")
        if names_file(settings.config):
            given = Settings.by_level(settings.config)
            padding = given.padding or settings.padding
            settings = replace(settings, config=given.config, padding=padding)
        if set_ and not resume:
            raise JincError("--set: needs --resume; for a new run, use the options")
    with Processes.join(settings.device) as processes:
        console = Console(stderr=True, quiet=not processes.is_main)
        if out is None or dry_run:
            _dry_run(console, settings, processes)
            return
        stopped = _train(console, out, settings, resume, set_, processes)
    if stopped:
        sys.exit(STOPPED)


def _train(
    console: Console,
    out: Path,
    asked: TrainConfig,
    resume: bool,
    changes: tuple[str, ...],
    processes: Processes,
) -> bool:
    """Train to the end; return whether training was stopped before it."""
    with processes.together():
        claim(out)
        settings = run_settings(out, asked, resume, changes)
        processes.check(settings)
    with processes.main_first():
        images = _images(console, settings)
    with processes.together():
        scorer = _scorer(console, settings, images) if processes.is_main else None
    file = out / "config.yaml"
    before = file.read_bytes() if file.is_file() else None
    running: list[Trainer] = []
    early: list[bool] = []  # requests to stop before the trainer exists

    def request_stop() -> None:
        early.append(True)
        for each in running:
            each.request_stop()

    with _stop_requests(request_stop, once=processes.count == 1):
        try:
            trainer = Trainer(
                Run(out), images, config=settings, resume=resume, processes=processes, scorer=scorer
            )
            with processes.together():
                if processes.is_main:
                    settings.write(out / "config.yaml")
            running.append(trainer)
            if early:
                trainer.request_stop()
            introduce(console, trainer, images)
            train_with_progress(console, trainer)
        except BaseException:
            if processes.is_main and not (running and running[0].has_saved):
                _put_back(out, before)
            raise
    if trainer.stopped:
        console.print(f"stopped after step {trainer.step}; continue with --resume", highlight=False)
    elif processes.is_main:
        _conclude(trainer)
    return trainer.stopped


def _put_back(out: Path, before: bytes | None) -> None:
    """Restore the settings of a run of which nothing has been saved with the new ones."""
    if before is not None:
        with writing(out / "config.yaml") as file:
            file.write(before)
    elif is_new(out):
        (out / "config.yaml").unlink(missing_ok=True)


def introduce(console: Console, trainer: Trainer, images: ImageSet) -> None:
    """Print the data, the network and the steps of training."""
    network = trainer.stepper.network
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    many = f"{trainer.processes.count} processes on " if trainer.processes.count > 1 else ""
    held = f"{counted(trainer.held_out, 'images')} held out; " if trainer.held_out else ""
    warn_of_slow_precision(trainer.config.precision, trainer.device)
    if isinstance(trainer.task.package, Trained):
        warn_of_signal(trainer.task.package.named_schedule())
    say_what_was_read(console, images.summary())
    console.print(
        f"{held}{network.config.name} with {millions:.2f} M parameters on {many}{trainer.device}; "
        f"steps {trainer.step} to {trainer.total}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for line in trainer.changes.words(trainer.config, trainer.total):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _images(console: Console, settings: TrainConfig) -> ImageSet:
    with decoding_progress(console) as report:
        images = load_data(settings, report)
    check_settings(settings, images)
    refuse_unused(settings)
    return images


def _conclude(trainer: Trainer) -> None:
    run = trainer.run
    print(f"model: {run.path / 'model'}")
    if run.samples(trainer.step).is_file():
        print(f"samples: {run.samples(trainer.step)}")
    if any("loss" in entry for entry in run.read_log()):
        plot_learning_curve(run.read_log(), run.path / CURVE)
        print(f"learning curve: {run.path / CURVE}")
    if trainer.config.original and trainer.config.score_every:
        plot_finetuning(run.read_log(), run.path / PARETO)
        print(f"scores over equivariance: {run.path / PARETO}")


def _dry_run(console: Console, settings: TrainConfig, processes: Processes) -> None:
    with processes.main_first():
        processes.check(settings)
        images = _images(console, settings)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        trainer = Trainer(
            run,
            images,
            config=replace(settings, track=(), init=None, score_every=0),
            processes=processes,
        )
        introduce(console, trainer, images)
        cost = measure(trainer)
    rate = settings.batch_size / cost.seconds_per_step
    if processes.is_main:
        print(f"parameters: {cost.parameters:,}")
        print(f"forward pass: {cost.gflop_per_image:.3g} GFLOP an image")
        print(f"memory: {cost.memory_bytes / 2**30:.2f} GiB")
        print(f"step: {cost.seconds_per_step:.3f} s, {rate:.0f} images/s")
        print(f"all {cost.steps:,} steps: {cost.hours:.1f} h")


def _scorer(console: Console, config: TrainConfig, images: ImageSet) -> Scorer | None:
    """Prepare the scores of `score_every`, before training begins; None without them."""
    if not config.score_every:
        return None
    from jinc.study import training_scorer  # slow to import, and rarely needed

    with console.status("extracting features of the data"):
        return training_scorer(config, images)


@contextmanager
def _stop_requests(request: Callable[[], None], *, once: bool = True) -> Iterator[None]:
    """Turn the first signal into a request to stop; a second one ends the process.

    Args:
        request: called in the signal handler, so it may only set a flag.
        once: False under a launcher, which may repeat a signal, and ends processes itself; then
            every signal is a request.
    """
    kinds = [getattr(signal, name) for name in _STOP_SIGNALS if hasattr(signal, name)]

    def handle(number: int, frame: FrameType | None) -> None:
        request()
        for each in kinds if once else ():
            signal.signal(each, signal.SIG_DFL)

    previous = {each: signal.signal(each, handle) for each in kinds}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
