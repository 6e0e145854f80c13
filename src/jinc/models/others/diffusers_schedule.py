"""The noise schedule and the prediction of a scheduler of diffusers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from jinc.diffusion import Prediction, Schedule
from jinc.diffusion.schedule import MOST_STEPS
from jinc.errors import JincError
from jinc.schema import build, shown

PREDICTIONS: Mapping[str, Prediction] = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
"""Our names of a scheduler's `prediction_type`."""


@dataclass(frozen=True)
class _Betas:
    """The settings of a scheduler that determine its noise schedule."""

    beta_schedule: str
    num_train_timesteps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 0.02
    trained_betas: tuple[float, ...] | None = None
    rescale_betas_zero_snr: bool = False

    def __post_init__(self) -> None:
        """Bound the memory."""
        steps = self.num_train_timesteps
        if not 1 <= steps <= MOST_STEPS:
            raise JincError(f"num_train_timesteps: {steps} is not from 1 to {MOST_STEPS:,}")


def schedule_of(diffusers: Any, settings: Mapping[str, Any]) -> Schedule:
    """Return the noise schedule of a scheduler.

    A scheduler is made from the settings of its betas alone, for others can be in the way: DDIM's
    crashes on the learned variance in DeepFloyd IF's settings.

    Args:
        diffusers: the module.
        settings: of `scheduler_config.json`.

    Raises:
        JincError: it is no variance-preserving schedule.
    """
    name = _name(settings)
    if "beta_schedule" not in settings or settings.get("use_flow_sigmas"):
        raise JincError(f"diffusers: {name} adds noise in another way than √ᾱ x0 + √(1−ᾱ) eps")
    known = {field.name: settings[field.name] for field in fields(_Betas) if field.name in settings}
    if known.get("trained_betas") is not None:  # in memory, perhaps an array
        known["trained_betas"] = np.asarray(known["trained_betas"]).tolist()
    betas = build(_Betas, known, f"diffusers: {name}")
    try:
        made = diffusers.DDPMScheduler(**vars(betas)).betas
    except (TypeError, ValueError, NotImplementedError) as error:
        raise JincError(f"diffusers: {name} makes no schedule ({str(error)[:150]})") from None
    return Schedule.from_betas(made)


def prediction_of(schedule: Schedule, settings: Mapping[str, Any]) -> Prediction:
    """Return the prediction of a network from its scheduler's settings.

    Raises:
        JincError: an unknown prediction, or ε with a schedule that ends in pure noise.
    """
    word = settings.get("prediction_type", "epsilon")
    if not isinstance(word, str) or word not in PREDICTIONS:
        known = ", ".join(PREDICTIONS)
        raise JincError(f"diffusers: {_name(settings)} predicts {shown(word)}, not {known}")
    if schedule.ends_in_pure_noise and word == "epsilon":
        raise JincError(
            f"diffusers: {_name(settings)}: rescale_betas_zero_snr does not go with "
            "prediction_type epsilon, for at the last step all is noise; a network trained so "
            "predicts v_prediction or sample"
        )
    return PREDICTIONS[word]


def _name(settings: Mapping[str, Any]) -> str:
    return str(settings.get("_class_name", "its scheduler"))[:60]
