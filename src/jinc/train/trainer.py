"""The training loop: one step after the other, on one process or many, and nothing is lost."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from jinc.data import ImageSet, save_png
from jinc.files import write_json
from jinc.plain import number_or_none
from jinc.train.checkpoint import Checkpoint, save_checkpoint
from jinc.train.ledger import LIMIT, Ledger, NotFinite, StepReport
from jinc.train.processes import Processes
from jinc.train.resume import check_same_run, load_into, newest_of_all, warn_of_rounding
from jinc.train.retention import best_checkpoint, checkpoint_path
from jinc.train.run import Run
from jinc.train.setup import build_task, make_batches
from jinc.train.stepper import Stepper
from jinc.train.task import Task
from jinc.train.track import Trackers
from jinc.train.update import learning_rate
from jinc.train.validation import hold_out, validation_loss

LAG = 8
"""Steps that an accelerator may be behind the host, which hands out work without waiting."""


@dataclass(frozen=True)
class Progress:
    """What is known after a step.

    Args:
        step: number of finished steps.
        total: number of all steps.
        loss: of this step, or of one a few steps ago on an accelerator, which is not waited for.
        images_per_second: over the time since the last line of the log.
        drawing: told between two steps of drawing samples, not after one of training.
    """

    step: int
    total: int
    loss: float
    images_per_second: float
    drawing: bool = False


class Trainer:
    """Train a network in a run folder. Iterating `steps()` is training.

    Args:
        run: where everything goes.
        images: the data.
        resume: go on from the newest checkpoint, or begin where there is none.
        processes: who takes part; this process alone if not given.

    Raises:
        JincError: settings and data do not fit, or are others than those of the checkpoint.
    """

    def __init__(
        self,
        run: Run,
        images: ImageSet,
        *,
        resume: bool = False,
        processes: Processes | None = None,
    ) -> None:
        self.run, self.config = run, run.config
        self.processes = processes or Processes.join(self.config.device)
        self.device = self.processes.device
        self.processes.check(self.config)
        torch.manual_seed(self.config.seed)
        self.task: Task[Any] = build_task(self.config, images)
        train, self._held_out = hold_out(len(images), self.config.holdout, self.config.seed)
        self._not_finite = run.path / "not-finite.json"
        self._images, self.image_size = images, images.image_size
        self._fingerprint = images.fingerprint()
        self.total = self.config.total_steps(len(train))
        self._pictures = {
            self.config.steps_of_epochs(epochs, len(train)) for epochs in self.config.sample_epochs
        }
        self.stepper = Stepper(self.task, self.config, self.processes, self.total)
        self.batches = make_batches(self.config, images, train, self.processes)
        self.step = 0
        self._ledger = Ledger(self.config.checkpoint_every)
        self._asked_to_stop = self._stops = self._picture_missing = False
        if resume:
            self._resume()
        with self.processes.together():
            names = self.config.track if self.processes.is_main else ()
            self._trackers = Trackers(names, run.path, self.step)

    def request_stop(self) -> None:
        """Ask for training to stop after a step or two, saved; may be called by a signal handler.

        Where there are many processes, it is enough that one is asked.
        """
        self._asked_to_stop = True

    @property
    def held_out(self) -> int:
        """How many images are held out to validate with."""
        return len(self._held_out)

    @property
    def stopped(self) -> bool:
        """Whether training ended because it was asked to."""
        return self._stops and (self.step < self.total or self._picture_missing)

    def steps(self) -> Iterator[Progress]:
        """Train to the end, or until asked to stop; the run is resumable whenever this is left.

        Yields:
            What is known after every step of training, and of drawing samples.

        Raises:
            NotFinite: the loss was no number several times in a row; a report is in the run folder.
            JincError: the disk failed.
        """
        try:
            yield from self._steps()
        finally:
            self.batches.close()
            self._trackers.close()

    def _steps(self) -> Iterator[Progress]:
        config, rate = self.config, 0.0
        since, first = time.perf_counter(), self.step
        while self.step < self.total and not self._stops:
            batch = self.batches.batch(self.step)
            told = self.stepper.step(self.step, batch, stop=self._asked_to_stop)
            self._ledger.enter(self.step, told)
            self.step += 1
            pause = self._due(config.log_every) or self._due(config.checkpoint_every)
            self._read(0 if pause or not told.is_cuda else LAG)
            if self._due(config.log_every):
                images = (self.step - first) * config.batch_size
                rate = images / (time.perf_counter() - since)
                self._log(rate)
            if self.processes.count == 1:  # many have to agree on a step, which the reading tells
                self._stops = self._asked_to_stop
            if self._due(config.checkpoint_every) or self._stops:
                self.save()
            yield self._progress(rate)
            if self._is_picture_due():
                yield from self._pictures_drawn(rate)
            if self._due(config.log_every):
                since, first = time.perf_counter(), self.step

    def _progress(self, rate: float, *, drawing: bool = False) -> Progress:
        return Progress(self.step, self.total, self._ledger.newest.loss, rate, drawing)

    def _pictures_drawn(self, rate: float) -> Iterator[Progress]:
        self._picture_missing = True
        for _ in () if self._stops else self._draw():
            yield self._progress(rate, drawing=True)
        if not self._stops and any(self.processes.gather(int(self._asked_to_stop))):
            self._stops = True
            if not self._due(self.config.checkpoint_every):  # else it is saved already
                self.save()
        self._picture_missing = self._stops

    def save(self) -> None:
        """Write a checkpoint and, beside it, the averaged model ready for use."""
        self._read()
        groups = self.stepper.groups()
        score = self._score() if self._due(self.config.checkpoint_every) else None
        state = {
            "score": score,
            "ledger": self._ledger.state(),
            "config": self.config.settings(),
            "data": self._fingerprint,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "processes": self.processes.count,
        }
        best = False
        with self.processes.together():
            if self.processes.is_main:
                checkpoint = Checkpoint(self.step, groups, state)
                path = save_checkpoint(self.run.checkpoints, checkpoint, self.config.keep)
                best = score is not None and self._is_best(path)
        self._save_models(best)

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.total

    def _is_picture_due(self) -> bool:
        every = self.config.sample_every
        return bool(every and self._due(every)) or self.step in self._pictures

    def _read(self, behind: int = 0) -> None:
        """Take in what steps have told, but for the last few."""
        last = self._ledger.read(behind)
        self._stops = self._stops or self._ledger.asked_to_stop
        if last is not None:
            self._give_up(last)

    def _log(self, rate: float) -> None:
        """Write a line about the steps since the last one."""
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

    def _score(self) -> float | None:
        """Say how good the model is: its error on what was held out, or the mean of late losses."""
        if self.held_out:
            loss = validation_loss(
                self.task, self.stepper.averaged, self._images, self._held_out, self.config
            )
            self._write_log({"step": self.step, "validation_loss": number_or_none(loss)})
            return number_or_none(loss)
        return self._ledger.score()

    def _is_best(self, checkpoint: Path) -> bool:
        return best_checkpoint(self.run.checkpoints) == checkpoint

    def _save_models(self, best: bool) -> None:
        for place, (decay, network) in enumerate(self.stepper.whole_networks()):
            with self.processes.together():
                if self.processes.is_main:
                    package = self.task.packaged(network)
                    package.save(self.run.path / (f"model-{decay}" if place else "model"))
                    if best and not place:
                        package.save(self.run.path / "best")

    def _give_up(self, last: StepReport) -> None:
        """Say what the last step looked like, which changed nothing, and stop."""
        step = last.step
        batch = self.batches.batch(step)
        weights, gradients = self.stepper.norms(step, batch)
        report = {
            "step": step + 1,
            "loss": number_or_none(last.loss),
            "gradient_norm": number_or_none(last.gradient_norm),
            "indices": self.batches.indices(step).tolist(),
            "t": self.batches.times(step).tolist(),
            "weight_norms": weights,
            "gradient_norms": gradients,
            "learning_rate": learning_rate(self.config, step, self.total),
        }
        file = self._not_finite
        with self.processes.together():
            if self.processes.is_main:
                write_json(file, report)
            raise NotFinite(
                f"{self.run.path}: loss or gradients were not finite {LIMIT} times in a row, up to "
                f"step {step + 1}; none of these steps was applied, see {file.name}; lower "
                "learning_rate"
            )

    def _draw(self) -> Iterator[None]:
        """Draw a picture of what the model can do, pausing after every step of it."""
        split = self.config.fsdp and self.processes.count > 1  # then all have to take part
        network = self.stepper.averaged
        was_training = network.training
        network.eval()
        try:
            with self.processes.together():
                if self.processes.is_main or split:
                    for picture in self.task.draw(self.task.packaged(network)):
                        if picture is not None and self.processes.is_main:
                            save_png(self.run.samples(self.step), picture)
                        yield
                        if self._asked_to_stop and not split:
                            return
        finally:  # also where it is left half drawn
            network.train(was_training)

    def _resume(self) -> None:
        checkpoint = newest_of_all(self.run.checkpoints, self.processes)
        self._forget_log_after(checkpoint.step if checkpoint else 0)
        if checkpoint is None:
            return
        with self.processes.together():
            check_same_run(checkpoint, self.run, self.config, self._fingerprint, self.total)
            load_into(self.stepper, checkpoint, self.run)
        self.step = checkpoint.step
        if self.processes.is_main:  # what it told of is being done again
            self._not_finite.unlink(missing_ok=True)
        self._ledger.load(checkpoint.state["ledger"])
        if self.processes.is_main:
            warn_of_rounding(checkpoint, self.run, self.processes)
        # The machine may have stopped between the checkpoint and what goes with it.
        self._save_models(self._is_best(checkpoint_path(self.run.checkpoints, self.step)))
        missing = self._is_picture_due() and not self.run.samples(self.step).exists()
        if any(self.processes.gather(int(missing))):
            deque(self._draw(), maxlen=0)

    def _forget_log_after(self, step: int) -> None:
        with self.processes.main_first():
            if self.processes.is_main:
                self.run.forget_log_after(step)
