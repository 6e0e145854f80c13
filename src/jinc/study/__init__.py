"""Studies: many networks, trained, sampled and scored alike, and one table of them."""

from jinc.study.check import check_study
from jinc.study.cost import UnitCost, measured_tflops, study_cost
from jinc.study.judged import Judged
from jinc.study.keeping import is_kept, keep_study, keep_table, kept_name, kept_places, refuse_loss
from jinc.study.plan import Cell, ScoringPlan, Study
from jinc.study.processes import run_in_processes
from jinc.study.reading import read_study
from jinc.study.run import Done, open_units, run_here, run_on_ray
from jinc.study.table import Table, make_table
from jinc.study.training_scorer import training_scorer
from jinc.study.words import as_markdown, figure_words, heading
from jinc.study.work import Places, fill

__all__ = [
    "Cell",
    "Done",
    "Judged",
    "Places",
    "ScoringPlan",
    "Study",
    "Table",
    "UnitCost",
    "as_markdown",
    "check_study",
    "figure_words",
    "fill",
    "heading",
    "is_kept",
    "keep_study",
    "keep_table",
    "kept_name",
    "kept_places",
    "make_table",
    "measured_tflops",
    "open_units",
    "read_study",
    "refuse_loss",
    "run_here",
    "run_in_processes",
    "run_on_ray",
    "study_cost",
    "training_scorer",
]
