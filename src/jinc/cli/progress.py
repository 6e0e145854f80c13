"""Progress bars and lines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from jinc.data import Summary
from jinc.train import Trainer


class RunningMean:
    """Exponential moving average with a time constant of 50 steps; NaN is skipped.

    >>> mean = RunningMean()
    >>> for loss in (4.0, float("nan"), 4.0):
    ...     mean.add(loss)
    >>> mean.value
    4.0
    """

    def __init__(self) -> None:
        self._sum = self._weight = 0.0

    def add(self, value: float) -> None:
        """Add a value."""
        if value == value:
            self._sum += 0.02 * (value - self._sum)
            self._weight += 0.02 * (1 - self._weight)

    @property
    def value(self) -> float:
        """The average, without bias towards the first value; NaN if there is none."""
        return self._sum / self._weight if self._weight else float("nan")


def train_with_progress(console: Console, trainer: Trainer) -> None:
    """Train to the end, or until stopped, with a progress bar, or ten lines without a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TextColumn("{task.fields[rate]:.0f} images/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    average, tenth = RunningMean(), max(1, trainer.total // 10)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=trainer.total, completed=trainer.step, loss="", rate=0)
        for done in trainer.steps():
            if done.drawing:
                bar.update(task, description="drawing samples")
                continue
            average.add(done.loss)
            shown, rate = f"loss {average.value:.4f}", done.images_per_second
            bar.update(task, completed=done.step, loss=shown, rate=rate, description="")
            if not console.is_terminal and done.step % tenth == 0:
                console.print(f"step {done.step} of {done.total}, {shown}")


def say_what_was_read(console: Console, summary: Summary) -> None:
    """Print one line on a set of images: how it was understood."""
    console.print(str(summary), highlight=False, markup=False, emoji=False, soft_wrap=True)


@contextmanager
def decoding_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while a folder is decoded."""
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task("decoding")

    def report(done: int, total: int) -> None:
        bar.start()  # at the first call: a bar that never starts prints nothing
        bar.update(task, completed=done, total=total)

    try:
        yield report
    finally:
        if bar.live.is_started:
            bar.stop()
