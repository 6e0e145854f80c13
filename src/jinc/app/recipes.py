"""The command and the program that make the same images as the page."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields

from jinc.cli.sampling import SamplingOptions
from jinc.models import SamplingPlan

WIDTH = 80
"""Up to so many characters, a command is one line."""

_NAMES = {"prompts": "prompt", "images": "image", "json_": "json"}
"""Options whose names are not those of their fields."""


@dataclass(frozen=True)
class Recipe:
    """How to make the same images without the page.

    Args:
        shell: a command.
        python: a program.
    """

    shell: str
    python: str


def shell(words: Sequence[str], options: SamplingOptions) -> str:
    """Return a command as it is typed.

    Args:
        words: its name, the model and options of its own.
        options: those that differ from the defaults follow.
    """
    tokens = ["jinc", *words, *_tokens(options)]
    line = shlex.join(tokens)
    if len(line) <= WIDTH:
        return line
    starts = [place for place, token in enumerate(tokens) if token.startswith("--")]
    parts = [tokens[a:b] for a, b in zip([0, *starts], [*starts, len(tokens)], strict=True)]
    return " \\\n  ".join(map(shlex.join, parts))


def plan_call(plan: SamplingPlan) -> str:
    """Return a plan as Python.

    >>> plan_call(SamplingPlan(prompts=("3", "7"), seed=1))
    "SamplingPlan(prompts=('3', '7'), seed=1)"
    """
    found = ((field, getattr(plan, field.name)) for field in fields(SamplingPlan))
    given = [f"{field.name}={value!r}" for field, value in found if value != field.default]
    return f"SamplingPlan({', '.join(given)})"


def _tokens(options: SamplingOptions) -> list[str]:
    tokens: list[str] = []
    for field in fields(options):
        value = getattr(options, field.name)
        if value == field.default:
            continue
        name = _NAMES.get(field.name, field.name.replace("_", "-"))
        if isinstance(value, bool):
            tokens.append(f"--{name}" if value else f"--no-{name}")
        else:
            tokens += [f"--{name}", *map(str, value if isinstance(value, tuple) else [value])]
    return tokens
