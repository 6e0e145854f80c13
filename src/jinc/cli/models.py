"""Models as the command line names them: a run folder, a model folder, or a name on the Hub."""

import json
from pathlib import Path

import torch

from jinc.errors import JincError
from jinc.models import (
    Model,
    PixelModel,
    from_diffusers,
    is_hub_name,
    open_deepfloyd,
    pipeline_folder,
)
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
    if not source.exists():
        if not is_hub_name(str(source)):
            raise JincError(f"{source}: no such run or model folder")
        source = pipeline_folder(str(source), variant, told=embeddings is not None)
    index = source / "model_index.json"
    if index.is_file() and _takes_texts(index):
        half = variant == "fp16" and torch.cuda.is_available()
        dtype = torch.float16 if half else torch.float32
        return open_deepfloyd(source, embeddings=embeddings, variant=variant, dtype=dtype)
    if embeddings is not None:
        raise JincError(f"--embeddings: {source} does not take texts")
    if variant is not None:
        raise JincError(f"--variant: {source} has none")
    if (source / "diffusion.json").is_file():
        return Model.load(source)
    return from_diffusers(source) if index.is_file() else Run.open(source).model()


def _takes_texts(index: Path) -> bool:
    """Whether the network of a pipeline is told in words what to make."""
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))
        return "UNet2DConditionModel" in parts.get("unet", ())
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise JincError(f"{index}: cannot be read ({error})") from None
