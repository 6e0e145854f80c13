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
from jinc.models.convert.settings import Settings
from jinc.models.convert.surgery import MARK, Conversion, conversion, convert, restore
from jinc.models.opening import open_model, source_folder, takes_texts
from jinc.models.others.deepfloyd import PromptedModel
from jinc.models.others.diffusers_files import find_pixel_model, is_pixel_model
from jinc.models.others.from_diffusers import DiffusersNetwork
from jinc.models.trained import Model
from jinc.nn import Conditioning, Network


@dataclass(frozen=True)
class Converted:
    """A model of a folder before and after its conversion.

    Args:
        before: its network.
        after: the converted network, with the same weights.
        inputs: of one call.
        settings: of the conversion.
        earlier: settings by which the model had been converted, which `before` has not; or None.
        padded: the network with the padding of the conversion alone; None for the same padding.
        surgery: what changed in a model of diffusers; None for those of ours.
        save: writes the converted model to a folder, given by its path.
    """

    before: nn.Module
    after: nn.Module
    inputs: Inputs
    settings: Settings
    earlier: Settings | None
    padded: nn.Module | None
    surgery: Conversion | None
    save: Callable[[Path], None]


def convert_model(source: str | Path, settings: Settings | None) -> Converted:
    """Open a model, and convert it.

    Args:
        source: as of `open_model`.
        settings: of the conversion; None for those by which it has been converted, or D@6.

    Raises:
        JincError: as of `open_model` and `converted`.
    """
    folder = source_folder(source)
    texts: dict[str, Any] = {"embeddings": {"": torch.zeros(1, 1)}} if takes_texts(folder) else {}
    model: Any = open_model(folder, **texts)
    before: Any = network_of(model)
    own: Conversion | None = getattr(before, MARK, None)
    settings = settings or (own.settings if own else Settings("D@6"))
    result: Any = converted(model, settings)
    after = network_of(result)
    padded: nn.Module | None = None
    if isinstance(before, Network):
        if result.network.padding != before.padding and settings.config != before.config.name:
            padded = before.redesigned(before.config, result.network.padding)
        settings = replace(settings, padding=result.network.padding)
        inputs = inputs_for(model)
        return Converted(before, after, inputs, settings, None, padded, None, result.save)
    if not hasattr(after, MARK):
        raise JincError(f"config: {settings.config} replaces nothing; choose another, such as D@6")
    surgery = conversion(after)
    if own:
        restore(before)
    if surgery.padded and surgery.resolved:
        padded = network_of(converted(model, Settings("A", surgery.settings.padding)))
    save = result.save
    if texts or is_pixel_model(folder):
        part = folder / "unet" if texts else find_pixel_model(folder).network
        save = partial(_save, folder, part.relative_to(folder), surgery.settings)
    inputs, earlier = inputs_of(before, None), own.settings if own else None
    return Converted(before, after, inputs, surgery.settings, earlier, padded, surgery, save)


def converted(model: Model | PromptedModel, settings: Settings) -> Model | PromptedModel:
    """Return a model with the same weights, converted; A without padding is as it was before.

    Raises:
        JincError: as of `convert`; or designs by name for a model of ours.
    """
    network = network_of(model)
    if isinstance(network, Network):
        if settings.designs:
            raise JincError("designs: apply to models of diffusers; give a design for each level")
        other: Any = network.redesigned(settings.config, settings.padding)
    else:
        other = sharing_weights(network)
        other = restore(other) if hasattr(other, MARK) else other
        changes = settings.config != "A" or settings.padding not in (None, "zeros")
        other = convert(other, settings) if changes else other
        is_wrapped = isinstance(model.network, DiffusersNetwork)
        other = DiffusersNetwork.of(other).eval() if is_wrapped else other
    return replace(model, network=other)


def network_of(model: Model | PromptedModel) -> nn.Module:
    """Return the network of a model: one of ours, or one of diffusers."""
    network: nn.Module = model.network
    if isinstance(network, DiffusersNetwork):
        network = network.unet
    return network


def inputs_for(model: Model) -> Inputs:
    """Return the inputs of one call of the network of a model."""
    network, size = model.network, model.image_size
    if isinstance(network, DiffusersNetwork):
        return inputs_of(network.unet, None)
    x_t = torch.zeros(1, network.channels, *size)
    beside = torch.zeros(1, network.beside, *size) if network.beside else None
    t = torch.tensor([model.timesteps // 2])
    return Inputs((x_t, t, Conditioning(beside=beside)))


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
