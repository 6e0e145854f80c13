"""The training loop, on one process or several: resumable bit for bit at any time."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.plain import number_or_none
from jinc.train.batches import hold_out
from jinc.train.checkpoint import Checkpoint, save_checkpoint
from jinc.train.config import TrainConfig
from jinc.train.finetuning import digest
from jinc.train.ledger import Ledger, give_up
from jinc.train.observing import Observer, Scorer, validation_loss
from jinc.train.processes import Processes
from jinc.train.resume import (
    Changes,
    ahead_of,
    check_same_run,
    load_into,
    newest_of_all,
    warn_of_rounding,
)
from jinc.train.retention import best_checkpoint, checkpoint_path
from jinc.train.run import Run
from jinc.train.setup import build_task, load_initial, make_batches
from jinc.train.stepper import Stepper
from jinc.train.tasks import Task
from jinc.train.track import Trackers
from jinc.train.update import learning_rate


@dataclass(frozen=True)
class Progress:
    """Progress after a step.

    Args:
        step: number of finished steps.
        total: number of all steps.
        loss: of this step, or of one a few steps ago on an accelerator, which is not waited for.
        images_per_second: since the last line of the log.
        drawing: whether the step was one of sampling or scoring, not of training.
    """

    step: int
    total: int
    loss: float
    images_per_second: float
    drawing: bool = False


LAG = 8
"""Steps that an accelerator may lag behind the host, which queues work without waiting."""


class Trainer:
    """Train a network in a run folder, by iterating over `steps()`.

    Args:
        run: the folder of settings and results.
        images: the data.
        config: the settings; those of the run's file by default.
        resume: continue from the newest checkpoint, if there is one.
        processes: of the run; found by their environment by default.
        scorer: scores models for `score_every`, on the main process.

    Raises:
        JincError: settings and data do not fit, or differ from those of the checkpoint.
    """

    def __init__(
        self,
        run: Run,
        images: ImageSet,
        *,
        config: TrainConfig | None = None,
        resume: bool = False,
        processes: Processes | None = None,
        scorer: Scorer | None = None,
    ) -> None:
        self.run, self.config = run, config or run.config
        self.processes = processes or Processes.join(self.config.device)
        self.device = self.processes.device
        self.processes.check(self.config)
        if self.config.score_every and scorer is None and self.processes.is_main:
            raise JincError("score_every: needs a scorer")
        torch.manual_seed(self.config.seed)
        self.task: Task[Any] = build_task(self.config, images)
        train, self._held_out = hold_out(len(images), self.config.holdout, self.config.seed)
        self._images, self.image_size = images, images.image_size
        self._fingerprint = images.fingerprint()
        original = self.task.original
        self._original = "" if original is None else digest(original.network)
        checkpoint = newest_of_all(run.checkpoints, self.processes) if resume else None
        self._ahead = ahead = ahead_of(checkpoint, self.config)
        self.total = self.config.total_steps(len(train), ahead)
        if checkpoint is None:
            with self.processes.together():
                load_initial(self.task.package.network, self.config)
        self.stepper = Stepper(self.task, self.config, self.processes, self.total)
        self.batches = make_batches(self.config, images, train, self.processes, ahead)
        self.step = 0
        self._ledger = Ledger(self.config.checkpoint_every)
        self._asked_to_stop = self._stops = self._unobserved = self.has_saved = False
        epochs = self.config.sample_epochs
        self._observer = Observer(
            run=run,
            config=self.config,
            task=self.task,
            stepper=self.stepper,
            processes=self.processes,
            total=self.total,
            pictures=frozenset(self.config.steps_of_epochs(e, len(train), ahead) for e in epochs),
            scorer=scorer,
        )
        self.changes = Changes()
        self._unobserved = original is not None and bool(self.config.score_every)
        if resume:
            self._resume(checkpoint, len(train))
        with self.processes.together():
            names = self.config.track if self.processes.is_main else ()
            self._trackers = Trackers(names, run.path, self.step)

    def request_stop(self) -> None:
        """Stop all processes after a step or two, with a checkpoint; safe in signal handlers."""
        self._asked_to_stop = True

    @property
    def held_out(self) -> int:
        """Number of images held out for validation."""
        return len(self._held_out)

    @property
    def stopped(self) -> bool:
        """Whether training ended early on request."""
        return self._stops and (self.step < self.total or self._unobserved)

    def steps(self) -> Iterator[Progress]:
        """Train to the end or a requested stop, yielding after every step; always resumable.

        Raises:
            NotFinite: loss or gradients were not finite `LIMIT` times in a row; a report is in the
                run folder.
            JincError: a file cannot be written.
        """
        try:
            yield from self._steps()
        finally:
            self.batches.close()
            self._trackers.close()

    def _steps(self) -> Iterator[Progress]:
        config, rate = self.config, 0.0
        if self._unobserved:  # the machine may have stopped between a checkpoint and what follows
            yield from self._observed(rate)
        since, first = time.perf_counter(), self.step
        while self.step < self.total and not self._stops:
            batch = self.batches.batch(self.step)
            report = self.stepper.step(self.step, batch, stop=self._asked_to_stop)
            self._ledger.enter(self.step, report)
            self.step += 1
            pause = self._due(config.log_every) or self._due(config.checkpoint_every)
            self._read(0 if pause or not report.is_cuda else LAG)
            if self._due(config.log_every):
                images = (self.step - first) * config.batch_size
                rate = images / (time.perf_counter() - since)
                self._log(rate)
            if self.processes.count == 1:  # several agree on a step by their reports
                self._stops = self._asked_to_stop
            if self._due(config.checkpoint_every) or self._stops:
                self.save()
            yield self._progress(rate)
            if self._is_observed():
                yield from self._observed(rate)
            if self._due(config.log_every):
                since, first = time.perf_counter(), self.step

    def _progress(self, rate: float, *, drawing: bool = False) -> Progress:
        return Progress(self.step, self.total, self._ledger.newest.loss, rate, drawing)

    def _observed(self, rate: float) -> Iterator[Progress]:
        """Draw and score, and save the score if it selects the best model."""
        self._unobserved = True
        observing = self._observer.observe(self.step, lambda: self._asked_to_stop)
        for _ in () if self._stops else observing:
            yield self._progress(rate, drawing=True)
        figures = self._observer.scores.get(self.step, {})
        if any(self.processes.gather(int(bool(figures)))):
            self._write_log({"step": self.step, **figures})
            if self.config.best_by == "score" and self.step:
                self._save(figures.get("score"))
        if not self._stops and any(self.processes.gather(int(self._asked_to_stop))):
            self._stops = True
            if not self._due(self.config.checkpoint_every):  # else it is saved already
                self.save()
        self._unobserved = self._stops

    def _is_observed(self) -> bool:
        """Whether this step has grids of samples or a score."""
        return self._observer.picture_is_due(self.step) or self._observer.score_is_due(self.step)

    def save(self) -> None:
        """Write a checkpoint and the averaged model."""
        self._read()
        loss = self._loss() if self._due(self.config.checkpoint_every) else None
        self._save(loss if self.config.best_by == "loss" else None)

    def _save(self, score: float | None) -> None:
        groups = self.stepper.groups()
        state = {
            "score": score,
            "ledger": self._ledger.state(),
            "config": self.config.settings(),
            "data": self._fingerprint,
            "original": self._original,
            "ahead": self._ahead,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "processes": self.processes.count,
        }
        self.has_saved, best = True, False
        with self.processes.together():
            if self.processes.is_main:
                checkpoint = Checkpoint(self.step, groups, state)
                _, best = save_checkpoint(self.run.checkpoints, checkpoint, self.config.keep)
        self._save_models(best)

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.total

    def _read(self, behind: int = 0) -> None:
        """Read the reports of steps, but for the last few."""
        last = self._ledger.read(behind)
        self._stops = self._stops or self._ledger.asked_to_stop
        if last is not None:
            rate = learning_rate(self.config, last.step, self.total)
            give_up(last, rate, self.run, self.stepper, self.batches, self.processes)

    def _log(self, rate: float) -> None:
        """Log the steps since the last line."""
        rates = {
            "learning_rate": learning_rate(self.config, self.step - 1, self.total),
            "images_per_second": rate,
        }
        self._write_log({"step": self.step} | self._ledger.line() | rates)

    def _write_log(self, entry: dict[str, Any]) -> None:
        with self.processes.together():
            if self.processes.is_main:
                self.run.append_log(entry)
                self._trackers.log(entry)

    def _loss(self) -> float | None:
        """Return the validation loss or, without holdout, the recent mean of the training loss."""
        if self.held_out:
            loss = validation_loss(
                self.task, self.stepper.averaged, self._images, self._held_out, self.config
            )
            self._write_log({"step": self.step, "validation_loss": number_or_none(loss)})
            return number_or_none(loss)
        return self._ledger.score()

    def _save_models(self, best: bool) -> None:
        for place, (decay, network) in enumerate(self.stepper.whole_networks()):
            with self.processes.together():
                if self.processes.is_main:
                    package = self.task.packaged(network)
                    package.save(self.run.path / (f"model-{decay}" if place else "model"))
                    if best and not place:
                        package.save(self.run.path / "best")

    def _resume(self, checkpoint: Checkpoint | None, images: int) -> None:
        with self.processes.main_first():
            if self.processes.is_main:
                self.run.forget_log_after(checkpoint.step if checkpoint else 0)
        if checkpoint is None:
            self._unobserved = self._unobserved and not self._observer.has_all(0)
            return
        with self.processes.together():
            prints = self._fingerprint, self._original
            check_same_run(checkpoint, self.run, self.config, *prints, self.total)
            load_into(self.stepper, checkpoint, self.run)
        self.step = checkpoint.step
        self.changes = Changes.since(checkpoint, self.config, images)
        if self.processes.is_main:
            self.run.not_finite.unlink(missing_ok=True)  # those steps are repeated
            if self.changes.settings:
                self.run.append_log({"step": self.step, "changed": self.changes.settings})
        self._ledger.load(checkpoint.state["ledger"])
        if self.processes.is_main:
            warn_of_rounding(checkpoint, self.run, self.processes)
        # An interruption may have come between the checkpoint and the model and grid of its step.
        path = checkpoint_path(self.run.checkpoints, self.step)
        self._save_models(best_checkpoint(self.run.checkpoints) == path)
        missing = self._is_observed() and not self._observer.has_all(self.step)
        self._unobserved = any(self.processes.gather(int(missing)))
