"""What the steps of a run have told so far: losses, norms of gradients, failures, requests."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from jinc.plain import number_or_none
from jinc.train.guard import LIMIT
from jinc.train.reading import Reading


@dataclass(frozen=True)
class Told:
    """What one step has told.

    Args:
        step: its number, 0, 1, 2, …
        loss: over all processes.
        gradient_norm: likewise.
    """

    step: int
    loss: float
    gradient_norm: float


class Ledger:
    """Take in what steps tell, some steps later on an accelerator, which is not waited for.

    Args:
        interval: steps after which the mean for `score` begins anew.
    """

    def __init__(self, interval: int) -> None:
        """Begin with nothing."""
        self.newest = Told(-1, float("nan"), float("nan"))
        self.asked_to_stop = False
        self._interval = interval
        self._coming: deque[tuple[int, Reading]] = deque()
        self._losses: list[float] = []  # since the last line of the log
        self._norms: list[float] = []
        self._sum, self._count = 0.0, 0  # of losses in this interval
        self._failures = 0

    def enter(self, step: int, told: Tensor) -> None:
        """Take what a step tells, as `Stepper.step` returns it; it may still be on its way."""
        self._coming.append((step, Reading(told)))

    def read(self, behind: int = 0) -> Told | None:
        """Read what has come, but for the last few steps.

        Args:
            behind: how many steps may be left unread.

        Returns:
            The step with which too many in a row have failed; None while that is not so.
        """
        while len(self._coming) > behind:
            step, reading = self._coming.popleft()
            loss, norm, failed, asked = reading.get()
            self.newest = Told(step, loss, norm)
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
        """Return the means since the last line, and begin anew.

        A mean with a loss in it that is not finite is None. So is a gradient, which then was not
        applied; how many were not is told, and the mean is of the others.
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
        """Return the mean of the finite losses of this interval, or None if it has just begun."""
        return self._sum / self._count if 2 * self._count >= self._interval else None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold, ready for JSON."""
        return {
            "losses": [number_or_none(loss) for loss in self._losses],
            "norms": [number_or_none(norm) for norm in self._norms],
            "interval": [self._sum, self._count],
            "failures": self._failures,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` returned."""
        self._losses, self._norms = _numbers(state["losses"]), _numbers(state["norms"])
        self._sum, self._count = state["interval"]
        self._failures = state["failures"]


def _numbers(values: list[float | None]) -> list[float]:
    """Undo `number_or_none`."""
    return [float("nan") if value is None else value for value in values]
