"""The parts of a text-to-image pipeline of diffusers."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.files import one_line
from jinc.models.others.diffusers_files import (
    class_name,
    network_settings,
    read_network,
    refuse_latent,
    refuse_missing,
)
from jinc.models.others.hub import folder_of
from jinc.models.others.prompts import PromptEncoder
from jinc.models.others.weight_files import find_weights
from jinc.schema import shown
from jinc.tensors import read_tensors

ENCODERS = ("T5EncoderModel", "CLIPTextModel")
"""Text encoders whose last layer is the input of the network."""

TOKENIZERS = ("T5Tokenizer", "T5TokenizerFast", "CLIPTokenizer", "CLIPTokenizerFast")
"""Their tokenizers."""


@dataclass(frozen=True)
class Stored:
    """How a pipeline is read; see `open_deepfloyd`."""

    variant: str | None = None
    dtype: torch.dtype = torch.float32


@dataclass(frozen=True)
class Parts:
    """The parts of a pipeline.

    Args:
        where: its source, for errors.
        unet: the network.
        scheduler: settings of its scheduler.
        noising: settings of the scheduler of small images, if it has one.
        encoder: the text encoder, if it has one and it is wanted.
    """

    where: str
    unet: Any
    scheduler: Mapping[str, Any]
    noising: Mapping[str, Any] | None
    encoder: PromptEncoder | None


def parts_of(diffusers: Any, source: Any, stored: Stored, encoded: bool) -> Parts:
    """Return the parts of a pipeline, or read them.

    Args:
        diffusers: the module.
        source: a pipeline, a folder, or a name on the Hub.
        stored: how it is read.
        encoded: whether its text encoder is wanted.

    Raises:
        JincError: it cannot be read, is latent, or its network is of another kind.
    """
    if isinstance(source, str | Path):
        return _read(diffusers, source, stored, encoded)
    where = type(source).__name__
    if not isinstance(source, diffusers.DiffusionPipeline):
        raise JincError(f"diffusers: a pipeline, a folder or a name is expected, got {where}")
    found = source.components
    refuse_latent(found, where)
    unet, scheduler = found.get("unet"), found.get("scheduler")
    if not isinstance(unet, diffusers.UNet2DConditionModel):
        raise JincError(f"{where}: a UNet2DConditionModel is expected, got {type(unet).__name__}")
    noising = found.get("image_noising_scheduler")
    return Parts(
        where,
        unet,
        dict(getattr(scheduler, "config", {})),
        None if noising is None else dict(noising.config),
        encoder_of(found) if encoded else None,
    )


def encoder_of(parts: Mapping[str, Any]) -> PromptEncoder | None:
    """Return the text encoder of a pipeline, if it has one and its tokenizer."""
    tokenizer, encoder = parts.get("tokenizer"), parts.get("text_encoder")
    if tokenizer is None or not isinstance(encoder, nn.Module):
        return None
    return PromptEncoder.of(tokenizer, encoder.eval())


def _read(diffusers: Any, source: str | Path, stored: Stored, encoded: bool) -> Parts:
    texts = ("tokenizer", "text_encoder") if encoded else ()
    wanted = ("unet", "scheduler", "image_noising_scheduler", *texts)
    folder = folder_of(source, wanted, stored.variant)
    index = read_object(folder / "model_index.json")
    refuse_latent(index, str(source))
    name = class_name(folder / "unet" / "config.json")
    if name != "UNet2DConditionModel":
        hint = "; from_diffusers takes it" if name == "UNet2DModel" else ""
        raise JincError(f"{folder / 'unet'}: holds a {name}, no UNet2DConditionModel{hint}")
    noising = folder / "image_noising_scheduler" / "scheduler_config.json"
    return Parts(
        str(source),
        read_network(
            diffusers.UNet2DConditionModel,
            folder / "unet",
            stored.variant,
            torch_dtype=stored.dtype,
        ),
        read_object(folder / "scheduler" / "scheduler_config.json"),
        read_object(noising) if _kind(index.get("image_noising_scheduler")) else None,
        read_encoder(folder, stored) if encoded else None,
    )


def read_encoder(folder: Path, stored: Stored) -> PromptEncoder | None:
    """Read tokenizer and text encoder, if a folder has them.

    Raises:
        JincError: they are of an unknown kind, or cannot be read.
    """
    index = read_object(folder / "model_index.json")
    named = {part: _kind(index.get(part)) for part in ("tokenizer", "text_encoder")}
    if None in named.values():
        return None
    if named["tokenizer"] not in TOKENIZERS or named["text_encoder"] not in ENCODERS:
        kinds = f"a {shown(named['text_encoder'])} and its {shown(named['tokenizer'])}"
        raise JincError(f"{folder}: has {kinds}; {' or '.join(ENCODERS)} is expected")
    library = _transformers()
    try:
        # From the folder: given a file alone, T5's tokenizer makes one without its words.
        tokenizer = getattr(library, named["tokenizer"]).from_pretrained(
            folder / "tokenizer", local_files_only=True
        )
    except Exception as error:  # on damaged files, it raises anything
        raise JincError(
            f"{folder / 'tokenizer'}: cannot be read ({one_line(error)[:200]})"
        ) from None
    kind = getattr(library, named["text_encoder"])
    return PromptEncoder.of(tokenizer, _text_encoder(kind, folder / "text_encoder", stored))


def _text_encoder(kind: Any, folder: Path, stored: Stored) -> nn.Module:
    """Read a network of transformers without running or downloading code.

    It gets settings and weights, and not the folder, in which it would look for adapters and other
    formats, and the attention by name, which settings could set to code on the Hub.
    """
    settings = network_settings(folder)
    weights: dict[str, Tensor] = {}
    for path in find_weights(folder, stored.variant).paths:
        weights |= read_tensors(path)
    try:
        encoder, found = kind.from_pretrained(
            None,
            config=kind.config_class.from_dict(settings),
            state_dict=weights,
            attn_implementation="eager",
            dtype=stored.dtype,
            output_loading_info=True,
        )
    except Exception as error:  # on damaged files, it raises anything
        raise JincError(f"{folder}: cannot be read ({one_line(error)[:200]})") from None
    refuse_missing(folder, found["missing_keys"])
    network: nn.Module = encoder.eval()
    return network


def _transformers() -> Any:
    try:
        return import_module("transformers")
    except ImportError:
        message = 'needs pip install "jinc[diffusers]", or embeddings of prompts (write_prompts)'
        raise JincError(f"text encoder: {message}") from None


def _kind(value: Any) -> Any:
    """The class of a part in `model_index.json`; None for no part."""
    return value[1] if isinstance(value, list) and len(value) == 2 else None
