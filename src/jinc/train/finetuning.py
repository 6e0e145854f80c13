"""Fine-tuning: a trained model in another configuration is trained on."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.models import DiffusersModel, Model, open_model, takes_texts
from jinc.nn import Network
from jinc.train.augment import Augmentation
from jinc.train.config import TrainConfig

_OF_NETWORKS = ("width", "levels", "multipliers", "blocks", "dropout")
"""Settings that are arguments of some networks."""


def open_original(source: str) -> Model:
    """Open a model to fine-tune, on the CPU.

    Args:
        source: as of `open_model`.

    Raises:
        JincError: there is none, it is conditioned on texts or images, or its noise schedule has no
            name.
    """
    with torch.device("cpu"):
        model = None if takes_texts(Path(source)) else open_model(source)
    if isinstance(model, DiffusersModel):
        return model.named()
    if not isinstance(model, Model):
        raise JincError(f"{source}: is conditioned on texts; only models of classes are fine-tuned")
    return model


def settings_of(model: Model) -> dict[str, Any]:
    """Return the settings of training that a model determines."""
    arguments = model.network.arguments()
    height, width = model.image_size
    own = {name: arguments[name] for name in _OF_NETWORKS if name in arguments}
    if "attention_levels" in arguments:
        sides = (min(height, width) >> level for level in arguments["attention_levels"])
        own["attention"] = tuple(sides)
    if "architecture" in arguments:
        own["width"] = arguments["architecture"]["block_out_channels"][0]
    found = own | {
        "network": model.network.kind,
        "image_size": height if height == width else None,
        "channels": model.channels,
        "conditional": bool(model.class_names),
        "frame": model.frames is not None,
        "schedule": model.schedule_name,
        "timesteps": model.timesteps,
        "scale_betas": model.scale_betas,
        "prediction": model.prediction,
        **dict.fromkeys(("init", "noise_std", "upscale")),
    }
    return {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}


def as_original(config: TrainConfig, original: Model) -> TrainConfig:
    """Return settings with those that the original model determines.

    Raises:
        JincError: one is given, and differs.
    """
    usual, found = TrainConfig(), settings_of(original)
    for name, value in found.items():
        if getattr(config, name) not in (getattr(usual, name), value):
            given = getattr(config, name)
            raise JincError(f"{name}: {config.original} has {value}, not {given}; leave it out")
    return replace(config, **found)


def check_original(config: TrainConfig, original: Model, images: ImageSet) -> None:
    """Check that settings and images are those of the original model.

    Raises:
        JincError: they differ.
    """
    source, network = config.original, original.network
    for name, value in settings_of(original).items():
        if getattr(config, name) != value:
            raise JincError(f"{name}: {source} has {value}, not {getattr(config, name)}")
    if images.image_size != original.image_size:
        there, here = ("×".join(map(str, each.image_size)) for each in (original, images))
        raise JincError(f"image_size: {source} has {there}, the images have {here}")
    numbers = tuple(map(str, range(network.classes)))
    names = images.class_names if original.class_names else ()
    if original.class_names not in (names, numbers) or len(names) != network.classes:
        there, here = (", ".join(each)[:60] or "none" for each in (original.class_names, names))
        raise JincError(f"data: its classes are {here}; those of {source} are {there}")
    labels = Augmentation(config.augment).numbers if config.augment_labels else 0
    if config.augment and labels != network.augmentations:
        given = "has" if network.augmentations else "has no"
        raise JincError(f"augment: {source} {given} labels of augmentations, unlike these settings")
    if network.kind == "diffusers" and config.label_dropout:
        raise JincError("label_dropout: networks of diffusers need a class; leave it out")


def package_like(original: Model, network: Network, config: TrainConfig, images: ImageSet) -> Model:
    """Return the model of another network for the images of a run."""
    names = images.class_names if original.class_names else ()
    return replace(original, network=network, class_names=names, guidable=config.label_dropout > 0)


def digest(network: Network) -> str:
    """Return the SHA-256 of the weights of a network."""
    weights = {name: w.cpu().contiguous() for name, w in network.state_dict().items()}
    return hashlib.sha256(save(weights)).hexdigest()
