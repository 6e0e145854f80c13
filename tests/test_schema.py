"""JSON is bounded, and checked against the annotations of a dataclass."""

import json
import os
from dataclasses import dataclass
from typing import Literal

import pytest

from jinc.documents import MOST_BYTES, read_json, read_object
from jinc.errors import JincError
from jinc.schema import build, read_as


@dataclass(frozen=True)
class Facts:
    size: tuple[int, int]
    spread: float
    kind: Literal["eps", "v"] = "eps"
    names: tuple[str, ...] = ()
    ratio: float | None = None

    def __post_init__(self) -> None:
        if self.spread < 0:
            raise JincError("spread: is below 0")


def refused(says, call, *arguments):
    with pytest.raises(JincError, match=says) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300 + len(str(arguments))


def test_a_file_is_read_as_its_dataclass(tmp_path):
    file = tmp_path / "facts.json"
    file.write_text(json.dumps({"size": [2, 3], "spread": 1, "names": ["a"], "ratio": None}))
    assert read_as(Facts, file) == Facts((2, 3), 1, names=("a",))


GOOD = {"size": [2, 3], "spread": 1.0}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"size": [2, 3]}, "here: spread is missing"),
        (GOOD | {"spred": 1}, "here: 'spred' is unknown; did you mean spread"),
        (GOOD | {"zzz" * 99: 1}, "unknown; a newer version may have written it"),
        (GOOD | {"size": [2]}, r"size: \(2,\) is not a list of 2: a whole number, a whole number"),
        (GOOD | {"size": [2, True]}, "size: "),
        (GOOD | {"size": {"2": 3}}, "size: "),
        (GOOD | {"spread": "wide"}, "spread: 'wide' is not a finite number"),
        (GOOD | {"spread": 10**400}, "spread: a huge number is not a finite number"),
        (GOOD | {"spread": float("nan")}, "spread: nan is not a finite number"),
        (GOOD | {"spread": -1}, "here: spread: is below 0"),
        (GOOD | {"kind": "x" * 999}, "kind: 'x.*… is not one of eps, v"),
        (GOOD | {"names": [1]}, "names: .1,. is not a list, each a text"),
        (GOOD | {"ratio": []}, r"ratio: \(\) is not a finite number or nothing"),
    ],
)
def test_values_of_another_kind_are_refused(values, says):
    refused(says, build, Facts, values, "here")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[" * 34 + b"]" * 34, "nested more than 32 levels"),
        (b"[" * 10**6, "too many lists and objects"),
        (b'{"a":' * 10**5, "nested more than 32 levels"),
        (b'{"a": "\\ud800"}', "surrogates"),
        (b'{"\\ud800": 1}', "surrogates"),
        (b'{"a": NaN}', "NaN is no number of JSON"),
        (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
        (b'{"a": 1e999}', "beyond 1e308"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "not valid JSON"),
        (b" " * (MOST_BYTES + 1), "larger than 4,096 KiB"),
        (b"[1]", "holds .1., values by name"),
        (b"null", "holds None, values by name"),
    ],
    ids=range(15),
)
def test_odd_json_is_refused(tmp_path, data, says):
    (tmp_path / "x.json").write_bytes(data)
    refused(says, read_object, tmp_path / "x.json")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    refused("not a regular file", read_json, tmp_path / "fifo")
    refused("is a folder", read_json, tmp_path)
    refused("No such file", read_json, tmp_path / "none")
