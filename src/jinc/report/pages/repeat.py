"""The command that repeats a run or a study."""

import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from jinc.train import TrainConfig


def train_command(config: TrainConfig, out: str | Path) -> list[str]:
    """Write the command that trains with such settings: those that are not as usual.

    Args:
        config: the settings of a run.
        out: the folder of another one.

    Returns:
        Parts for a shell, an option each.

    >>> train_command(TrainConfig(data="my digits", augment=("hflip", "spin"), width=8), "again")
    ['jinc train', '--out again', "--data 'my digits'", '--augment hflip spin', '--width 8']
    """
    parts = ["jinc train", _option("--out", str(out))]
    for field in fields(TrainConfig):
        value = getattr(config, field.name)
        if value != field.default:
            parts.append(_option("--" + field.name.replace("_", "-"), value))
    return parts


def study_command(file: str, out: str | Path, places: Mapping[str, str]) -> list[str]:
    """Write the command that runs a study, or goes on with it.

    Args:
        file: the study.
        out: its folder.
        places: what the names in it stand for.

    Returns:
        Parts for a shell, an option each.

    >>> study_command("a study.yaml", "out", {"mnist": "/data/mnist"})
    ['jinc study run', "'a study.yaml'", '--out out', '--place mnist=/data/mnist']
    """
    named = [_option("--place", f"{name}={place}") for name, place in places.items()]
    return ["jinc study run", shlex.quote(file), _option("--out", str(out)), *named]


def _option(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else name.replace("--", "--no-", 1)
    if isinstance(value, tuple):
        return shlex.join([name, *(map(str, value) if value else ["[]"])])
    text = str(value)
    return shlex.join([f"{name}={text}"] if text.startswith("-") else [name, text])
