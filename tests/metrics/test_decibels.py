"""Decibels."""

import math

import pytest

from jinc.metrics import EXACT, decibels


def test_ten_times_less_power_is_ten_decibels() -> None:
    assert decibels(4.0) == 0
    assert decibels(0.4) == pytest.approx(10)
    assert decibels(0.25, peak=1.0) == pytest.approx(decibels(1.0, peak=2.0))


def test_no_difference_is_exact_and_nonsense_is_not() -> None:
    assert decibels(0.0) == decibels(1e-30) == EXACT
    assert math.isnan(decibels(math.nan))
    assert math.isnan(decibels(math.inf))
    assert math.isnan(decibels(0.1, peak=0.0))
    assert decibels(0.0, peak=0.0) == EXACT
