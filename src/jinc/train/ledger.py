"""What training steps report: losses, gradient norms, failures, requests to stop."""

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.files import write_json
from jinc.plain import number_or_none
from jinc.train.batches import Batches
from jinc.train.processes import Processes
from jinc.train.run import Run
from jinc.train.stepper import Stepper

LIMIT = 5
"""Steps in a row with a non-finite loss or gradient after which training stops."""


class NotFinite(JincError):
    """The loss or the gradient was not finite several times in a row."""

    exit_code = 3


class StepReport(NamedTuple):
    """Number of a step, its mean loss and gradient norm before clipping, over all processes."""

    step: int
    loss: float
    gradient_norm: float


class Ledger:
    """Collect the reports of steps; on an accelerator they arrive some steps late, without waiting.

    Losses are averaged over intervals of so many steps for `score`.
    """

    def __init__(self, interval: int) -> None:
        self.newest = StepReport(-1, float("nan"), float("nan"))
        self.asked_to_stop = False
        self._interval = interval
        self._coming: deque[tuple[int, _Transfer]] = deque()
        self._losses: list[float] = []  # since the last line of the log
        self._norms: list[float] = []
        self._sum, self._count = 0.0, 0  # of losses in this interval
        self._failures = 0

    def enter(self, step: int, report: Tensor) -> None:
        """Take the report that `Stepper.step` returns; the device may still be computing it."""
        self._coming.append((step, _Transfer(report)))

    def read(self, behind: int = 0) -> StepReport | None:
        """Read the reports that have arrived; the latest `behind` steps may stay unread.

        Returns:
            The step that completes `LIMIT` failures in a row; None if there is none.
        """
        while len(self._coming) > behind:
            step, transfer = self._coming.popleft()
            loss, norm, failed, asked = transfer.wait()
            self.newest = StepReport(step, loss, norm)
            self.asked_to_stop = self.asked_to_stop or asked > 0
            self._losses.append(loss)
            self._norms.append(norm)
            if step % self._interval == 0:
                self._sum, self._count = 0.0, 0
            if number_or_none(loss) is not None:
                self._sum, self._count = self._sum + loss, self._count + 1
            self._failures = self._failures + 1 if failed else 0
            if self._failures == LIMIT:
                return self.newest
        return None

    def line(self) -> dict[str, float | None]:
        """Return the means since the last line, and start new ones.

        The mean loss is None if one of the losses is not finite. Steps with a non-finite gradient
        were skipped: they are counted, and left out of the mean gradient norm.
        """
        taken = [norm for norm in self._norms if number_or_none(norm) is not None]
        means = {
            "loss": number_or_none(sum(self._losses) / len(self._losses)),
            "gradient_norm": sum(taken) / len(taken) if taken else None,
        }
        skipped = len(self._norms) - len(taken)
        self._losses, self._norms = [], []
        return means | ({"skipped": skipped} if skipped else {})

    def score(self) -> float | None:
        """Return the mean of the finite losses of this interval; None before half of it is over."""
        return self._sum / self._count if 2 * self._count >= self._interval else None

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint, ready for JSON."""
        return {
            "losses": [number_or_none(loss) for loss in self._losses],
            "norms": [number_or_none(norm) for norm in self._norms],
            "interval": [self._sum, self._count],
            "failures": self._failures,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self._losses, self._norms = _numbers(state["losses"]), _numbers(state["norms"])
        self._sum, self._count = state["interval"]
        self._failures = state["failures"]


class _Transfer:
    """An asynchronous copy of a small tensor `[n]` to the host."""

    def __init__(self, value: Tensor) -> None:
        # Only CUDA's events tell when an asynchronous copy has arrived.
        self._host = value.detach().to("cpu", non_blocking=value.is_cuda)
        self._arrived = torch.cuda.Event() if value.is_cuda else None  # type: ignore[no-untyped-call]
        if self._arrived is not None:
            self._arrived.record()

    def wait(self) -> list[float]:
        if self._arrived is not None:
            self._arrived.synchronize()
        return [float(number) for number in self._host]


def _numbers(values: list[float | None]) -> list[float]:
    """Undo `number_or_none`."""
    return [float("nan") if value is None else value for value in values]


def give_up(
    last: StepReport,
    rate: float,
    run: Run,
    stepper: Stepper,
    batches: Batches,
    processes: Processes,
) -> NoReturn:
    """Write a diagnosis of the last step, which was skipped, into the run folder, and stop."""
    step = last.step
    weights, gradients = stepper.norms(step, batches.batch(step))
    report = {
        "step": step + 1,
        "loss": number_or_none(last.loss),
        "gradient_norm": number_or_none(last.gradient_norm),
        "indices": batches.indices(step).tolist(),
        "t": batches.times(step).tolist(),
        "weight_norms": weights,
        "gradient_norms": gradients,
        "learning_rate": rate,
    }
    error = NotFinite(
        f"{run.path}: loss or gradients were not finite {LIMIT} times in a row, up to step "
        f"{step + 1}; none of these steps was applied, see {run.not_finite.name}; lower "
        "learning_rate"
    )
    with processes.together():
        if processes.is_main:
            write_json(run.not_finite, report)
        raise error
    raise error
