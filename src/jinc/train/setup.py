"""The start of a run: its images, its initialised network, and its objective."""

import json
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.bundled import located
from jinc.data import ImageSet, load_images
from jinc.diffusion.spectral import Spectrum
from jinc.errors import JincError
from jinc.manifest import check_manifest
from jinc.models import Model, SingleStep, Trained, Upscaler, choose_device, model_folder
from jinc.models.trained import FILES, upright
from jinc.nn import NETWORKS, Network, load_network
from jinc.signal.frame import CHANNELS as FRAME_CHANNELS
from jinc.signal.waves import WavesName
from jinc.train.augment import Augmentation
from jinc.train.batches import Batches, hold_out
from jinc.train.config import READING, TrainConfig
from jinc.train.contradictions import refuse_contradictions
from jinc.train.finetuning import check_original, open_original, package_like
from jinc.train.memory import check_memory
from jinc.train.processes import Processes
from jinc.train.tasks import DenoisingTask, DiffusionTask, Task
from jinc.train.track import check_trackers
from jinc.train.upscaling_task import UpscalingTask, spread
from jinc.types import Images

SPECTRUM_IMAGES = 4_096
"""Images that a spectrum is measured on, at most."""

RESIDENT_BYTES = 4 * 2**30
"""Largest data set that stays on an accelerator by default."""

_MEANING = ("prediction", "timesteps")
"""Facts of a model that its weights depend on."""


def load_data(
    config: TrainConfig, progress: Callable[[int, int], None] | None = None, **other: Any
) -> ImageSet:
    """Load the images of a run, or others in the same way.

    `progress` is called with (done, total) while a folder is decoded; `other` arguments of
    `data.load_images`, `source` included, override the settings.
    """
    if not config.data:
        raise JincError("data: is not set; add --data digits, or a path to images")
    settings: dict[str, Any] = {"source": config.data, "progress": progress}
    settings |= {name: getattr(config, name) for name in READING}
    return load_images(**settings | other)


def build_task(config: TrainConfig, images: ImageSet) -> Task[Any]:
    """Initialise the network of a run, and its objective.

    Raises:
        JincError: the network cannot take these images, there are no classes to learn, all images
            are held out, or settings contradict one another.
    """
    original = None if config.original is None else open_original(config.original)
    return _task(config, images, network_for(config, images, original), original)


def _task(
    config: TrainConfig, images: ImageSet, network: Network, original: Model | None
) -> Task[Any]:
    if original is not None:
        package = package_like(original, network, config, images)
        return DiffusionTask(package, config, original)
    if config.noise_std is not None:
        denoiser = SingleStep(network, images.image_size, config.noise_std)
        return DenoisingTask(denoiser, config, images)
    facts: dict[str, Any] = {
        "image_size": images.image_size,
        "class_names": images.class_names if config.conditional else (),
        "schedule_name": config.schedule,
        "timesteps": config.timesteps,
        "scale_betas": config.scale_betas,
        "prediction": config.prediction,
        "guidable": config.label_dropout > 0,
    }
    if config.upscale is None:
        spectrum = _spectrum(config, images) if config.prediction in ("spectral", "edm") else None
        facts |= {"spectrum": spectrum, "frames": upright if config.frame else None}
        return DiffusionTask(Model(network, **facts), config)
    facts |= {"factor": config.upscale, "spread": spread(images, config.upscale)}
    return UpscalingTask(Upscaler(network, **facts, most_noise=config.most_noise), config, images)


@dataclass(frozen=True)
class _CleanImages:
    """The clean images of some steps, drawn whenever they are read: one batch is in memory."""

    batches: Batches
    steps: range

    def __iter__(self) -> Iterator[Images]:
        """Yield those of a step, `[B, C, H, W]`."""
        return (self.batches.batch(step).x0 for step in self.steps)


