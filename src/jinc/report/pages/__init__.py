"""A run or a study as one HTML file that is complete in itself."""

from jinc.report.pages.real import RealImages
from jinc.report.pages.render import write_page
from jinc.report.pages.run import run_page
from jinc.report.pages.study.equivariance import equivariance_facts, networks, probe_of
from jinc.report.pages.study.page import read_table, study_cells, study_page

__all__ = [
    "RealImages",
    "equivariance_facts",
    "networks",
    "probe_of",
    "read_table",
    "run_page",
    "study_cells",
    "study_page",
    "write_page",
]
