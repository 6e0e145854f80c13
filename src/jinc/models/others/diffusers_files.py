"""What is read of diffusers' models: their settings, and the noise schedules these tell."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from jinc.diffusion import Prediction, Schedule
from jinc.errors import JincError
from jinc.files import one_line

PREDICTIONS: Mapping[str, Prediction] = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
"""What a scheduler's `prediction_type` is called here."""

LATENT = ("vae", "vqvae", "movq", "prior")
"""Parts by which a pipeline shows that its network sees no pixels."""

BETAS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
"""The settings of a scheduler that make its noise schedule."""


def import_diffusers(who: str) -> ModuleType:
    """Import diffusers, which takes seconds: only where it is used.

    Args:
        who: asks for it.

    Raises:
        JincError: it is not installed.
    """
    try:
        import diffusers
    except ImportError:
        raise JincError(f'{who}: needs pip install "jinc[diffusers]"') from None
    module: ModuleType = diffusers
    return module


def read_settings(file: Path) -> dict[str, Any]:
    """Read the settings in a JSON file.

    Raises:
        JincError: it cannot be read.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JincError(f"{file}: cannot be read ({one_line(error)})") from None
    if not isinstance(value, dict):
        raise JincError(f"{file}: does not hold settings by name")
    return value


def read_network(kind: Any, folder: Path, **options: Any) -> Any:
    """Read a network of diffusers or transformers from a folder, out of safetensors only.

    Args:
        kind: its class.
        folder: where it is.
        options: of `from_pretrained`.

    Returns:
        It, in evaluation mode.

    Raises:
        JincError: it cannot be read, or not all of its weights are there.
    """
    try:
        network, found = kind.from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # on damaged files, whatever it stumbles over
        raise JincError(f"{folder}: cannot be read ({one_line(error)[:200]})") from None
    for name in sorted(map(str, found["missing_keys"])):  # which would be made up
        raise JincError(f"{folder}: cannot be read (weight {name} is missing)")
    return network.eval()


def refuse_latent(parts: Mapping[str, Any], where: str) -> None:
    """Refuse pipelines whose networks see no pixels.

    Args:
        parts: of the pipeline, by their names.
        where: it is from.

    Raises:
        JincError: it is one.
    """
    for part in LATENT:
        if part in parts:
            raise JincError(f"{where}: is a latent model (it has a {part}); pixel models only")


def schedule_of(diffusers: Any, settings: Mapping[str, Any]) -> tuple[Schedule, Prediction]:
    """Tell the noise schedule and the kind of prediction from a scheduler's settings.

    A scheduler is made anew of those settings alone that make its betas. Others can stand in the
    way: DDIM's crashes on the learned variance of which DeepFloyd IF's settings tell.

    Args:
        diffusers: the module.
        settings: as `scheduler_config.json` has them.

    Raises:
        JincError: it is no schedule that preserves variance, or no prediction of ours.
    """
    name = settings.get("_class_name", "its scheduler")
    if "beta_schedule" not in settings or settings.get("use_flow_sigmas"):
        raise JincError(f"diffusers: {name} adds noise in another way than √ᾱ x0 + √(1−ᾱ) eps")
    predicts = settings.get("prediction_type", "epsilon")
    if predicts not in PREDICTIONS:
        raise JincError(f"diffusers: {name} predicts {predicts!r}, not {', '.join(PREDICTIONS)}")
    try:
        known = {key: settings[key] for key in BETAS if key in settings}
        betas = diffusers.DDPMScheduler(**known).betas
    except (TypeError, ValueError, NotImplementedError) as error:
        raise JincError(f"diffusers: {name} makes no schedule ({error})") from None
    return Schedule.from_betas(betas), PREDICTIONS[predicts]


def image_size_of(settings: Any) -> tuple[int, int]:
    """Tell height and width in pixels from a network's settings.

    Raises:
        JincError: they do not say.
    """
    size = settings.sample_size
    if size is None:
        raise JincError("diffusers: the network does not say its image size (sample_size)")
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)
