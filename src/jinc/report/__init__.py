"""Pictures of what was made: plots of filters, and later of runs."""

from jinc.report.filters import plot_filter

__all__ = ["plot_filter"]
