"""A run or a study as one HTML file that is complete in itself."""

from jinc.report.pages.render import write_page
from jinc.report.pages.run import RealImages, run_page
from jinc.report.pages.study import study_page

__all__ = ["RealImages", "run_page", "study_page", "write_page"]
