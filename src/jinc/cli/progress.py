"""Bars and lines that show how far long work has come."""

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

from jinc.train import Trainer


def train_with_progress(console: Console, trainer: Trainer) -> None:
    """Train to the end, or until asked to stop, with a bar; ten lines where nobody watches."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TextColumn("{task.fields[rate]:.0f} images/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    average, tenth = float("nan"), max(1, trainer.total // 10)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=trainer.total, completed=trainer.step, loss=average, rate=0)
        for done in trainer.steps():
            if done.drawing:
                bar.update(task, description="drawing samples")
                continue
            if done.loss == done.loss:
                average = done.loss if average != average else 0.98 * average + 0.02 * done.loss
            rate = done.images_per_second
            bar.update(task, completed=done.step, loss=average, rate=rate, description="")
            if not console.is_terminal and done.step % tenth == 0:
                console.print(f"step {done.step} of {done.total}, loss {average:.4f}")


@contextmanager
def decoding_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while a folder is decoded."""
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task("decoding")

    def report(done: int, total: int) -> None:
        bar.start()  # with the first call only, for a bar that never starts prints nothing
        bar.update(task, completed=done, total=total)

    try:
        yield report
    finally:
        if bar.live.is_started:
            bar.stop()
