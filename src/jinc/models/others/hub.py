"""Folders by their paths, or by their names on the Hub."""

import re
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download

from jinc.errors import JincError
from jinc.files import one_line
from jinc.models.others.weight_files import has_weights

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""What is called so, and is no folder, is looked for on the Hub."""

KINDS = ("*.json", "*.model", "*.txt")
"""Files that go with weights: settings, and the words of tokenizers. None of them is code."""

FLAT = ("model_index.json", "config.json", "scheduler_config.json")
"""Settings beside the folders of a pipeline, or instead of them."""

ALONE = "diffusion_pytorch_model"
"""How weights are named beside the settings of older pipelines, which have no folders within."""


def is_hub_name(source: str) -> bool:
    """Tell whether a name can be one on the Hub, `owner/name`."""
    return NAME.fullmatch(source) is not None


def pipeline_folder(source: str, variant: str | None = None, told: bool = False) -> Path:
    """Return the folder of a pixel pipeline on the Hub, downloaded where it is not there yet.

    Args:
        source: `owner/name`.
        variant: of the weights, such as `fp16`; None for those without a variant.
        told: whether to do without its text encoder, which is the largest part.

    Raises:
        JincError: it cannot be had.
    """
    texts = () if told else ("tokenizer", "text_encoder")
    return folder_of(source, ("unet", "scheduler", *texts), variant)


def folder_of(source: str | Path, parts: Sequence[str], variant: str | None = None) -> Path:
    """Return the folder of a pipeline; if it is a name on the Hub, download what is wanted of it.

    Args:
        source: a folder, or `owner/name`.
        parts: the folders in it that are wanted.
        variant: of the weights, such as `fp16`; None for those without a variant.

    Raises:
        JincError: there is no such folder, and it cannot be had from the Hub.
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
    """Patterns of files to ask for and to leave out, one kind after another: `find_weights`'."""
    if variant is not None:
        return [(f"*.{variant}*.safetensors", []), (f"*.{variant}*.bin", [])]
    variants = ["*.*.safetensors", "*.*.bin"]
    kinds = "*.safetensors", "*.bin"
    return [*((kind, variants) for kind in kinds), *((kind, list[str]()) for kind in kinds)]


def _has_no_weights(folder: Path) -> bool:
    """Whether a folder has the settings of a network alone."""
    return (folder / "config.json").is_file() and not has_weights(folder)


def _downloaded(source: str, parts: Sequence[str], weights: str, ignored: list[str]) -> Path:
    """Download the settings of a pipeline and its weights of one kind."""
    wanted = [f"{part}/{kind}" for part in parts if part for kind in (*KINDS, weights)]
    try:
        downloaded = snapshot_download(
            source,
            allow_patterns=[*wanted, *FLAT, ALONE + weights],
            ignore_patterns=ignored,
        )
    except Exception as error:  # whatever a network and a server can come up with
        reason = one_line(error)[:200]
        raise JincError(
            f"{source}: no such folder, nor to be had from the Hub ({reason})"
        ) from None
    return Path(downloaded)
