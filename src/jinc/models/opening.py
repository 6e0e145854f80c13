"""Opening models: a run, a model folder of ours, or a pipeline of diffusers."""

from pathlib import Path
from typing import Any

import torch

from jinc.bundled import located, no_model
from jinc.documents import read_object
from jinc.errors import JincError
from jinc.models.device import choose_device
from jinc.models.generation.upscale import UpscalingModel
from jinc.models.others.deepfloyd_files import PromptSource, open_deepfloyd, open_deepfloyd_upscaler
from jinc.models.others.diffusers_files import find_pixel_model, is_pixel_model, refuse_no_pixels
from jinc.models.others.from_diffusers import from_diffusers
from jinc.models.others.hub import is_hub_name, pipeline_folder
from jinc.models.pixel_model import PixelModel
from jinc.models.trained import FILES, Model
from jinc.models.upscaler import Upscaler


def open_model(
    source: str | Path,
    *,
    embeddings: PromptSource | None = None,
    variant: str | None = None,
    device: str = "cpu",
) -> PixelModel:
    """Open a model of images.

    Args:
        source: the folder of a run, a model, a pipeline of diffusers, or a checkpoint of its
            training script; or the name of a bundled model, or of a pipeline on the Hub.
        embeddings: of prompts, in place of a text encoder; for text-to-image models.
        variant: of the files of a pipeline, such as fp16, in which text-to-image models compute on
            CUDA.
        device: cpu, cuda, mps, or auto for the best available.

    Raises:
        JincError: the model is missing, damaged or of another kind, or the device not available.
    """
    place = choose_device(device)
    folder, options = _found(source, embeddings, variant, place)
    if options is not None:
        return open_deepfloyd(folder, **options).to(place)
    if is_pixel_model(folder):
        model: PixelModel = from_diffusers(folder, variant=variant)
    else:
        model = Model.load(model_folder(folder))
    refuse_no_pixels(model.channels, str(source))
    return model.to(place)


def open_upscaler(
    source: str | Path,
    *,
    embeddings: PromptSource | None = None,
    variant: str | None = None,
    device: str = "cpu",
) -> UpscalingModel:
    """Open a super-resolution model; arguments and errors as of `open_model`."""
    place = choose_device(device)
    folder, options = _found(source, embeddings, variant, place)
    if options is not None:
        return open_deepfloyd_upscaler(folder, **options).to(place)
    if is_pixel_model(folder):
        find_pixel_model(folder)  # an error of its own for other kinds
        raise JincError(f"{folder}: is a model of images, not an upscaler; see jinc sample")
    return Upscaler.load(model_folder(folder)).to(place)


def load(source: str | Path, *, device: str = "cpu") -> PixelModel | UpscalingModel:
    """Open a model of images or a super-resolution model, whichever it is.

    Args:
        source: as of `open_model`.
        device: cpu, cuda, mps, or auto for the best available.

    Raises:
        JincError: as of `open_model`.
    """
    folder = source_folder(source)
    if _is_upscaler(folder):
        return open_upscaler(folder, device=device)
    return open_model(folder, device=device)


def _is_upscaler(folder: Path) -> bool:
    """Whether a folder holds a super-resolution model: of ours, or conditioned on texts."""
    files = ("upscaling.json", "model/upscaling.json", "image_noising_scheduler")
    return any((folder / name).exists() for name in files)


def model_folder(source: Path) -> Path:
    """Return the model folder of a run; a model folder is its own.

    Raises:
        JincError: it is neither, or a run without a model yet.
    """
    if any((source / name).is_file() for name in FILES):
        return source
    if not (source / "config.yaml").is_file():
        raise JincError(f"{source}: is neither a run nor a model folder")
    folder = source / "model"
    if not folder.is_dir():
        raise JincError(f"{source}: has no model yet; it is written with each checkpoint")
    return folder


def source_folder(
    source: str | Path, *, variant: str | None = None, with_texts: bool = False
) -> Path:
    """Return the folder of a model; that of a name on the Hub is downloaded if it is not cached.

    Raises:
        JincError: there is none.
    """
    folder = located(source)
    if folder.exists():
        return folder
    if not is_hub_name(str(source)) or folder.parent.is_dir():  # rather a typo
        raise no_model(source)
    return pipeline_folder(str(source), variant, with_texts=with_texts)


def _found(
    source: str | Path, embeddings: PromptSource | None, variant: str | None, device: torch.device
) -> tuple[Path, dict[str, Any] | None]:
    """Find the folder of a model, and the reading options of a text model (else None)."""
    folder = source_folder(source, variant=variant, with_texts=embeddings is None)
    if takes_texts(folder):
        half = variant == "fp16" and device.type == "cuda"
        dtype = torch.float16 if half else torch.float32
        return folder, {"embeddings": embeddings, "variant": variant, "dtype": dtype}
    if embeddings is not None:
        raise JincError(f"embeddings: {folder} does not take texts")
    if variant is not None and not is_pixel_model(folder):
        raise JincError(f"variant: {folder} is not a pipeline of diffusers, and has no variants")
    return folder, None


def takes_texts(folder: Path) -> bool:
    """Whether a folder holds a text-to-image pipeline."""
    index = folder / "model_index.json"
    named = read_object(index).get("unet") if index.is_file() else None
    return isinstance(named, list) and "UNet2DConditionModel" in named
