"""Optional loggers: TensorBoard and trackio."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinc.errors import JincError

Sink = tuple[Callable[[int, dict[str, float]], None], Callable[[], None]]
"""A function that logs the numbers of a step, and one that closes the log."""


def check_trackers(names: Sequence[str]) -> None:
    """Raise a JincError if a logger is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise _missing(name)


class Trackers:
    """Forward the lines of the log.

    Args:
        names: `tensorboard`, whose files go to `tensorboard/` of the run; `trackio`.
        folder: the run's.
        step: number of finished steps; entries of later ones are purged.
    """

    def __init__(self, names: Sequence[str], folder: Path, step: int = 0) -> None:
        openers: dict[str, Callable[[Path, int], Sink]]
        openers = {"tensorboard": _tensorboard, "trackio": _trackio}
        self._sinks = []
        for name in names:
            try:
                self._sinks.append(openers[name](folder, step))
            except ImportError:
                raise _missing(name) from None

    def log(self, entry: dict[str, Any]) -> None:
        """Forward the numbers of a line."""
        numbers = {n: v for n, v in entry.items() if n != "step" and v is not None}
        for send, _ in self._sinks:
            send(entry["step"], numbers)

    def close(self) -> None:
        """Close the logs."""
        for _, end in self._sinks:
            end()


def _tensorboard(folder: Path, step: int) -> Sink:
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def send(step: int, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            writer.add_scalar(name, value, step)

    return send, writer.close


def _trackio(folder: Path, step: int) -> Sink:
    import trackio

    name = "-".join(folder.resolve().parts[1:])  # runs of one name lie in different folders
    trackio.init(project="jinc", name=name, resume="allow", embed=False)

    def send(step: int, numbers: dict[str, float]) -> None:
        trackio.log(numbers, step=step)

    return send, trackio.finish


def _missing(name: str) -> JincError:
    return JincError(f"track: {name} is not installed; pip install 'jinc[track]'")
