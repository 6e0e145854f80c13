"""Runs: how the training of a run goes, from its folder."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinc.app.recipes import Recipe
from jinc.errors import unknown
from jinc.report import plot_learning_curve
from jinc.report.learning import series
from jinc.report.pages.run_facts import duration
from jinc.train import Run, TrainConfig

PROGRAM = """\
from pathlib import Path

from jinc.report import plot_learning_curve
from jinc.train import Run

plot_learning_curve(Run.open(Path({path!r})).read_log(), Path("curve.png"))
"""

MOST = 200
"""Runs in the list."""


@dataclass(frozen=True)
class Watched:
    """A run at one time.

    Args:
        line: how far it is.
        curve: a plot; None before the first loss.
        samples: the newest picture of samples; None before the first.
        recipe: the report of the run, and the plot.
    """

    line: str
    curve: Path | None
    samples: Path | None
    recipe: Recipe


def list_runs(source: str) -> dict[str, Path]:
    """Return the runs of a page by name: those in the working folder, and that of the model."""
    files = [*sorted(Path().glob("*/log.jsonl")), *sorted(Path().glob("*/*/log.jsonl"))]
    folders = [Path(source), *(file.parent for file in files)]
    found = {str(each): each for each in folders if (each / "config.yaml").is_file()}
    return dict(list(found.items())[:MOST])


def last_change(runs: dict[str, Path], name: str) -> float:
    """Return when the log of a run was last written, seconds; errors as of `watch`."""
    log = Run.open(_chosen(runs, name)).log
    return log.stat().st_mtime if log.is_file() else 0.0


def _chosen(runs: dict[str, Path], name: str) -> Path:
    if name not in runs:
        raise unknown(f"the page shows no run {name!r}", name, runs)
    return runs[name]


def watch(runs: dict[str, Path], name: str, folder: Path) -> Watched:
    """Look at a run.

    Args:
        runs: those that the page shows.
        name: of one.
        folder: for the plot.

    Raises:
        JincError: there is no such run, or it cannot be read.
    """
    run = Run.open(_chosen(runs, name))
    log = run.read_log()
    curve = None
    if series(log, "loss", above=0)[0]:
        curve = folder / "curve.png"
        plot_learning_curve(log, curve)
    drawn = sorted((run.path / "samples").glob("step-*.png"))
    recipe = Recipe(shlex.join(["jinc", "report", name]), PROGRAM.format(path=name))
    return Watched(_line(log, run.config), curve, drawn[-1] if drawn else None, recipe)


def _line(log: Sequence[dict[str, object]], config: TrainConfig) -> str:
    """Say how far a run is: steps, loss, speed and the time that is left."""
    steps, losses = series(log, "loss", above=0)
    if not steps:
        return "no loss is logged yet"
    line = f"step {steps[-1]:,} · loss {losses[-1]:.4g}"
    _, speeds = series(log, "images_per_second", above=0)
    if config.steps is None or steps[-1] >= config.steps:
        return line if config.steps is None else f"{line} · finished"
    line = line.replace(f"{steps[-1]:,}", f"{steps[-1]:,} of {config.steps:,}", 1)
    if speeds:
        left = (config.steps - steps[-1]) * config.batch_size / speeds[-1]
        line += f" · {duration(left)} left at {speeds[-1]:.0f} images/s"
    return line
