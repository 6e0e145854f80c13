"""The learning rate, a function of the step: it has no state to save."""

import math

from jinc.train.settings import OptimiserSettings


def learning_rate(settings: OptimiserSettings, step: int, total: int) -> float:
    """Return the learning rate of a step: a linear rise, then constant or half a cosine.

    Args:
        settings: the highest rate, the length of the rise, and what follows it.
        step: number of finished steps, 0 … total − 1.
        total: number of all steps.

    Returns:
        The rate; never 0, since a step that teaches nothing is a step lost.
    """
    highest, warmup = settings.learning_rate, settings.warmup
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    if settings.lr_schedule == "constant":
        return highest
    share = (step - warmup) / max(1, total - warmup)
    return highest * (1 + math.cos(math.pi * share)) / 2
