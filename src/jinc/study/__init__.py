"""Studies: many networks, trained, sampled and scored alike, and one table of them."""

from jinc.study.cost import UnitCost, measured_tflops, study_cost
from jinc.study.plan import Cell, ScoringPlan, Study, read_study
from jinc.study.run import Done, open_units, run_here, run_in_processes, run_on_ray
from jinc.study.sampling_plan import SamplingPlan
from jinc.study.table import Table, as_markdown, figure_words, make_table
from jinc.study.work import Places, fill

__all__ = [
    "Cell",
    "Done",
    "Places",
    "SamplingPlan",
    "ScoringPlan",
    "Study",
    "Table",
    "UnitCost",
    "as_markdown",
    "figure_words",
    "fill",
    "make_table",
    "measured_tflops",
    "open_units",
    "read_study",
    "run_here",
    "run_in_processes",
    "run_on_ray",
    "study_cost",
]
