"""Studies: many networks, trained, sampled and scored in the same way, and a table of them."""

from jinc.study.check import check_study as check_study
from jinc.study.cost import UnitCost as UnitCost
from jinc.study.cost import measured_tflops as measured_tflops
from jinc.study.cost import study_cost as study_cost
from jinc.study.folder import StudyFolder as StudyFolder
from jinc.study.plan import Cell as Cell
from jinc.study.plan import ScoringPlan as ScoringPlan
from jinc.study.plan import Study as Study
from jinc.study.reading import read_study as read_study
from jinc.study.run import Done as Done
from jinc.study.run import run_here as run_here
from jinc.study.run import run_in_processes as run_in_processes
from jinc.study.run import run_on_ray as run_on_ray
from jinc.study.scored import Protocol as Protocol
from jinc.study.table import Table as Table
from jinc.study.table import figure_words as figure_words
from jinc.study.table import heading as heading
from jinc.study.table import make_table as make_table
from jinc.study.work import fill as fill
from jinc.study.work import training_scorer as training_scorer
