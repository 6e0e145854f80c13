"""Figures are shown as they are, rounded where it makes sense, and aligned."""

import math
import random

import pytest

from jinc.report.numbers import NONE, Number, aligned, fixed, number, signed, with_error

DRAWN = [
    random.Random(k).uniform(-1, 1) * 10 ** random.Random(-k).uniform(-6, 7) for k in range(60)
]


def read(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


@pytest.mark.parametrize("value", DRAWN, ids="{:.3g}".format)
def test_four_digits_are_right(value) -> None:
    shown = number(value)
    assert shown.value == value
    assert read(shown.text) == pytest.approx(value, rel=5.1e-4)


@pytest.mark.parametrize("value", DRAWN, ids="{:.3g}".format)
def test_errors_keep_two_digits_and_their_figures_as_many_places(value) -> None:
    error = abs(value) / random.Random(value).uniform(3, 300)
    shown, beside = with_error(value, error)
    assert read(beside.text) == pytest.approx(error, rel=0.051)
    places = [len(each.text.partition(".")[2]) for each in (shown, beside)]
    assert places[0] == places[1]
    assert abs(read(shown.text) - value) <= 0.051 * error + 0.5 * (places[0] == 0)


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_none_and_nan_have_a_dash(value) -> None:
    assert number(value) == fixed(value, 2) == Number(None, NONE)
    assert with_error(value, 1.0)[0] == with_error(1.0, value)[1] == Number(None, NONE)


def test_integers_and_signs() -> None:
    assert number(506817).text == "506,817"
    assert number(100.0).text == "100"
    assert signed(fixed(2.0, 1)).text == "+2.0"
    assert signed(fixed(-2.0, 1)).text == "−2.0"
    assert signed(fixed(0.0, 1)).text == "0.0"


def test_decimal_points_are_aligned() -> None:
    column = aligned([number(v) for v in (3, 0.125, 123.5)] + [Number(None, NONE)])
    # counted from the right, the point or a space as wide stands at one place
    marks = [next(mark for mark in ".\u2008" if mark in each.text) for each in column]
    at = {each.text[::-1].index(mark) for each, mark in zip(column, marks, strict=True)}
    assert at == {len("125")}
    assert [each.bare().text for each in column] == ["3", "0.125", "123.5", NONE]
