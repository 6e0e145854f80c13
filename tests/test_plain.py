"""Numbers as JSON knows them."""

import json
import math

import numpy as np

from jinc.plain import number_or_none, without_nan


def test_only_what_is_finite_is_a_number() -> None:
    assert [number_or_none(x) for x in (math.nan, math.inf, -math.inf, -1.5)] == [*[None] * 3, -1.5]


def test_what_is_left_can_be_written() -> None:
    found = without_nan({"a": (math.nan, 2, None), "b": [{"c": -math.inf, "d": "inf"}, True]})
    assert found == {"a": [None, 2, None], "b": [{"c": None, "d": "inf"}, True]}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert without_nan(np.float64("nan")) is None
