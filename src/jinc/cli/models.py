"""Models as the command line names them: a run folder, a model folder, or a name on the Hub."""

import json
from pathlib import Path
from typing import Any

import torch

from jinc.errors import JincError
from jinc.models import (
    Model,
    PixelModel,
    Upscaler,
    UpscalingModel,
    from_diffusers,
    is_hub_name,
    open_deepfloyd,
    open_deepfloyd_upscaler,
    pipeline_folder,
)
from jinc.models.trained import FILES
from jinc.train import Run


def open_model(
    source: Path, embeddings: Path | None = None, variant: str | None = None
) -> PixelModel:
    """Read the model of a run, of a model folder of ours, or of a pipeline of diffusers.

    Args:
        source: its folder; or, of a pipeline, its name on the Hub.
        embeddings: of prompts, in place of a text encoder; for models that take texts.
        variant: of the files of a pipeline, such as fp16.

    Raises:
        JincError: there is none, or it is damaged.
    """
    source, told = _found(source, embeddings, variant)
    if told is not None:
        return open_deepfloyd(source, **told)
    if any((source / name).is_file() for name in FILES):
        return Model.load(source)
    if (source / "model_index.json").is_file():
        return from_diffusers(source)
    return Run.open(source).model()


def open_upscaler(
    source: Path, embeddings: Path | None = None, variant: str | None = None
) -> UpscalingModel:
    """Read a model that makes images larger; arguments and errors are those of `open_model`."""
    source, told = _found(source, embeddings, variant)
    if told is not None:
        return open_deepfloyd_upscaler(source, **told)
    if any((source / name).is_file() for name in FILES):
        return Upscaler.load(source)
    if (source / "model_index.json").is_file():
        raise JincError(f"{source}: is a model of images, no upscaler; see jinc sample")
    return Run.open(source).upscaler()


def _found(
    source: Path, embeddings: Path | None, variant: str | None
) -> tuple[Path, dict[str, Any] | None]:
    """Find the folder of a model, and how it is to be read, if it takes texts; None if it does not.

    Raises:
        JincError: there is none, or it takes no texts and was to be told some.
    """
    if not source.exists():
        if not is_hub_name(str(source)):
            raise JincError(f"{source}: no such run or model folder")
        source = pipeline_folder(str(source), variant, told=embeddings is not None)
    index = source / "model_index.json"
    if index.is_file() and _takes_texts(index):
        half = variant == "fp16" and torch.cuda.is_available()
        dtype = torch.float16 if half else torch.float32
        return source, {"embeddings": embeddings, "variant": variant, "dtype": dtype}
    if embeddings is not None:
        raise JincError(f"--embeddings: {source} does not take texts")
    if variant is not None:
        raise JincError(f"--variant: {source} has none")
    return source, None


def _takes_texts(index: Path) -> bool:
    """Whether the network of a pipeline is told in words what to make."""
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))
        return "UNet2DConditionModel" in parts.get("unet", ())
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise JincError(f"{index}: cannot be read ({error})") from None
