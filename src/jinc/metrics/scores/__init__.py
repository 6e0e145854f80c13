"""Scores of generated images against real ones, with standard errors."""
