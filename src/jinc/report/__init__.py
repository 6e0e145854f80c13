"""Pictures of what was made: plots of filters, and later of runs."""

from jinc.report.complexity import plot_complexity
from jinc.report.curves import plot_learning_curve
from jinc.report.denoising import plot_denoising
from jinc.report.filters import plot_filter

__all__ = ["plot_complexity", "plot_denoising", "plot_filter", "plot_learning_curve"]