def _spectrum(config: TrainConfig, images: ImageSet) -> Spectrum:
    """Measure the spectrum of the first images of the training set, augmented as in training."""
    train, _ = hold_out(len(images), config.holdout, config.seed)
    with torch.device("cpu"):
        batches = Batches(
            images,
            batch_size=config.batch_size,
            timesteps=1,
            seed=config.seed,
            augmentation=Augmentation(config.augment),
            among=train,
        )
        steps = range(-(-min(len(train), SPECTRUM_IMAGES) // config.batch_size))
        waves: WavesName = "fourier" if config.padding == "circular" else "cosine"
        spectrum = Spectrum.fit(_CleanImages(batches, steps), waves)
    return spectrum.whitened() if config.prediction == "edm" else spectrum


def network_for(config: TrainConfig, images: ImageSet, original: Model | None = None) -> Network:
    """Initialise the network of a run for its images; errors as `build_task`.

    Args:
        config: of the run.
        images: the data.
        original: the model that `config.original` names.
    """
    refuse_contradictions(config, images)
    if original is not None:
        check_original(config, original, images)
        return original.network.redesigned(config.config, config.padding)
    classes = len(images.class_names) if config.conditional else 0
    network = build_network(config, images.channels, images.image_size, classes)
    network.check_size(*images.image_size)
    return network


def build_network(
    config: TrainConfig, channels: int, image_size: tuple[int, int], classes: int
) -> Network:
    """Initialise the network of a run, for images of a height and width; 0 classes for none."""
    size = min(image_size)
    labels = Augmentation(config.augment).numbers if config.augment_labels else 0
    beside = channels if config.upscale else FRAME_CHANNELS * config.frame
    own: dict[str, dict[str, Any]] = {
        "unet": {"levels": config.levels, "beside": beside},
        "resunet": {
            "multipliers": config.multipliers,
            "blocks": config.blocks,
            "attention_levels": _levels(config, size) if config.network == "resunet" else (),
            "dropout": config.dropout,
            "head_channels": math.gcd(64, config.width),
            "beside": beside,
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
        augmentations=labels + (config.most_noise > 0),
        padding=config.padding,
        **own[config.network],
    )


def make_batches(
    config: TrainConfig,
    images: ImageSet,
    train: NDArray[np.int64],
    processes: Processes,
    ahead: int = 0,
) -> Batches:
    """Return this process's batches of the images at positions `train`."""
    accelerated = processes.device.type != "cpu"
    fits = accelerated and images.images.nbytes <= RESIDENT_BYTES
    return Batches(
        images,
        batch_size=config.batch_size,
        timesteps=config.timesteps,
        seed=config.seed,
        augmentation=Augmentation(config.augment),
        label_dropout=config.label_dropout,
        moves=config.moves if config.equivariance else None,
        most_noise=config.most_noise,
        factor=config.upscale or 1,
        among=train,
        rows=processes.rows(config.batch_size),
        device=processes.device,
        resident=fits if config.resident is None else config.resident,
        workers=2 * accelerated if config.workers is None else config.workers,
        ahead=ahead,
    )


def check_settings(config: TrainConfig, images: ImageSet) -> None:
    """Check that a run can be trained, before its folder exists and any weight is initialised.

    Raises:
        JincError: as `build_task` and `choose_device`; the schedule cannot be made; or there is too
            little memory.
    """
    device = choose_device(config.device)
    check_trackers(config.track)
    original = None if config.original is None else open_original(config.original).to("meta")
    with torch.device("meta"):
        network = network_for(config, images, original)
    check_memory(network, images.image_size, config, device)
    package = _task(config, images, network, original).package
    if isinstance(package, Trained):
        len(package.schedule)


def _levels(config: TrainConfig, size: int) -> tuple[int, ...]:
    """Return the levels with self-attention, for images of a side."""
    sides = [size >> level for level in range(len(config.multipliers))]
    for side in config.attention if config.attention != TrainConfig.attention else ():
        if side not in sides:
            there = ", ".join(map(str, sides))
            raise JincError(f"attention: no feature map is {side} wide; there are {there}")
    return tuple(sides.index(side) for side in config.attention if side in sides)


def load_initial(network: Network, config: TrainConfig) -> None:
    """Copy the weights of the model `config.init`, a run's average, into a network.

    Networks that differ in resampling alone have the same weights.

    Raises:
        JincError: there is no such model, it is damaged, or its weights have other shapes.
    """
    if config.init is None:
        return
    folder = model_folder(located(config.init))
    check_manifest(folder)
    given, own = load_network(folder).state_dict(), network.state_dict()
    there, here = ({n: list(t.shape) for n, t in each.items()} for each in (given, own))
    differing = [n for n in {**there, **here} if there.get(n) != here.get(n)]
    if differing:
        name = differing[0]
        raise JincError(
            f"init: {config.init} does not fit: {len(differing)} of {len(own)} weights differ; "
            f"{name} is {there.get(name, 'missing')} there and {here.get(name, 'missing')} here"
        )
    network.load_state_dict(given)
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    facts: dict[str, Any] = json.loads(file.read_text("utf-8")) if file else {}
    for name in _MEANING:
        now = getattr(config, name)
        if facts.get(name, now) != now:
            message = f"{config.init} was trained with {name} {facts[name]}, this run uses {now}"
            warnings.warn(f"init: {message}", RuntimeWarning, stacklevel=2)
