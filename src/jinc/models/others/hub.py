"""Folders of pipelines, by path or by name on the Hub."""

import re
from collections.abc import Sequence
from pathlib import Path

from jinc.errors import JincError
from jinc.files import one_line
from jinc.models.others.weight_files import has_weights

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""A name on the Hub."""

KINDS = ("*.json", "*.model", "*.txt")
"""Files beside weights: settings and vocabularies, but no code."""

FLAT = ("model_index.json", "config.json", "scheduler_config.json")
"""Settings outside the folders of a pipeline."""

ALONE = "diffusion_pytorch_model"
"""Name of the weights of older pipelines, which have no folders."""


def is_hub_name(source: str) -> bool:
    """Whether a text can be a name on the Hub, `owner/name`."""
    return NAME.fullmatch(source) is not None


def pipeline_folder(source: str, variant: str | None = None, with_texts: bool = True) -> Path:
    """Return the folder of a pixel pipeline on the Hub, downloaded if it is not cached.

    Args:
        source: `owner/name`.
        variant: of the weights, such as `fp16`; None for those without a variant.
        with_texts: whether to download its text encoder, the largest part.

    Raises:
        JincError: the download failed.
    """
    texts = ("tokenizer", "text_encoder") if with_texts else ()
    return folder_of(source, ("unet", "scheduler", *texts), variant)


def folder_of(source: str | Path, parts: Sequence[str], variant: str | None = None) -> Path:
    """Return the folder of a pipeline; download the wanted parts if it is a name on the Hub.

    Args:
        source: a folder, or `owner/name`.
        parts: the wanted folders in it.
        variant: of the weights, such as `fp16`; None for those without a variant.

    Raises:
        JincError: there is no such folder, and the download failed.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder
    if isinstance(source, Path) or not NAME.fullmatch(source):
        raise JincError(f"{source}: no such folder")
    missing = list(parts)
    for weights, ignored in _kinds_of_weights(variant):
        folder = _downloaded(source, missing, weights, ignored)
        missing = [part for part in (*parts, "") if _has_no_weights(folder / part)]
        if not missing:
            break
    return folder


def _kinds_of_weights(variant: str | None) -> list[tuple[str, list[str]]]:
    """Patterns of weights to download and to ignore, in the order of `find_weights`."""
    if variant is not None:
        return [(f"*.{variant}*.safetensors", []), (f"*.{variant}*.bin", [])]
    variants = ["*.*.safetensors", "*.*.bin"]
    kinds = "*.safetensors", "*.bin"
    return [*((kind, variants) for kind in kinds), *((kind, list[str]()) for kind in kinds)]


def _has_no_weights(folder: Path) -> bool:
    """Whether a folder has the settings of a network, but no weights."""
    return (folder / "config.json").is_file() and not has_weights(folder)


def _downloaded(source: str, parts: Sequence[str], weights: str, ignored: list[str]) -> Path:
    """Download the settings of a pipeline and its weights of one kind."""
    from huggingface_hub import snapshot_download  # heavy

    wanted = [f"{part}/{kind}" for part in parts if part for kind in (*KINDS, weights)]
    try:
        downloaded = snapshot_download(
            source,
            allow_patterns=[*wanted, *FLAT, ALONE + weights],
            ignore_patterns=ignored,
        )
    except Exception as error:  # a network and a server can raise anything
        reason = one_line(error)[:200]
        raise JincError(
            f"{source}: no such folder, and the download from the Hub failed ({reason})"
        ) from None
    return Path(downloaded)
