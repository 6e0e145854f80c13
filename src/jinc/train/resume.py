"""Going on from a checkpoint: which one, into what, and what is no longer the same."""

import warnings
from pathlib import Path

import torch

from jinc.errors import JincError
from jinc.train.checkpoint import Checkpoint, load_newest
from jinc.train.config import CHANGEABLE, TrainConfig
from jinc.train.processes import Processes
from jinc.train.run import Run
from jinc.train.stepper import Stepper


def newest_of_all(folder: Path, processes: Processes) -> Checkpoint | None:
    """Read the newest checkpoint, and make sure that all processes read the same.

    Raises:
        JincError: they do not, or all checkpoints are damaged.
    """
    with processes.together():
        checkpoint = load_newest(folder)
    steps = processes.gather(checkpoint.step if checkpoint else 0)
    with processes.together():
        if len(set(steps)) > 1:
            raise JincError(f"{folder}: is not the same to all processes, which read {steps}")
    return checkpoint


def check_same_run(
    checkpoint: Checkpoint, run: Run, config: TrainConfig, data: str, total: int
) -> None:
    """Make sure that a run goes on as what it was.

    Args:
        checkpoint: what it goes on from.
        run: where it lies.
        config: its settings now.
        data: fingerprint of its images now.
        total: number of its steps now.

    Raises:
        JincError: settings or images are others, or all steps and more are done.
    """
    before, now = checkpoint.state["config"], config.settings()
    for name in sorted(now.keys() - set(CHANGEABLE)):
        if before.get(name, now[name]) != now[name]:
            raise JincError(
                f"{run.path / 'config.yaml'}: {name} is {now[name]}, and was {before[name]} when "
                f"step {checkpoint.step} was saved"
            )
    if checkpoint.state["data"] != data:
        raise JincError(f"{config.data}: holds other images than when {run.path} was saved")
    if checkpoint.step > total:
        raise JincError(f"steps: {total} are asked for, {run.path} has done {checkpoint.step}")


def load_into(stepper: Stepper, checkpoint: Checkpoint, run: Run) -> None:
    """Put back what a checkpoint holds of a run.

    Raises:
        JincError: it is of another network.
    """
    try:
        stepper.load(checkpoint.groups)
    except (RuntimeError, ValueError, LookupError):
        raise JincError(
            f"{run.checkpoints}: the checkpoint of step {checkpoint.step} is of another "
            f"network than {run.path / 'config.yaml'} asks for"
        ) from None


def warn_of_rounding(checkpoint: Checkpoint, run: Run, processes: Processes) -> None:
    """Warn where training will go on to other bits than it would have."""
    now = {"threads": torch.get_num_threads(), "processes": processes.count}
    for what, count in now.items():
        if checkpoint.state[what] != count:
            message = f"{count} {what} now, {checkpoint.state[what]} before: rounding will differ"
            warnings.warn(f"{run.path}: {message}", RuntimeWarning, stacklevel=5)
