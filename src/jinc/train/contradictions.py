"""Settings that contradict one another, or the images: told before anything is made."""

from importlib.util import find_spec

import torch

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.train.augment import Augmentation
from jinc.train.config import TrainConfig

_OF_DIFFUSION = (
    *("conditional", "label_dropout", "augment_labels", "prediction", "min_snr_gamma"),
    *("complexity", "equivariance", "sample_guidance", "sample_with", "score_every", "upscale"),
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


def refuse_contradictions(config: TrainConfig, images: ImageSet) -> None:
    """Find out whether settings can be meant together, and of these images.

    Raises:
        JincError: they cannot.
    """
    if config.conditional and not images.class_names:
        raise JincError(
            f"conditional: {images.name} has no classes; leave it out, or choose --classes-from, "
            "such as names for files like cat_001.png"
        )
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
    _refuse_scores(config)
    _refuse_turns_of_oblongs(config, images)
    if config.noise_std is not None:
        _refuse_what_is_of_diffusion(config)
    _refuse_upscaling(config, images)


def refuse_unused(config: TrainConfig) -> None:
    """Do not pass over settings that the network would never hear of.

    Raises:
        JincError: there is one.
    """
    for name, owner in _OF_NETWORKS.items():
        if config.network != owner and getattr(config, name) != getattr(TrainConfig, name):
            raise JincError(f"{name}: is of {owner}, not of {config.network}; leave it out")


def _refuse_scores(config: TrainConfig) -> None:
    """Find out before training what scores and samplers need."""
    if config.best_by == "score" and not config.score_every:
        raise JincError("best_by: score needs --score-every")
    if config.score_every and (config.upscale or config.fsdp):
        raise JincError("score_every: is for models of images, without --upscale and --fsdp")
    if "deis" in config.sample_with and find_spec("diffusers") is None:
        raise JincError('sample_with: deis needs pip install "jinc[diffusers]"')


def _refuse_turns_of_oblongs(config: TrainConfig, images: ImageSet) -> None:
    """Find out now, and not at the first batch, that images cannot be augmented or moved."""
    height, width = images.image_size
    with torch.device("cpu"):  # also where networks are made on the device meta
        nothing = torch.zeros(1, len(config.augment))
        Augmentation(config.augment).apply(torch.zeros(1, 1, height, width), nothing)
    if config.equivariance and config.moves in ("rotation", "quarter_turns") and height != width:
        raise JincError(f"moves: {config.moves} needs square images, these are {height}×{width}")


def _refuse_upscaling(config: TrainConfig, images: ImageSet) -> None:
    """Refuse what an upscaler cannot be made of."""
    if not config.upscale:
        if config.upscale_noise != TrainConfig.upscale_noise:
            raise JincError("upscale_noise: needs --upscale, there are no small images")
        return
    if config.network == "cs180":
        raise JincError("network: cs180 is shown no other image; take unet or resunet to upscale")
    if config.complexity != "off":
        raise JincError("complexity: is of whole images; leave it out, or upscale")
    height, width = images.image_size
    if height % config.upscale or width % config.upscale:
        raise JincError(
            f"upscale: images of {height}×{width} cannot be {config.upscale} times smaller"
        )


def _belied(config: TrainConfig) -> bool:
    """Whether moving an image changes what the network is told of it."""
    shifted = {"hshift", "vshift"} & {*config.augment}
    return bool(shifted) if config.moves == "shift" else {*config.augment} != shifted


def _refuse_what_is_of_diffusion(config: TrainConfig) -> None:
    """Do not pass over what a single-step denoiser would never hear of."""
    for name in _OF_DIFFUSION:
        if getattr(config, name) != getattr(TrainConfig, name):
            raise JincError(f"{name}: is of diffusion; leave it out, or noise_std")
