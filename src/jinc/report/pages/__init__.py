"""A run or a study as one self-contained HTML file."""

from jinc.report.neighbours import RealImages as RealImages
from jinc.report.pages.page import write_page as write_page
from jinc.report.pages.probes import equivariance_facts as equivariance_facts
from jinc.report.pages.probes import networks as networks
from jinc.report.pages.probes import probe_of as probe_of
from jinc.report.pages.run import run_page as run_page
from jinc.report.pages.study import read_table as read_table
from jinc.report.pages.study import study_cells as study_cells
from jinc.report.pages.study import study_page as study_page
