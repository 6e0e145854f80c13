"""Converting the model of a folder: of ours by another configuration, of diffusers by surgery."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from jinc.errors import JincError
from jinc.files import one_line, temporary_name
from jinc.models.convert.effects import sharing_weights
from jinc.models.convert.examples import Inputs, inputs_of
from jinc.models.convert.settings import FILE, Settings
from jinc.models.convert.surgery import Conversion, conversion, convert, restore
from jinc.models.opening import open_model, source_folder, takes_texts
from jinc.models.others.diffusers_files import find_pixel_model, is_pixel_model
from jinc.models.trained import Model
from jinc.nn import Conditioning


@dataclass(frozen=True)
class Converted:
    """A model of a folder before and after its conversion.

    Args:
        before: its network.
        after: the converted network, with the same weights.
        inputs: of one call.
        settings: of the conversion.
        surgery: what changed in a model of diffusers; None for those of ours.
        save: writes the converted model to a folder, given by its path.
    """

    before: nn.Module
    after: nn.Module
    inputs: Inputs
    settings: Settings
    surgery: Conversion | None
    save: Callable[[Path], None]


def convert_model(source: str | Path, settings: Settings) -> Converted:
    """Open a model, and convert it.

    Args:
        source: as of `open_model`.
        settings: of the conversion.

    Raises:
        JincError: as of `open_model` and `convert`; or designs by name for a model of ours.
    """
    folder = source_folder(source)
    texts: dict[str, Any] = {"embeddings": {"": torch.zeros(1, 1)}} if takes_texts(folder) else {}
    model: Any = open_model(folder, **texts)
    if not texts and not is_pixel_model(folder):
        return _of_ours(model, settings)
    part = folder / "unet" if texts else find_pixel_model(folder).network
    before: nn.Module = model.network if texts else model.network.unet
    if (part / FILE).is_file():
        restore(before)
    after = sharing_weights(before)
    surgery = conversion(convert(after, settings))
    save = partial(_save, folder, part.relative_to(folder), surgery.settings)
    return Converted(before, after, inputs_of(before, None), surgery.settings, surgery, save)


def _of_ours(model: Model, settings: Settings) -> Converted:
    """Convert a model of ours, whose networks have configurations themselves."""
    if settings.designs:
        raise JincError("designs: apply to models of diffusers; give a design for each level")
    before = model.network
    after = before.redesigned(settings.config, settings.padding)
    size = model.image_size
    x_t = torch.zeros(1, before.channels, *size)
    beside = torch.zeros(1, before.beside, *size) if before.beside else None
    t = torch.tensor([model.timesteps // 2])
    inputs = Inputs((x_t, t, Conditioning(beside=beside)))
    settings = replace(settings, padding=after.padding)
    return Converted(before, after, inputs, settings, None, replace(model, network=after).save)


def _save(folder: Path, part: Path, settings: Settings, out: Path) -> None:
    """Copy a folder with the settings beside its network; into itself, write only those."""
    if out.resolve() == folder.resolve():
        settings.write(folder / part)
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise JincError(f"{out}: holds other things, take another folder")
    temporary = temporary_name(out.absolute())
    try:
        shutil.copytree(folder, temporary)
        settings.write(temporary / part)
        temporary.replace(out)
    except OSError as error:
        raise JincError(f"{out}: cannot be written ({one_line(error)})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
