"""Opening DeepFloyd IF and similar pipelines of diffusers: in memory, a folder, or on the Hub."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jinc.diffusion import clip, dynamic_threshold
from jinc.errors import JincError
from jinc.models.others.deepfloyd import PromptedModel, PromptedUpscaler
from jinc.models.others.deepfloyd_parts import Parts, Stored, encoder_of, parts_of, read_encoder
from jinc.models.others.diffusers_files import (
    image_size_of,
    import_diffusers,
    refuse_no_pixels,
)
from jinc.models.others.diffusers_schedule import prediction_of, schedule_of
from jinc.models.others.hub import folder_of
from jinc.models.others.prompts import Embedder, PromptEncoder, PromptTable, read_prompts
from jinc.types import Denoiser

PromptSource = Embedder | Mapping[str, Tensor] | str | Path
"""A substitute for a text encoder: an `Embedder`, such as that of another stage, tensors by prompt,
or a file of them."""


def open_deepfloyd(
    source: Any,
    *,
    embeddings: PromptSource | None = None,
    variant: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> PromptedModel:
    """Open a text-to-image model of pixels, such as DeepFloyd IF's first stage.

    No code that comes with it is run: its pickles (`.bin`) are read by PyTorch's allow-list.

    Args:
        source: a pipeline of a `UNet2DConditionModel` in memory, the folder of a saved one, or its
            name on the Hub, such as `DeepFloyd/IF-I-XL-v1.0`.
        embeddings: used in place of the text encoder, which is then not read.
        variant: of its files, such as `fp16`; None for those without a variant.
        dtype: of the weights that are read.

    Returns:
        The model, in evaluation mode.

    Raises:
        JincError: diffusers is not installed, or the source cannot be read or is of another kind.

    Source: `IFPipeline` of diffusers.
    """
    diffusers: Any = import_diffusers("open_deepfloyd")
    parts = parts_of(diffusers, source, Stored(variant, dtype), embeddings is None)
    channels = _channels(parts, beside=False)
    return PromptedModel(**_facts(diffusers, parts, embeddings), channels=channels)


def open_deepfloyd_upscaler(
    source: Any,
    *,
    embeddings: PromptSource | None = None,
    variant: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> PromptedUpscaler:
    """Open DeepFloyd IF's second stage; arguments as of `open_deepfloyd`.

    With `embeddings=first.embed` it shares the text encoder of a first stage.

    Source: `IFSuperResolutionPipeline` of diffusers.
    """
    diffusers: Any = import_diffusers("open_deepfloyd_upscaler")
    parts = parts_of(diffusers, source, Stored(variant, dtype), embeddings is None)
    channels = _channels(parts, beside=True)
    if parts.noising is None:
        raise JincError(f"{parts.where}: has no image_noising_scheduler, is no second stage")
    noising = schedule_of(diffusers, parts.noising)
    return PromptedUpscaler(
        **_facts(diffusers, parts, embeddings), channels=channels, noising=noising
    )


def open_prompt_encoder(
    source: Any, *, variant: str | None = None, dtype: torch.dtype = torch.float32
) -> PromptEncoder:
    """Open the text encoder alone, as for `write_prompts`; arguments as of `open_deepfloyd`.

    Raises:
        JincError: it cannot be read, or there is none.
    """
    diffusers: Any = import_diffusers("open_prompt_encoder")
    if isinstance(source, diffusers.DiffusionPipeline):
        where, encoder = type(source).__name__, encoder_of(source.components)
    else:
        folder = folder_of(source, ("tokenizer", "text_encoder"), variant)
        where = str(source)
        encoder = read_encoder(folder, Stored(variant, dtype))
    if encoder is None:
        raise JincError(f"{where}: has no text encoder")
    return encoder


def _facts(diffusers: Any, parts: Parts, embeddings: PromptSource | None) -> dict[str, Any]:
    """The arguments that both stages share."""
    settings = parts.unet.config
    schedule = schedule_of(diffusers, parts.scheduler)
    return {
        "network": parts.unet.eval(),
        "embed": _embedder(parts, embeddings),
        "width": settings.encoder_hid_dim or settings.cross_attention_dim,
        "schedule": schedule,
        "prediction": prediction_of(schedule, parts.scheduler),
        "image_size": image_size_of(settings),
        "limit": _limit(parts),
    }


def _embedder(parts: Parts, embeddings: PromptSource | None) -> Embedder:
    if isinstance(embeddings, str | Path):
        return read_prompts(embeddings)
    if isinstance(embeddings, Mapping):
        return PromptTable(embeddings)
    embed = parts.encoder if embeddings is None else embeddings
    if embed is None:
        raise JincError(f"{parts.where}: has no text encoder; give embeddings, as a file of them")
    return embed


def _channels(parts: Parts, beside: bool) -> int:
    """Channels of the images of a supported network; `beside`: with small images as an input."""
    settings, where = parts.unet.config, parts.where
    channels_in = settings.in_channels
    other = (
        "IF's first stage; see jinc sample, open_deepfloyd"
        if beside
        else "IF's second stage; see jinc upscale, open_deepfloyd_upscaler"
    )
    takes_levels = settings.class_embed_type == "timestep"
    if channels_in not in (2, 6):  # an image and another beside it
        refuse_no_pixels(channels_in, where)
    if (channels_in in (2, 6)) != takes_levels or takes_levels != beside:
        raise JincError(f"{where}: is {other}")
    channels: int = channels_in // 2 if beside else channels_in
    if settings.out_channels not in (channels, 2 * channels):
        raise JincError(f"{where}: makes {settings.out_channels} channels of {channels}")
    expected: dict[str, tuple[Any, ...]] = {
        "encoder_hid_dim_type": (None, "text_proj"),
        "addition_embed_type": (None, "text"),
        "class_embed_type": ("timestep",) if beside else (None,),
        "num_class_embeds": (None,),
        "time_embedding_type": ("positional",),
    }
    for name, known in expected.items():
        if settings[name] not in known:
            raise JincError(f"{where}: {name}={settings[name]!r} is not supported, only texts are")
    return channels


def _limit(parts: Parts) -> Callable[[Denoiser], Denoiser]:
    """Limit predictions as its scheduler does; by plain clipping if it does not."""
    settings = parts.scheduler
    if settings.get("thresholding"):
        return partial(
            dynamic_threshold,
            quantile=settings.get("dynamic_thresholding_ratio", 0.995),
            largest=settings.get("sample_max_value", 1.0),
        )
    reach = settings.get("clip_sample_range", 1.0)
    return partial(clip, low=-reach, high=reach)
