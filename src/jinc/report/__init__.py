"""What was made and measured, in pictures; `pages` has those of a run and of a study."""

from jinc.report.comparison import comparison_sheet, forward_sheet
from jinc.report.complexity import plot_complexity
from jinc.report.curves import plot_learning_curve
from jinc.report.denoising import plot_denoising
from jinc.report.equivariance import plot_curves, plot_levels
from jinc.report.filters import plot_filter
from jinc.report.morph import Frame, fade_film, view_film
from jinc.report.neighbours import neighbours_sheet
from jinc.report.probe_words import CURVES, FIGURES, beside, held_against, in_words
from jinc.report.rotation import plot_error, plot_turns
from jinc.report.steps import asked_levels, plot_steps
from jinc.report.trajectory import Recorder, Trajectory, joined, trajectory

__all__ = [
    "CURVES",
    "FIGURES",
    "Frame",
    "Recorder",
    "Trajectory",
    "asked_levels",
    "beside",
    "comparison_sheet",
    "fade_film",
    "forward_sheet",
    "held_against",
    "in_words",
    "joined",
    "neighbours_sheet",
    "plot_complexity",
    "plot_curves",
    "plot_denoising",
    "plot_error",
    "plot_filter",
    "plot_learning_curve",
    "plot_levels",
    "plot_steps",
    "plot_turns",
    "trajectory",
    "view_film",
]
