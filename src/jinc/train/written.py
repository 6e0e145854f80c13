"""What the config.yaml of a run means: what older versions left out, and where its data lie."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinc.diffusion.schedule import BETA_ENDS

_DATA_AT = "data_at"
"""Absolute path of a relative `data`, so that a run can be resumed from any working directory."""


def to_write(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what goes into the file of a run: its settings, and where its data lie now."""
    data = Path(str(settings["data"]))
    relative = not data.is_absolute() and data.exists()
    return {**settings, **({_DATA_AT: str(data.absolute())} if relative else {})}


def as_written(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a run's file stands for.

    Runs older than `scale_betas` were trained without it. `data` is the absolute path where that
    still exists, unless somebody has edited the relative one.

    Args:
        found: what the file holds, by name.
    """
    settings = dict(found)
    absolute, relative = Path(str(settings.pop(_DATA_AT, ""))), Path(str(settings.get("data", "")))
    unedited = absolute.parts[len(absolute.parts) - len(relative.parts) :] == relative.parts
    if absolute.is_absolute() and absolute.exists() and unedited:
        settings["data"] = str(absolute)
    if "scale_betas" not in settings:
        usual = settings.get("timesteps", 1000) == 1000
        settings["scale_betas"] = usual or settings.get("schedule", "linear") not in BETA_ENDS
    return settings
