"""How a study writes down by which plan images are generated; its folders are named after that."""

from dataclasses import fields
from typing import Any

from jinc.diffusion.samplers.adaptive import USUAL_TOLERANCE
from jinc.models import SamplingPlan

NUMBER = 1000
"""Images of each network, by default."""
_ALWAYS = ("number", "sampler", "steps", "eta", "guidance", "calibrate", "seed")
_FILLED = ("tolerance", "clip", "spacing", "prompts")


def sampling_settings(plan: SamplingPlan) -> dict[str, Any]:
    """Return the settings of a plan as plain values, with defaults filled in.

    Even spacing and other settings at their defaults are left out, so that what was made before
    there was a choice keeps its name.
    """
    said = {name: getattr(plan, name) for name in _ALWAYS}
    said |= {"tolerance": plan.tolerance, "clip": plan.clips}
    if plan.tolerance is None:
        said["tolerance"] = USUAL_TOLERANCE
    if plan.spaced != "even":
        said["spacing"] = plan.spaced
    for field in fields(SamplingPlan):
        value = getattr(plan, field.name)
        if field.name not in (*_ALWAYS, *_FILLED) and value != field.default:
            said[field.name] = value
    return said


def sampling_facts(plan: SamplingPlan) -> dict[str, Any]:
    """Return what makes images what they are, but for how many there are."""
    return {name: value for name, value in sampling_settings(plan).items() if name != "number"}
