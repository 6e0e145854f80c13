"""Fine-tuning: scores over equivariance, one point for each scored step."""

from pathlib import Path
from typing import NamedTuple

from jinc.errors import JincError
from jinc.metrics.search import pareto_front
from jinc.report.charts import save
from jinc.report.learning import Log


class Point(NamedTuple):
    """A model.

    Args:
        step: of its training.
        equivariance: dB.
        score: Fréchet distance.
    """

    step: int
    equivariance: float
    score: float


def points(entries: Log, prefix: str = "") -> list[Point]:
    """Return the models of a log that have both figures, under names with a prefix."""
    found = [
        (entry["step"], entry.get(f"{prefix}equivariance"), entry.get(f"{prefix}score"))
        for entry in entries
    ]
    return [Point(step, x, y) for step, x, y in found if x is not None and y is not None]


def plot_finetuning(entries: Log, file: Path) -> None:
    """Plot the Fréchet distance over the equivariance of all models of a fine-tuning.

    The original model and the first one, before training, are marked; the Pareto front is a line.

    Args:
        entries: of the log.
        file: the PNG to write.

    Raises:
        JincError: the log has no model with both figures.
    """
    from matplotlib.figure import Figure

    trained, original = points(entries), points(entries, "original_")
    if not trained:
        raise JincError(f"{file}: the log has no scores with equivariance to draw")
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    first = [point for point in trained if point.step == 0]
    for name, models, marker in (("original", original, "*"), ("before training", first, "s")):
        for point in models:
            axes.plot(*point[1:], marker, markersize=12, color="C1", label=name)
    _, x, y = zip(*trained, strict=True)
    axes.plot(x, y, color="grey", linewidth=0.8, alpha=0.5)
    shown = axes.scatter(x, y, c=[point.step for point in trained], zorder=3)
    best = pareto_front([*original, *trained], lambda p: (p.score, p.equivariance))
    axes.step(
        [p.equivariance for p in best], [p.score for p in best], "--", color="C2", label="front"
    )
    axes.set(xlabel="equivariance to half a pixel, dB", ylabel="Fréchet distance")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.colorbar(shown, label="step")
    save(figure, file)
