"""The tabs of the page: widgets, wired to jobs."""
