"""Finding the network and the scheduler of a pixel model of diffusers in a folder."""

from dataclasses import dataclass
from pathlib import Path

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.models.others.diffusers_files import refuse_latent
from jinc.schema import shown

CONFIG, SCHEDULER = "config.json", "scheduler_config.json"

TRAINED = ("unet_ema", "unet")
"""Networks in a checkpoint of diffusers' training script, the preferred EMA first."""


@dataclass(frozen=True)
class Place:
    """The files of a pixel model of diffusers.

    Args:
        network: folder of its `UNet2DModel`.
        scheduler: file of its scheduler's settings, if there is one.
        chosen: whether there was a choice, of which users are warned.
    """

    network: Path
    scheduler: Path | None
    chosen: bool = False


def find_pixel_model(folder: Path) -> Place:
    """Find the parts of a pixel model.

    A pipeline has a scheduler. For a network alone, or a checkpoint of diffusers' training script
    (`checkpoint-500`), it is searched in the folder and the two folders around it.

    Args:
        folder: of a pipeline, such a checkpoint, or a network.

    Raises:
        JincError: it is none of these, or its network is of another kind.
    """
    if (folder / "model_index.json").is_file():
        return _of_pipeline(folder)
    named = [folder / name for name in TRAINED if (folder / name / CONFIG).is_file()]
    network = named[0] if named else folder
    _check_kind(network)
    around = [folder.absolute(), *folder.absolute().parents[:2]]
    places = [place / part / SCHEDULER for place in around for part in ("", "scheduler")]
    scheduler = next(filter(Path.is_file, places), None)
    own = scheduler is None or folder.absolute() in scheduler.parents
    return Place(network, scheduler, chosen=bool(named) or not own)


def is_pixel_model(folder: Path) -> bool:
    """Whether `find_pixel_model` supports a folder."""
    if (folder / "model_index.json").is_file():
        return True
    files = (folder / CONFIG, *(folder / name / CONFIG for name in TRAINED))
    return any(file.is_file() and class_name(file).startswith("UNet2D") for file in files)


def class_name(settings: Path) -> str:
    """Return the class named in a file of settings, or ""."""
    named = read_object(settings).get("_class_name", "")
    return named if isinstance(named, str) and named.isidentifier() else shown(named)


def _of_pipeline(folder: Path) -> Place:
    """The parts of a pipeline; older ones have no folders for them."""
    refuse_latent(read_object(folder / "model_index.json"), str(folder))
    own = [folder / part for part in ("scheduler", "unet")]
    scheduler, network = (part if part.is_dir() else folder for part in own)
    _check_kind(network)
    return Place(network, scheduler / SCHEDULER)


def _check_kind(network: Path) -> None:
    kind = class_name(network / CONFIG)
    if kind != "UNet2DModel":
        hint = "; open_deepfloyd takes it" if kind == "UNet2DConditionModel" else ""
        raise JincError(f"{network}: holds a {kind}, a UNet2DModel is expected{hint}")
