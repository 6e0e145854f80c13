"""Settings of a new or resumed run: given, stored in its folder, or changed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from jinc.errors import JincError, unknown
from jinc.files import regular
from jinc.train import CHANGEABLE, FROM_NOW_ON, READING, Run, TrainConfig, is_new

ChangedSettings: TypeAlias = Annotated[
    tuple[str, ...], Parameter(name="--set", consume_multiple=True, negative=())
]
"""`name=value …`, as `--set` takes them."""
CURVE = "curve.png"
"""The learning curve in a run folder."""

_QUIET = (*CHANGEABLE, "data", "original", *READING)
"""Settings that options may change too; images and weights are compared instead of their paths."""


def run_settings(
    out: Path, asked: TrainConfig, resume: bool, changes: tuple[str, ...]
) -> TrainConfig:
    """Return the settings of a new run, or of a resumed one with permitted changes.

    On the command line the settings of a run are the defaults, so that only given options differ.

    Args:
        out: the run folder.
        asked: settings of the command line.
        resume: whether a run may exist.
        changes: `name=value` each, settings to change from here on.

    Raises:
        JincError: a run exists without --resume, or a setting cannot change.
    """
    if not resume or not out.exists() or (out.is_dir() and is_new(out)):
        if not (resume and (out / "config.yaml").is_file()):
            Run.check_free(out)
        return changed(asked, changes)
    stored = Run.open(out).config
    regular(out / CURVE)  # checked before the work, written after it
    given = {}
    for name in TrainConfig.__dataclass_fields__:
        value, before = getattr(asked, name), getattr(stored, name)
        if value == before:
            continue
        if name not in _QUIET:
            later = f"; --set {name}=… changes it from here on" if name in FROM_NOW_ON else ""
            option = "--" + name.replace("_", "-")
            raise JincError(f"{option}: {out} was trained with {before}{later}")
        given[name] = value
    return changed(replace(stored, **given), changes)


def changed(config: TrainConfig, changes: tuple[str, ...]) -> TrainConfig:
    """Return settings with changes, `name=value` each, values being JSON or plain text.

    Raises:
        JincError: one is not a setting that may change, or has an invalid value.
    """
    settings = config.settings()
    for change in changes:
        name, equals, text = change.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise JincError(f"--set: {change!r} is not NAME=VALUE")
        if name in settings and name not in (*_QUIET, *FROM_NOW_ON):
            raise JincError(f"--set: {name} cannot change in a run; start a new one")
        if name not in settings:
            raise unknown(f"--set: unknown setting {name!r}", name, FROM_NOW_ON)
        settings[name] = _value(text)
    return TrainConfig.of_settings(settings, "--set") if changes else config


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
