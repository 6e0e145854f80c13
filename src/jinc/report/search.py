"""The front of a search: equivariance over the time of a forward pass."""

from collections.abc import Sequence
from pathlib import Path

from jinc.metrics.search import Measured, front
from jinc.report.charts import save


def plot_search(found: Sequence[Measured], chosen: Measured, file: Path) -> None:
    """Plot all configurations, join those of the front, and mark the chosen one."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    best = front(found)
    axes.plot([x.time for x in found], [x.half_pixel_db for x in found], "o", color="grey", ms=4)
    axes.plot([x.time for x in best], [x.half_pixel_db for x in best], "o-", color="C0")
    axes.plot(chosen.time, chosen.half_pixel_db, "o", color="C1", ms=11, mfc="none", mew=2)
    for each in best:
        place = (each.time, each.half_pixel_db)
        axes.annotate(each.config, place, (6, -10), textcoords="offset points", fontsize=9)
    axes.set_xlabel("time of a forward pass, over that of the model as it is")
    axes.set_ylabel("equivariance to shifts by ½ px, dB")
    axes.grid(alpha=0.3)
    axes.margins(x=0.15)
    save(figure, file)
