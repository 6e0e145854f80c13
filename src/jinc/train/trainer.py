"""The training loop: one step after the other, on one process or many, and nothing is lost."""

import time
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.data import ImageSet, save_png
from jinc.errors import JincError
from jinc.train.augment import Augmentation
from jinc.train.batches import Batches
from jinc.train.checkpoint import Checkpoint, load_newest, save_checkpoint
from jinc.train.guard import LIMIT, NotFinite, NotFiniteReport, number_or_none
from jinc.train.learning_rate import learning_rate
from jinc.train.processes import Processes
from jinc.train.reading import Reading
from jinc.train.retention import best_checkpoint, checkpoint_path
from jinc.train.run import Run
from jinc.train.setup import build_task
from jinc.train.stepper import Stepper
from jinc.train.task import Package, Task
from jinc.train.track import Trackers
from jinc.train.validation import validation_loss

LAG = 8
"""Steps that an accelerator may be behind the host, which hands out work without waiting."""

RESIDENT_BYTES = 4 * 2**30
"""Data sets up to this size are kept on an accelerator."""

_HOLDOUT = 4  # a stream of the seed; `batches` and `stepper` have others


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
        resume: go on from the newest checkpoint.
        processes: who takes part; this process alone if not given.

    Raises:
        JincError: settings and data do not fit, or there is nothing to resume.
    """

    def __init__(
        self,
        run: Run,
        images: ImageSet,
        *,
        resume: bool = False,
        processes: Processes | None = None,
    ) -> None:
        """Build the network, and bring it to where the run had come."""
        self.run, self.config = run, run.config
        self.processes = processes or Processes.join(self.config.device)
        self.device = self.processes.device
        self.processes.check(self.config)
        torch.manual_seed(self.config.seed)
        self.task: Task[Any] = build_task(self.config, images)
        train, self._held_out = _split(len(images), self.config.holdout, self.config.seed)
        self._images, self.image_size = images, images.image_size
        self.total = self.config.total_steps(len(train))
        self._pictures = {
            self.config.steps_of_epochs(epochs, len(train)) for epochs in self.config.sample_epochs
        }
        self.stepper = Stepper(self.task, self.config, self.processes, self.total)
        self.batches = self._make_batches(train)
        self.step = 0
        self._readings: deque[tuple[int, Reading]] = deque()
        self._losses: list[float] = []  # since the last line of the log
        self._norms: list[float] = []
        self._interval = [0.0, 0]  # sum and number of losses since the last checkpoint was due
        self._failures = 0
        self._asked_to_stop = self._stops = self._picture_missing = False
        if resume:
            self._resume()
        with self.processes.together():
            names = self.config.track if self.processes.is_main else ()
            self._trackers = Trackers(names, run.path)

    def request_stop(self) -> None:
        """Ask for training to stop after a step or two, saved; may be called by a signal handler.

        Where there are many processes, it is enough that one is asked.
        """
        self._asked_to_stop = True

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
        config, loss, rate = self.config, float("nan"), 0.0
        since, first = time.perf_counter(), self.step
        while self.step < self.total and not self._stops:
            batch = self.batches.batch(self.step)
            told = self.stepper.step(self.step, batch, stop=self._asked_to_stop)
            self._readings.append((self.step, Reading(told)))
            self.step += 1
            pause = self._due(config.log_every) or self._due(config.checkpoint_every)
            loss = self._read(0 if pause or not told.is_cuda else LAG, loss)
            if self._due(config.log_every):
                images = (self.step - first) * config.batch_size
                rate = images / (time.perf_counter() - since)
                self._log(rate)
            if self.processes.count == 1:  # many have to agree on a step, which the reading tells
                self._stops = self._asked_to_stop
            if self._due(config.checkpoint_every) or self._stops:
                loss = self._read(0, loss)
                self.save()
            yield Progress(self.step, self.total, loss, rate)
            if self._is_picture_due():
                yield from self._pictures_drawn(loss, rate)
            if self._due(config.log_every):
                since, first = time.perf_counter(), self.step

    def _pictures_drawn(self, loss: float, rate: float) -> Iterator[Progress]:
        self._picture_missing = True
        for _ in () if self._stops else self._draw():
            yield Progress(self.step, self.total, loss, rate, drawing=True)
        if not self._stops and any(self.processes.gather(int(self._asked_to_stop))):
            self._stops = True
            if not self._due(self.config.checkpoint_every):  # else it is saved already
                self.save()
        self._picture_missing = self._stops

    def save(self) -> None:
        """Write a checkpoint and, beside it, the averaged model ready for use."""
        self._read(0, float("nan"))
        groups = self.stepper.groups()
        score = self._score() if self._due(self.config.checkpoint_every) else None
        state = {
            "score": score,
            "losses": [number_or_none(loss) for loss in self._losses],
            "norms": [number_or_none(norm) for norm in self._norms],
            "interval": self._interval,
            "failures": self._failures,
            "config": self.config.settings(),
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

    def averaged_model(self) -> Package:
        """Return the model with averaged weights."""
        package: Package = self.task.packaged(self.stepper.averaged)
        return package

    def _make_batches(self, train: NDArray[np.int64]) -> Batches:
        config, bytes_ = self.config, self._images.images.nbytes
        accelerated = self.device.type != "cpu"
        fits = accelerated and bytes_ <= RESIDENT_BYTES
        ahead = 2 if accelerated else 0
        return Batches(
            self._images,
            batch_size=config.batch_size,
            timesteps=config.timesteps,
            seed=config.seed,
            augmentation=Augmentation(config.augment),
            label_dropout=config.label_dropout,
            moves=config.moves if config.equivariance else None,
            among=train,
            rows=self.processes.rows(config.batch_size),
            device=self.device,
            resident=fits if config.resident is None else config.resident,
            workers=ahead if config.workers is None else config.workers,
        )

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.total

    def _is_picture_due(self) -> bool:
        every = self.config.sample_every
        return bool(every and self._due(every)) or self.step in self._pictures

    def _read(self, behind: int, loss: float) -> float:
        """Take in what steps have told but for the last few, and return the newest loss known."""
        while len(self._readings) > behind:
            step, reading = self._readings.popleft()
            loss, norm, failed, stop = reading.get()
            if step % self.config.checkpoint_every == 0:
                self._interval = [0.0, 0]
            self._losses.append(loss)
            self._norms.append(norm)
            self._stops = self._stops or stop > 0
            self._failures = self._failures + 1 if failed else 0
            if loss - loss == 0:
                self._interval = [self._interval[0] + loss, self._interval[1] + 1]
            if self._failures == LIMIT:
                self._give_up(step, loss, norm)
        return loss

    def _log(self, rate: float) -> None:
        """Write a line about the steps since the last one."""
        entry = {
            "step": self.step,
            "loss": number_or_none(sum(self._losses) / len(self._losses)),
            "gradient_norm": number_or_none(sum(self._norms) / len(self._norms)),
            "learning_rate": learning_rate(self.config, self.step - 1, self.total),
            "images_per_second": rate,
        }
        self._losses, self._norms = [], []
        self._write_log(entry)

    def _write_log(self, entry: dict[str, Any]) -> None:
        with self.processes.together():
            if self.processes.is_main:
                self.run.append_log(entry)
                self._trackers.log(entry)

    def _score(self) -> float | None:
        """Say how good the model is: its error on what was held out, or the mean of late losses."""
        if len(self._held_out):
            loss = validation_loss(
                self.task, self.stepper.averaged, self._images, self._held_out, self.config
            )
            self._write_log({"step": self.step, "validation_loss": number_or_none(loss)})
            return number_or_none(loss)
        total, count = self._interval
        return total / count if count else None

    def _is_best(self, checkpoint: Path) -> bool:
        return best_checkpoint(self.run.checkpoints) == checkpoint

    def _save_models(self, best: bool) -> None:
        for place, (decay, network) in enumerate(self.stepper.whole_networks()):
            with self.processes.together():
                if self.processes.is_main:
                    package = self.task.packaged(network)
                    package.save(self.run.path / (f"model-{decay:g}" if place else "model"))
                    if best and not place:
                        package.save(self.run.path / "best")

    def _give_up(self, step: int, loss: float, norm: float) -> None:
        """Say what the last step looked like, which changed nothing, and stop."""
        batch = self.batches.batch(step)
        weights, gradients = self.stepper.norms(step, batch)
        report = NotFiniteReport(
            step=step + 1,
            loss=number_or_none(loss),
            gradient_norm=number_or_none(norm),
            indices=self.batches.indices(step).tolist(),
            t=self.batches.times(step).tolist(),
            weight_norms=weights,
            gradient_norms=gradients,
            learning_rate=learning_rate(self.config, step, self.total),
        )
        file = self.run.path / "not-finite.json"
        with self.processes.together():
            if self.processes.is_main:
                report.write(file)
            raise NotFinite(
                f"{self.run.path}: loss or gradients were not finite {LIMIT} times in a row, up to "
                f"step {step + 1}; the last checkpoint is good, {file.name} tells more; lower "
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
        checkpoint = self._newest()
        if checkpoint is None:
            self._forget_log_after(0)
            return
        with self.processes.together():
            self._load(checkpoint)
        self.step, state = checkpoint.step, checkpoint.state
        self._losses, self._norms = _numbers(state["losses"]), _numbers(state["norms"])
        self._interval, self._failures = list(state["interval"]), state.get("failures", 0)
        self._forget_log_after(self.step)
        self._warn_of_rounding("threads", state["threads"], torch.get_num_threads())
        self._warn_of_rounding("processes", state["processes"], self.processes.count)
        # The machine may have stopped between the checkpoint and what goes with it.
        self._save_models(self._is_best(checkpoint_path(self.run.checkpoints, self.step)))
        missing = self._is_picture_due() and not self.run.samples(self.step).exists()
        if any(self.processes.gather(int(missing))):
            deque(self._draw(), maxlen=0)

    def _newest(self) -> Checkpoint | None:
        """Read the newest checkpoint, and make sure that all processes read the same."""
        folder = self.run.checkpoints
        with self.processes.together():
            checkpoint = load_newest(folder)
        steps = self.processes.gather(checkpoint.step if checkpoint else 0)
        with self.processes.together():
            if len(set(steps)) > 1:
                raise JincError(f"{folder}: is not the same to all processes, which read {steps}")
        return checkpoint

    def _load(self, checkpoint: Checkpoint) -> None:
        try:
            self.stepper.load(checkpoint.groups)
        except (RuntimeError, ValueError, LookupError):
            raise JincError(
                f"{self.run.checkpoints}: the checkpoint of step {checkpoint.step} is of another "
                f"network than {self.run.path / 'config.yaml'} asks for"
            ) from None

    def _forget_log_after(self, step: int) -> None:
        with self.processes.main_first():
            if self.processes.is_main:
                self.run.forget_log_after(step)

    def _warn_of_rounding(self, what: str, before: int, now: int) -> None:
        if before != now and self.processes.is_main:
            message = f"{self.run.path}: {now} {what} now, {before} before: rounding will differ"
            warnings.warn(message, RuntimeWarning, stacklevel=4)


def _numbers(values: list[float | None]) -> list[float]:
    """Undo `number_or_none`."""
    return [float("nan") if value is None else value for value in values]


def _split(images: int, holdout: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return positions to train on and to validate on."""
    mixed = np.random.default_rng((seed, _HOLDOUT)).permutation(images)
    return np.sort(mixed[holdout:]), np.sort(mixed[:holdout])
