"""Hostile values: what options, environments and documents may say."""

import json
import random
from collections.abc import Callable
from typing import Any

NUMBERS = (
    *("0", "-1", "1", "2", "-0.0", "nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "0x10"),
    *("1_000", "1e400", "10" * 200, str(2**31), str(2**32), str(2**63), str(2**64), str(10**18)),
    *(
        "1000000000",
        "1000000000000",
        "100000",
        "99999",
        "2000",
        "0.5",
        "1.5",
        "٣",
        "²",
        "1,5",
        "1e",
    ),
    *("-2147483649", "18446744073709551616", "0" * 5000 + "1", "9" * 5000, "true", "none", ""),
)
TEXTS = (
    *("", " ", "\t", "a\nb", "\x1b[31mred", "\x07", "\u202e", "\udcff\udcfe", "é", "💥" * 50),
    *("x" * 300, "x" * 5000, "../../../etc/passwd", "~", "$HOME", "$(id)", "`id`", ";id", "|id"),
    *("%s%n%x", "{0.__class__}", "[bold]", "[/]", "<script>alert(1)</script>", "-", "--", "-1"),
    *("null", "None", "true", "[]", "{}", "[" * 3000, '{"a":' * 2000, '"\\ud800"', "*", "?", "!x"),
    *("D@6", "D@" + "9" * 400, "D@6/0." + "1" * 400, "D-1e999@6", "A,A,A,A,A,A,A,A", "1,2,3,4"),
    *("1e308%,0,5,5", "0,0,1e308,1", "nan,0,1,1", "-5,-5,3,3", "0,0,99999999999,1", "100%,0,1,1"),
    *("rotate 1e308", "rotate nan", "jigsaw 100000", "jigsaw 0", "identity then " * 500 + "hflip"),
    *("-90:90:1000000000", "0:0:0", "1:2", "0:1e308:3", "nan:1:2", "::", "90:" * 100),
    *("torchscript:x.pt", "torchscript:", "hf://x/y", "http://127.0.0.1:1/x", "file:///etc/passwd"),
)
PLACES = (
    *("", ".", "..", "/", "//", "/dev/null", "/dev/zero", "/dev/full", "/dev/stdin", "/dev/fd/1"),
    *("/proc/self/mem", "/proc/self/environ", "/proc/1/x", "/sys/x", "/nonexistent/x", "nowhere"),
    *("fifo", "socket", "loop", "dangling", "to-null", "x" * 256, "x/" * 3000, "a\nb", "\udcff"),
    *("~root", "-", "--help", "file.txt/inside", "é/💥", "con", "a" * 255, "deep/" * 40 + "o"),
)
ENVIRONMENTS: tuple[dict[str, str], ...] = (
    *({"PYTHONIOENCODING": code} for code in ("ascii", "latin-1", "utf-16", "cp037")),
    *({"COLUMNS": n} for n in ("0", "1", "2", "10", "-5", "1e3", "²", "9" * 50, "1000000", "")),
    *({"WORLD_SIZE": n} for n in ("2", "0", "-1", "abc", "", "9" * 30, "1")),
    *({"RANK": n} for n in ("1", "-1", "x", "9" * 30)),
    *({"LOCAL_RANK": n} for n in ("1", "x", "-1")),
    {"WORLD_SIZE": "2", "RANK": "5", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "x"},
    *({"JINC_CACHE": n} for n in ("/dev/null", "/proc/x", "file.txt", "", "fifo", "x" * 5000)),
    *({"HOME": n} for n in ("/nonexistent", "", "/dev/null")),
    *({"TERM": n} for n in ("dumb", "", "x" * 1000)),
    *({"LINES": n} for n in ("1", "²", "-1")),
    {"TMPDIR": "/nonexistent"},
    {"OMP_NUM_THREADS": "abc"},
    {"LC_ALL": "C", "LANG": "C"},
    {"NO_COLOR": "1", "FORCE_COLOR": "1"},
    {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "8", "WORLD_SIZE": "8"},
)


def number(rng: random.Random) -> str:
    """Return a number of an option, or what looks like one."""
    return rng.choice(NUMBERS)


def text(rng: random.Random) -> str:
    """Return any word of an option."""
    return rng.choice((*TEXTS, *NUMBERS, *PLACES))


def json_value(rng: random.Random) -> Any:
    """Return a value that is not what a reader expects."""
    makers: tuple[Callable[[], Any], ...] = (
        lambda: None,
        lambda: rng.choice((True, False)),
        lambda: rng.choice((0, -1, 2**31, 2**63, 10**18, 10**30, 10**400, 0.5, 1e308)),
        lambda: rng.choice((float("nan"), float("inf"))),
        lambda: rng.choice(TEXTS).replace("\udcff\udcfe", "\ud800"),
        lambda: [],
        lambda: {},
        lambda: [None, {"a": [1]}],
        lambda: {"": None, "class": []},
        lambda: [[0]] * 1000,
        lambda: "x" * 100_000,
        lambda: nested(rng.choice((70, 900, 5000))),
    )
    return rng.choice(makers)()


def nested(depth: int) -> list[Any]:
    """Return lists inside of one another."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def mutated(value: Any, rng: random.Random) -> Any:
    """Return a document in which something is missing, or is something else."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name, found = rng.choice(list(value)), dict(value)
        choice = rng.random()
        if choice < 0.25:
            del found[name]
        elif choice < 0.35:
            found[rng.choice(TEXTS).replace("\udcff\udcfe", "\ud800")] = json_value(rng)
        else:
            found[name] = mutated(found[name], rng)
        return found
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], mutated(value[place], rng), *value[place + 1 :]]
    return json_value(rng)


