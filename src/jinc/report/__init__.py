"""Plots, sheets and animations of what was made and measured; `pages` has HTML reports."""

from jinc.report.comparison import comparison_sheet as comparison_sheet
from jinc.report.comparison import forward_sheet as forward_sheet
from jinc.report.complexity import plot_complexity as plot_complexity
from jinc.report.denoising import plot_denoising as plot_denoising
from jinc.report.equivariance import CURVES as CURVES
from jinc.report.equivariance import FIGURES as FIGURES
from jinc.report.equivariance import beside as beside
from jinc.report.equivariance import held_against as held_against
from jinc.report.equivariance import in_words as in_words
from jinc.report.equivariance import plot_curves as plot_curves
from jinc.report.equivariance import plot_levels as plot_levels
from jinc.report.filters import plot_filter as plot_filter
from jinc.report.learning import plot_learning_curve as plot_learning_curve
from jinc.report.morph import Frame as Frame
from jinc.report.morph import fade_film as fade_film
from jinc.report.morph import view_film as view_film
from jinc.report.neighbours import neighbours_sheet as neighbours_sheet
from jinc.report.rotation import plot_error as plot_error
from jinc.report.rotation import plot_turns as plot_turns
from jinc.report.steps import asked_levels as asked_levels
from jinc.report.steps import plot_steps as plot_steps
from jinc.report.trajectory import Recorder as Recorder
from jinc.report.trajectory import Trajectory as Trajectory
from jinc.report.trajectory import joined as joined
from jinc.report.trajectory import trajectory as trajectory
