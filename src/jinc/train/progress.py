"""How far a run has come."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """What is known after a step.

    Args:
        step: number of finished steps.
        total: number of all steps.
        loss: of this step, or of one a few steps ago on an accelerator, which is not waited for.
        images_per_second: over the time since the last line of the log.
        drawing: told between two steps of drawing or scoring samples, not after one of training.
    """

    step: int
    total: int
    loss: float
    images_per_second: float
    drawing: bool = False
