"""Resuming from a checkpoint: which one, and what may have changed since."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from jinc.errors import JincError
from jinc.train.checkpoint import Checkpoint, load_newest
from jinc.train.config import CHANGEABLE, FROM_NOW_ON, READING, TrainConfig
from jinc.train.processes import Processes
from jinc.train.run import Run
from jinc.train.stepper import Stepper
from jinc.train.update import learning_rate


def newest_of_all(folder: Path, processes: Processes) -> Checkpoint | None:
    """Read the newest intact checkpoint, the same on all processes.

    Raises:
        JincError: processes read different ones, or all checkpoints are damaged.
    """
    with processes.together():
        checkpoint = load_newest(folder)
    steps = processes.gather(checkpoint.step if checkpoint else 0)
    with processes.together():
        if len(set(steps)) > 1:
            raise JincError(f"{folder}: differs between processes, which read steps {steps}")
    return checkpoint


def check_same_run(
    checkpoint: Checkpoint, run: Run, config: TrainConfig, data: str, original: str, total: int
) -> None:
    """Check that a checkpoint belongs to a run with its settings, images and steps of now.

    Args:
        checkpoint: of the run.
        run: its folder.
        config: its settings.
        data: fingerprint of the images.
        original: digest of the model that is fine-tuned.
        total: number of all steps.

    Raises:
        JincError: settings, images or the original model have changed, or the checkpoint is beyond
            the last step.
    """
    before, now = checkpoint.state["config"], config.settings()
    for name in sorted(now.keys() - {*CHANGEABLE, "data", "original", *READING, *FROM_NOW_ON}):
        if before.get(name, now[name]) != now[name]:
            raise JincError(
                f"{run.path / 'config.yaml'}: {name} is {now[name]}, and was {before[name]} when "
                f"step {checkpoint.step} was saved"
            )
    if checkpoint.state["data"] != data:
        raise JincError(f"{config.data}: has other images than when {run.path} was saved")
    if checkpoint.state.get("original", original) != original:
        raise JincError(f"{config.original}: has other weights than when {run.path} was saved")
    if checkpoint.step > total:
        raise JincError(f"steps: {total} is too few, {run.path} has done {checkpoint.step}")


@dataclass(frozen=True)
class Changes:
    """What differs from the checkpoint that a run resumes from.

    Args:
        step: from which on.
        settings: before and now, by name.
        rates: the learning rate of the next step, before and now.
    """

    step: int = 0
    settings: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    rates: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def since(cls, checkpoint: Checkpoint, config: TrainConfig, images: int) -> "Changes":
        """Find what has changed since a checkpoint of a run that trains on so many images."""
        step, before, now = checkpoint.step, checkpoint.state["config"], config.settings()
        names = ("steps", "epochs", *FROM_NOW_ON)
        changed = {n: (before[n], now[n]) for n in names if before.get(n, now[n]) != now[n]}
        old = TrainConfig.of_settings(now | {n: v for n, (v, _) in changed.items()}, "checkpoint")
        pairs = (old, _ahead(checkpoint)), (config, ahead_of(checkpoint, config))
        rates = [learning_rate(c, step, c.total_steps(images, ahead)) for c, ahead in pairs]
        return cls(step, changed, (rates[0], rates[1]))

    def words(self, config: TrainConfig, total: int) -> list[str]:
        """Say it in lines, the learning rate apart, since it may jump for several reasons."""
        lines = []
        if self.settings:
            each = [f"{n} {now} (was {before})" for n, (before, now) in self.settings.items()]
            lines.append(f"from step {self.step} on: {', '.join(each)}")
        before, now = self.rates
        if self.settings and self.step < total and not math.isclose(before, now, rel_tol=1e-6):
            ends = f"; its cosine now ends at step {total}" * (config.lr_schedule == "cosine")
            lines.append(f"learning rate at step {self.step}: {now:.3g}, was {before:.3g}{ends}")
        return lines


def ahead_of(checkpoint: Checkpoint | None, config: TrainConfig) -> int:
    """Return how many more images were seen than steps with batches of the present size see."""
    if checkpoint is None:
        return 0
    before = checkpoint.state["config"]["batch_size"]
    return _ahead(checkpoint) + checkpoint.step * (int(before) - config.batch_size)


def _ahead(checkpoint: Checkpoint) -> int:
    return int(checkpoint.state.get("ahead", 0))


def load_into(stepper: Stepper, checkpoint: Checkpoint, run: Run) -> None:
    """Restore weights, averages and optimiser; raise a JincError for another network's."""
    try:
        stepper.load(checkpoint.groups)
    except (RuntimeError, ValueError, LookupError):
        raise JincError(
            f"{run.checkpoints}: the checkpoint of step {checkpoint.step} does not fit the network "
            f"of {run.path / 'config.yaml'}"
        ) from None


def warn_of_rounding(checkpoint: Checkpoint, run: Run, processes: Processes) -> None:
    """Warn if training will not continue bit for bit."""
    now = {"threads": torch.get_num_threads(), "processes": processes.count}
    for what, count in now.items():
        if checkpoint.state[what] != count:
            message = f"{count} {what} now, {checkpoint.state[what]} before: rounding will differ"
            warnings.warn(f"{run.path}: {message}", RuntimeWarning, stacklevel=5)
