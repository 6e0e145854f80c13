"""With which settings a run begins or goes on: asked for, found in its folder, or changed."""

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

_QUIET = (*CHANGEABLE, "data", *READING)
"""Settings that the options change too; images are checked by their fingerprint."""


def run_settings(
    out: Path, asked: TrainConfig, resume: bool, changes: tuple[str, ...]
) -> TrainConfig:
    """Return the settings of a new run, or of the one there with what may change.

    On the command line the settings of the run are the defaults, so that only what is given
    differs from them.

    Args:
        out: the run folder.
        asked: settings of the command line.
        resume: whether a run may be there.
        changes: `name=value` each, for settings that change from here on.

    Raises:
        JincError: there is a run and none was expected, or settings would make it another run.
    """
    if not resume or not out.exists() or (out.is_dir() and is_new(out)):
        if not (resume and (out / "config.yaml").is_file()):
            Run.check_free(out)
        return changed(asked, changes)
    stored = Run.open(out).config
    regular(out / CURVE)  # before the work, at whose end it is drawn
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
    """Return settings with changes, `name=value` each, in the words of JSON or plain text.

    Raises:
        JincError: one is no setting that may change, or has a value that makes no sense.
    """
    settings = config.settings()
    for change in changes:
        name, equals, text = change.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise JincError(f"--set: {change!r} is not NAME=VALUE")
        if name in settings and name not in (*_QUIET, *FROM_NOW_ON):
            raise JincError(f"--set: {name} cannot change in a run; begin another one")
        if name not in settings:
            raise unknown(f"--set: {name!r} is no setting", name, FROM_NOW_ON)
        settings[name] = _value(text)
    return TrainConfig.of_settings(settings, "--set") if changes else config


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
