"""What a run starts from: its images and its task, a network that is not trained yet."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.data import ImageSet, load_images
from jinc.errors import JincError
from jinc.models import Model, SingleStep, choose_device
from jinc.nn import NETWORKS, Network
from jinc.train.augment import Augmentation
from jinc.train.batches import Batches
from jinc.train.config import TrainConfig
from jinc.train.denoising_task import DenoisingTask
from jinc.train.diffusion_task import DiffusionTask
from jinc.train.processes import Processes
from jinc.train.track import check_trackers

_OF_DIFFUSION = (
    *("conditional", "label_dropout", "augment_labels", "prediction", "min_snr_gamma"),
    *("complexity", "equivariance", "sample_guidance"),
)
"""Settings that mean nothing to a single-step denoiser."""

_OF_NETWORKS = {
    "levels": "unet",
    "multipliers": "resunet",
    "blocks": "resunet",
    "attention": "resunet",
    "dropout": "resunet",
}
"""Settings that mean something to one kind of network only."""

RESIDENT_BYTES = 4 * 2**30
"""Data sets up to this size are kept on an accelerator."""


def load_data(config: TrainConfig, progress: Callable[[int, int], None] | None = None) -> ImageSet:
    """Open the images that a run trains on.

    Args:
        config: says which.
        progress: called with (done, total) while a folder is decoded.

    Raises:
        JincError: as `data.load_images`.
    """
    if not config.data:
        raise JincError("data: say which, --data digits or a path to images")
    return load_images(
        config.data,
        image_size=config.image_size,
        channels=config.channels,
        resize_filter=config.resize_filter,
        split=config.split,
        skip_first=config.skip_first,
        progress=progress,
    )


def build_task(config: TrainConfig, images: ImageSet) -> DiffusionTask | DenoisingTask:
    """Make the untrained network that a run asks for, and what it is to learn.

    Raises:
        JincError: the network cannot take these images, has no classes to learn, all images are to
            be held out, or settings contradict each other.
    """
    if config.conditional and not images.class_names:
        raise JincError(f"conditional: {images.name} has no classes; leave it out")
    if config.label_dropout and not config.conditional:
        raise JincError("label_dropout: needs --conditional, there is no label to hide")
    if config.sample_guidance != 1 and not config.label_dropout:
        raise JincError("sample_guidance: needs --label-dropout, or there is nothing to compare")
    if config.augment_labels and not config.augment:
        raise JincError("augment_labels: needs --augment, there is nothing to tell")
    if config.augment_labels and config.equivariance and _belied(config):
        raise JincError(f"moves: {config.moves} would belie what augment_labels tells")
    if config.complexity == "published" and config.accumulation > 1:
        raise JincError("complexity: the published form needs whole batches; leave accumulation")
    if config.holdout >= len(images):
        raise JincError(f"holdout: {config.holdout} of {len(images)} images leave none to train on")
    _refuse_turns_of_oblongs(config, images)
    if config.noise_std is not None:
        _refuse_what_is_of_diffusion(config)
    class_names = images.class_names if config.conditional else ()
    network = build_network(config, images.channels, images.image_size, len(class_names))
    network.check_size(*images.image_size)
    if config.noise_std is not None:
        denoiser = SingleStep(network, images.image_size, config.noise_std)
        return DenoisingTask(denoiser, config, images)
    model = Model(
        network,
        images.image_size,
        class_names,
        config.schedule,
        config.timesteps,
        config.prediction,
        guidable=config.label_dropout > 0,
    )
    return DiffusionTask(model, config)


def build_network(
    config: TrainConfig, channels: int, image_size: tuple[int, int], classes: int
) -> Network:
    """Make the untrained network that a run asks for, for images of given kind.

    Raises:
        JincError: sizes that no network can have.
    """
    size = min(image_size)
    own: dict[str, dict[str, Any]] = {
        "unet": {"levels": config.levels},
        "resunet": {
            "multipliers": config.multipliers,
            "blocks": config.blocks,
            "attention_levels": _levels(config, size) if config.network == "resunet" else (),
            "dropout": config.dropout,
            "head_channels": math.gcd(64, config.width),
        },
        "cs180": {
            "image_size": size,
            "timesteps": 0 if config.noise_std is not None else config.timesteps,
        },
    }
    return NETWORKS[config.network](
        config.config,
        channels=channels,
        width=config.width,
        classes=classes,
        augmentations=Augmentation(config.augment).numbers if config.augment_labels else 0,
        padding=config.padding,
        **own[config.network],
    )


def make_batches(
    config: TrainConfig, images: ImageSet, train: NDArray[np.int64], processes: Processes
) -> Batches:
    """Deal out this process's share of the images to train on, at positions `train`."""
    accelerated = processes.device.type != "cpu"
    fits = accelerated and images.images.nbytes <= RESIDENT_BYTES
    ahead = 2 if accelerated else 0
    return Batches(
        images,
        batch_size=config.batch_size,
        timesteps=config.timesteps,
        seed=config.seed,
        augmentation=Augmentation(config.augment),
        label_dropout=config.label_dropout,
        moves=config.moves if config.equivariance else None,
        among=train,
        rows=processes.rows(config.batch_size),
        device=processes.device,
        resident=fits if config.resident is None else config.resident,
        workers=ahead if config.workers is None else config.workers,
    )


def check_settings(config: TrainConfig, images: ImageSet) -> None:
    """Find out whether a run can be trained, before its folder is made.

    Raises:
        JincError: as `build_task` and `choose_device`; or for a schedule that cannot be made.
    """
    choose_device(config.device)
    check_trackers(config.track)
    task = build_task(config, images)
    if isinstance(task.package, Model):
        len(task.package.schedule)


def _refuse_turns_of_oblongs(config: TrainConfig, images: ImageSet) -> None:
    """Find out now, and not at the first batch, that images cannot be augmented or moved."""
    height, width = images.image_size
    nothing = torch.zeros(1, len(config.augment))
    Augmentation(config.augment).apply(torch.zeros(1, 1, height, width), nothing)
    if config.equivariance and config.moves in ("rotation", "quarter_turns") and height != width:
        raise JincError(f"moves: {config.moves} needs square images, these are {height}×{width}")


def _belied(config: TrainConfig) -> bool:
    """Whether moving an image changes what the network is told of it."""
    shifted = {"hshift", "vshift"} & {*config.augment}
    return bool(shifted) if config.moves == "shift" else {*config.augment} != shifted


def _refuse_what_is_of_diffusion(config: TrainConfig) -> None:
    """Do not pass over what a single-step denoiser would never hear of."""
    for name in _OF_DIFFUSION:
        if getattr(config, name) != getattr(TrainConfig, name):
            raise JincError(f"{name}: is of diffusion; leave it out, or noise_std")


def refuse_unused(config: TrainConfig) -> None:
    """Do not pass over settings that the network would never hear of.

    Raises:
        JincError: there is one.
    """
    for name, owner in _OF_NETWORKS.items():
        if config.network != owner and getattr(config, name) != getattr(TrainConfig, name):
            raise JincError(f"{name}: is of {owner}, not of {config.network}; leave it out")


def _levels(config: TrainConfig, size: int) -> tuple[int, ...]:
    """Return the levels whose maps have the sides that attend, for images of a side."""
    sides = [size >> level for level in range(len(config.multipliers))]
    return tuple(sides.index(side) for side in config.attention if side in sides)
