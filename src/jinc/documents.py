"""JSON, YAML and TOML in files: plain values, bounded in size, nesting and numbers.

The values are objects with unique names, lists, texts that can be encoded, whole numbers of up to
64 bits, other finite numbers, true, false and null.
"""

import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import yaml

from jinc.errors import JincError
from jinc.files import one_line, reading

MOST_BYTES = 4 << 20
"""Of a JSON file."""
MOST_BRACKETS = 100_000
"""Of a JSON file: an empty list takes 30 times the memory of its text."""
MOST_BYTES_OF_YAML = 32 << 10
"""Its reader takes a tenth of a millisecond a word."""
MOST_BYTES_OF_TOML = 16 << 10
"""Its reader takes quadratic time for dotted names."""
DEEPEST = 32
"""Levels of nesting."""
MOST_VALUES = 500_000
"""References of YAML count each time."""
MOST_BITS = 64
"""Of a whole number."""
_ODD = re.compile("[\\0\ud800-\udfff]")
MOST_MERGED = 10_000
"""Names that `<<` brings into one mapping of YAML."""


def read_json(file: Path, most_bytes: int = MOST_BYTES) -> Any:
    """Read a JSON file of bounded size and depth.

    Args:
        file: a regular file.
        most_bytes: larger files are refused.

    Raises:
        JincError: the file cannot be read, is too large, or invalid.
    """
    return _read(file, "JSON", most_bytes, parse_json)


def read_object(file: Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Read a JSON file that holds one object; arguments and errors are those of `read_json`."""
    return _object(file, read_json(file, most_bytes))


def read_yaml(file: Path) -> dict[str, Any]:
    """Read a YAML file of settings; names are always text, also 1 or yes. Errors as `read_json`."""
    return _object(
        file, _read(file, "YAML", MOST_BYTES_OF_YAML, partial(yaml.load, Loader=_Loader))
    )


def read_front_matter(file: Path) -> dict[str, Any]:
    """Read the YAML between the first two lines `---` of a Markdown file; errors as `read_json`."""
    return _object(file, _read(file, "Markdown with YAML", MOST_BYTES_OF_YAML, _front_matter))


def read_toml(file: Path) -> dict[str, Any]:
    """Read a TOML file; errors as of `read_json`."""
    return _object(file, _read(file, "TOML", MOST_BYTES_OF_TOML, tomllib.loads))


def _read(file: Path, kind: str, most_bytes: int, parse: Callable[[str], Any]) -> Any:
    with reading(file) as opened:
        data = opened.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise JincError(f"{file}: is larger than {most_bytes >> 10:,} KiB, too large for {kind}")
    try:
        value = parse(data.decode("utf-8-sig"))
    except RecursionError:
        raise _too_deep(file) from None
    except (ValueError, yaml.YAMLError) as error:
        raise JincError(f"{file}: is not valid {kind} ({one_line(error)})") from None
    _check(file, value)
    return value


def _front_matter(text: str) -> Any:
    before, first, rest = text.partition("---\n")
    inside, second, _ = rest.partition("\n---\n")
    if before or not first or not second:
        raise ValueError("it does not begin with YAML between two lines ---")
    return yaml.load(inside, Loader=_Loader)


def _too_deep(file: Path) -> JincError:
    return JincError(f"{file}: is nested more than {DEEPEST} levels deep")


def _object(file: Path, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise JincError(f"{file}: holds {repr(value)[:60]}, values by name are expected")
    return value


def parse_json(text: str, most_brackets: int = MOST_BRACKETS) -> Any:
    """Parse JSON without NaN, duplicate names, or too many lists and objects.

    Raises:
        ValueError: the JSON is invalid.
        RecursionError: it is nested too deep.
    """
    if text.count("[") + text.count("{") > most_brackets:
        raise ValueError("too many lists and objects")
    return _DECODER.decode(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; refuse duplicate names, of which the last would count."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise ValueError(f"{names.most_common(1)[0][0]:.60} is there twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _check(file: Path, value: Any) -> None:
    """Refuse values that are not plain, nested too deep, or too many."""
    level, count = [("", value)], 0
    for _ in range(DEEPEST + 1):
        count += len(level)
        inner: list[tuple[str, Any]] = []
        for name, each in level:
            if count + len(inner) > MOST_VALUES:
                raise JincError(f"{file}: holds too many values")
            if isinstance(each, dict):
                inner += [("a name", key) for key in each]
                inner += each.items()
            elif isinstance(each, list):
                inner += [(name, one) for one in each]
            elif problem := _problem(each):
                raise JincError(f"{file}: {name[:60]}: {problem}")
        if not (level := inner):
            return
    raise _too_deep(file)


def _problem(value: Any) -> str:
    """Describe the fault of a value that is neither an object nor a list; "" for none."""
    if isinstance(value, str):
        return "a text has surrogates or NUL characters" if _ODD.search(value) else ""
    if isinstance(value, float):
        finite = abs(value) < math.inf  # which NaN is not
        return "" if finite else f"{value} is not a finite number, or was beyond 1e308"
    if isinstance(value, int):  # true and false are whole numbers to Python
        fits = value.bit_length() <= MOST_BITS
        return "" if fits else f"a whole number has over {MOST_BITS} bits"
    if value is None:
        return ""
    return f"a {type(value).__name__} is no plain value; write it in quotes"


class _Loader(yaml.SafeLoader):
    """Reads plain values, and refuses duplicate names."""

    def fetch_flow_collection_start(self, token: Any) -> None:
        """Stop before the scanner, which looks at all levels for each token, takes minutes."""
        if self.flow_level > DEEPEST:
            raise RecursionError
        super().fetch_flow_collection_start(token)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compare names as they are written, before `<<` brings in those of others."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ValueError(f"line {line}: {key.value} is there twice")
                seen.add(key.value)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge names by `<<`, but not too many."""
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED:
            raise ValueError("too many names by <<")

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Read names as text."""
        self.flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep=deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Read a number, but not base 60, as which YAML 1.1 reads the text 1:30:2."""
        if ":" in node.value:
            line = node.start_mark.line + 1
            raise ValueError(f"line {line}: write {node.value[:40]} in quotes")
        whole = node.tag.endswith(":int")
        return self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)