def json_text(good: Any, rng: random.Random) -> bytes:
    """Return a document of JSON that is damaged, hostile or of the wrong kind."""
    texts: tuple[Callable[[], str], ...] = (
        lambda: "[" * 100_000,
        lambda: '{"a":' * 50_000 + "1" + "}" * 50_000,
        lambda: '{"a": ' + "9" * 100_000 + "}",
        lambda: '{"a": 1, "a": 2}',
        lambda: f"{json.dumps(good)[:-1]}, {json.dumps(good)[1:]}",
        lambda: "[" + "[]," * 1_000_000 + "[]]",
        lambda: "NaN",
        lambda: '"\\ud800"',
        lambda: "",
        lambda: "\x00" * 1000,
    )
    if rng.random() < 0.3:
        return rng.choice(texts)().encode()
    found = mutated(good, rng)
    try:
        return json.dumps(found).encode()
    except RecursionError:
        return b'{"deep": ' + b"[" * 5000 + b"]" * 5000 + b"}"


def yaml_text(good: str, rng: random.Random) -> bytes:
    """Return a document of YAML that is damaged, hostile or of the wrong kind."""
    laughs = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    merges = "".join(
        f"m{i}: &m{i}\n  <<: [{', '.join([f'*m{i - 1}'] * 9)}]\n  k{i}: 1\n" for i in range(1, 12)
    )
    line = rng.choice([line for line in good.splitlines() if ":" in line] or ["a: 1"])
    name = line.split(":")[0]
    value = rng.choice((*TEXTS, *NUMBERS)).replace("\udcff\udcfe", "é")
    texts: tuple[Callable[[], str], ...] = (
        lambda: "[" * 50_000,
        lambda: "a: " * 20_000,
        lambda: "- " * 20_000,
        lambda: "a0: &a0 [x]\n" + laughs,
        lambda: "m0: &m0 {k0: 1}\n" + merges,
        lambda: "a: &a [*a]\n" + good,
        lambda: good + "\n" + line + "\n",
        lambda: good + f"\n{name}: {value}\n",
        lambda: good.replace(line, f"{name}: {value}"),
        lambda: good.replace(line, f"{name}: {json.dumps(json_value(rng), default=str)}"),
        lambda: good.replace(line, f"{name}: !!python/object/apply:pathlib.Path.touch [ran]"),
        lambda: good.replace(line, f"{name}: !!binary aGVsbG8="),
        lambda: good.replace(line, f"{name}: 2024-01-01"),
        lambda: good.replace(line, f"{name}: 1:2:3:4:5:6:7:8:9:10:11:12:13:14"),
        lambda: good.replace(line, f"{name}: 1{':59' * 5000}{rng.choice(('', '.5'))}"),
        lambda: good.replace(line, f"{name}: 0x{'f' * rng.choice((17, 5000))}"),
        lambda: good + "\n? [1, 2]\n: 3\n1: 2\nnull: 3\ntrue: 4\n",
        lambda: good + "\n---\n" + good,
        lambda: "\x00" * 100,
        lambda: "%YAML 9.9\n---\n",
        lambda: "9" * 60_000,
        lambda: "x" * 10_000_000,
    )
    try:
        return rng.choice(texts)().encode()
    except RecursionError:
        return b"[" * 5000


def toml_text(good: str, rng: random.Random) -> bytes:
    """Return a document of TOML that is damaged, hostile or of the wrong kind."""
    line = rng.choice([line for line in good.splitlines() if "=" in line] or ["a = 1"])
    name = line.split("=")[0].strip()
    texts = (
        "a = " + "[" * 50_000,
        "a = " + "{a=" * 20_000,
        ".".join(["a"] * 5000) + " = 1",
        ".".join(["a"] * 200_000) + " = 1",
        "[" + ".".join(["a"] * 20_000) + "]\n",
        good.replace(line, f"{name} = {'9' * 5000}"),
        good.replace(line, f"{name} = 0x{'f' * 5000}"),
        good.replace(line, f"{name} = 1979-05-27T07:32:00Z"),
        good.replace(line, f"{name} = nan"),
        good.replace(line, f"{name} = inf"),
        good.replace(line, f'{name} = "\\u0000"'),
        good.replace(line, f"{name} = [1, [2, [3]]]"),
        good.replace(line, f"{name} = {{a = 1}}"),
        good + "\n" + line + "\n",
        "\x00" * 100,
        "x = '" + "y" * 5_000_000 + "'",
    )
    return rng.choice(texts).encode()
