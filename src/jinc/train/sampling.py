"""Samplers by name for pictures and scores during training."""

from collections.abc import Sequence
from typing import Any

from jinc.diffusion import levels_of, sampler_by_name, walk_by_name
from jinc.models import Shaping, Trained


def sampling_by_name(
    name: str, model: Trained, prompts: Sequence[str], guidance: float
) -> dict[str, Any]:
    """Return the options `shaping`, `walk` and `steps` that a sampler has by default.

    Args:
        name: one of `WALKS`.
        model: what is sampled.
        prompts: as `Shaping` takes them.
        guidance: likewise.
    """
    sampler = sampler_by_name(name)
    shaping = Shaping(
        prompts=prompts,
        guidance=guidance,
        limited=sampler.limits(None),
        calibrated=sampler.calibrates(None),
    )
    steps = levels_of(name, model.schedule)
    return {"shaping": shaping, "walk": walk_by_name(name), "steps": steps}
