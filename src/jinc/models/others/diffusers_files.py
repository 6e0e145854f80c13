"""Models of diffusers in folders: finding their parts, and reading settings and weights."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from warnings import warn

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.files import one_line
from jinc.models.convert.settings import FILE
from jinc.models.convert.surgery import convert
from jinc.models.others.weight_files import find_weights
from jinc.schema import shown

LATENT = ("vae", "vqvae", "movq", "prior")
"""Parts of latent pipelines."""

MOST_LAYERS = 256
"""Most layers of one kind: each is built before weights are compared with the file."""

MOST = 1 << 20
"""Largest other whole number in a network's settings, such as channels or tokens."""

MOST_SIDE = 1 << 14
"""Height and width of images, pixels."""

CALLED_FOR = ("quantization_config", "auto_map", "custom_pipeline", "transformers_weights")
"""Settings that make a library read other files or run other code."""

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


def import_diffusers(caller: str) -> ModuleType:
    """Import diffusers, which takes seconds; `caller` is named in the error if it is missing."""
    try:
        import diffusers
    except ImportError:
        raise JincError(f'{caller}: needs pip install "jinc[diffusers]"') from None
    module: ModuleType = diffusers
    return module


def network_settings(folder: Path) -> dict[str, Any]:
    """Read the `config.json` of a network, and check that its sizes are bounded.

    Raises:
        JincError: it cannot be read, has excessive sizes, or needs code or other files.
    """
    file = folder / "config.json"
    settings = read_object(file)
    check_network_settings(settings, str(file))
    return settings


def check_network_settings(settings: Mapping[str, Any], where: str) -> None:
    """Check that the settings of a network have bounded sizes, and need no other files.

    Args:
        settings: by name.
        where: their source, for errors.
    """
    for name in CALLED_FOR:
        if settings.get(name) is not None:
            raise JincError(f"{where}: {name} is not supported, and nothing it names is run")
    for name, value in settings.items():
        most = MOST_LAYERS if "layers" in name else MOST
        for number in _numbers(value):
            if abs(number) > most:
                raise JincError(f"{where}: {name}: {shown(number)} is larger than {most:,}")
        if isinstance(value, list) and len(value) > MOST_LAYERS:
            raise JincError(
                f"{where}: {name}: a list of {len(value):,} is longer than {MOST_LAYERS}"
            )


def read_network(kind: Any, folder: Path, variant: str | None = None, **options: Any) -> Any:
    """Read a network of diffusers from a folder, in evaluation mode; no code is run.

    It is converted if the folder has the settings of a conversion.

    Args:
        kind: its class.
        folder: of the network.
        variant: of its files, such as `fp16`; None for plain ones, or the only variant.
        options: of `from_pretrained`.

    Raises:
        JincError: it cannot be read, or weights are missing.
    """
    network_settings(folder)
    weights = find_weights(folder, variant)
    if weights.variant != variant:
        warn(f"{folder}: has {weights.variant} weights only; they are read", stacklevel=2)
    try:
        network, found = kind.from_pretrained(
            folder,
            use_safetensors=weights.safetensors,
            variant=weights.variant,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # on damaged files, it raises anything
        raise JincError(f"{folder}: cannot be read ({one_line(error)[:200]})") from None
    refuse_missing(folder, found["missing_keys"])
    network.eval()
    return convert(network, folder) if (folder / FILE).is_file() else network


def refuse_missing(folder: Path, names: set[str] | list[str]) -> None:
    """Refuse missing weights, which libraries would draw at random."""
    for name in sorted(map(str, names)):
        raise JincError(f"{folder}: cannot be read (weight {name} is missing)")


def refuse_latent(parts: Mapping[str, Any], where: str) -> None:
    """Refuse latent pipelines by the names of their parts."""
    for part in LATENT:
        if part in parts:
            raise JincError(f"{where}: is a latent model (it has a {part}); pixel models only")


def refuse_no_pixels(channels: int, where: str) -> None:
    """Refuse models whose images are neither grey nor in colour."""
    if channels not in (1, 3):
        four = "; 4 are a latent model without its decoder, or colour with alpha"
        raise JincError(
            f"{where}: its images have {channels} channels, pixel models have 1 (grey) or 3 "
            f"(colour){four if channels == 4 else ''}"
        )


def image_size_of(settings: Any) -> tuple[int, int]:
    """Return height and width in pixels from a network's settings, or raise a JincError."""
    size = settings.sample_size
    if size is None:
        raise JincError("diffusers: the network does not say its image size (sample_size)")
    sides = [size, size] if type(size) is int else [*_numbers(size)]
    if len(sides) != 2 or not all(1 <= side <= MOST_SIDE for side in sides):
        raise JincError(f"diffusers: sample_size: {shown(size)} is no height and width in pixels")
    return sides[0], sides[1]


def _numbers(value: Any) -> Iterator[int]:
    """All whole numbers in a setting."""
    if type(value) is int:
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, dict):
        yield from _numbers(list(value.values()))
