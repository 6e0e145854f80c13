"""What files say in JSON, YAML and TOML is bounded and plain."""

import os

import pytest

from jinc.documents import read_object, read_toml, read_yaml
from jinc.errors import JincError

LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)
MERGES = "m0: &m0 {k0: 1}\n" + "".join(
    f"m{i}: &m{i}\n  <<: [{', '.join([f'*m{i - 1}'] * 9)}]\n  k{i}: 1\n" for i in range(1, 12)
)

YAML = {
    "[" * 30_000: "nested",
    "{a: " * 8_000: "nested",
    "- " * 15_000: "nested",
    "a: &a [*a]": "nested",
    LAUGHS: "too many values|nested",
    MERGES: "too many names by <<",
    "width: 1\nwidth: 2": "line 2: width is there twice",
    "a: {b: 1, b: 2}": "b is there twice",
    "a: 2024-01-01": "a date is no plain value; write it in quotes",
    "a: !!binary aGk=": "a bytes is no plain value",
    "a: !!set {b}": "a set is no plain value",
    "a: !!python/object/apply:os.getcwd []": "python/object",
    "? [1, 2]\n: 3": "unhashable",
    "a: .inf": "not a finite",
    "a: .nan": "not a finite",
    "a: " + "9" * 5000: "limit",
    "a: 0x" + "f" * 5000: "a whole number has over 64 bits",
    "a: [1, 18446744073709551616]": "a whole number has over 64 bits",
    "\na: 1:30:2": "line 2: write 1:30:2 in quotes",
    "a: " + "1:" * 5000 + "1.5": "line 1: write 1:",
    'a: "\\ud800"': "surrogates",
    'a: "\\0"': "NUL",
    "a: 1\n---\na: 2": "single document",
    "- 1": "values by name are expected",
    "": "values by name are expected",
    "a: " + "x" * 10**6: "larger than 32 KiB",
    "a: [1": "YAML",
}


@pytest.mark.parametrize(("text", "says"), YAML.items(), ids=[*map(str, range(len(YAML)))])
def test_odd_yaml_is_refused(tmp_path, text, says) -> None:
    refused(read_yaml, tmp_path / "a.yaml", text, says)


TOML = {
    "a = " + "[" * 8000: "nested",
    ".".join(["a"] * 2000) + " = 1": "nested",
    "a = 1\na = 2": "TOML",
    "a = 1979-05-27": "a date is no plain value",
    "a = nan": "not a finite",
    "a = 0x" + "f" * 5000: "a whole number has over 64 bits",
    'a = "\\u0000"': "NUL",
    "a = '" + "x" * 10**5 + "'": "larger than 16 KiB",
}


@pytest.mark.parametrize(("text", "says"), TOML.items(), ids=[*map(str, range(len(TOML)))])
def test_odd_toml_is_refused(tmp_path, text, says) -> None:
    refused(read_toml, tmp_path / "a.toml", text, says)


JSON = {
    "[" + "[]," * 10**6 + "[]]": "too many lists",  # before they are made
    '{"a": [{"b": 1, "c": 2, "b": 1}]}': "b is there twice",
    f'{{"a": {2**64}}}': "a whole number has over 64 bits",
    '{"a": NaN}': "NaN is no number",
    "[1]": "values by name are expected",
}


@pytest.mark.parametrize(("text", "says"), JSON.items(), ids=[*map(str, range(len(JSON)))])
def test_odd_json_is_refused(tmp_path, text, says) -> None:
    refused(read_object, tmp_path / "a.json", text, says)


def refused(read, file, text, says) -> None:
    file.write_text(text)
    with pytest.raises(JincError, match=says) as error:
        read(file)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250 + len(str(file))


@pytest.mark.parametrize("read", [read_object, read_yaml, read_toml])
def test_what_never_ends_is_not_read(tmp_path, read) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 2**40)
    for name, says in (("fifo", "regular"), ("endless", "regular"), ("huge", "larger")):
        with pytest.raises(JincError, match=says):
            read(tmp_path / name)


def test_names_of_yaml_are_as_they_are_written(tmp_path) -> None:
    (tmp_path / "a.yaml").write_text("1: a\nyes: no\n1e3: {0x10: 5}\nx: &x {y: 1}\nz: {<<: *x}\n")
    found = read_yaml(tmp_path / "a.yaml")
    assert found == {"1": "a", "yes": False, "1e3": {"0x10": 5}, "x": {"y": 1}, "z": {"y": 1}}
