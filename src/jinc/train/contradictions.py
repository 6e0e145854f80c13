"""Settings that contradict one another or the images, refused before any work."""

from importlib.util import find_spec

import torch

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.nn import parse_configs
from jinc.train.augment import Augmentation
from jinc.train.config import TrainConfig

_OF_DIFFUSION = (
    *("conditional", "label_dropout", "augment_labels", "prediction", "loss_space"),
    *("min_snr_gamma", "complexity", "equivariance", "sample_guidance", "sample_with"),
    *("score_every", "upscale"),
)
"""Settings that a single-step denoiser does not use."""

_OF_NETWORKS = {"levels": "unet"} | dict.fromkeys(
    ("multipliers", "blocks", "attention", "dropout"), "resunet"
)
"""Settings that only one kind of network uses."""


def refuse_contradictions(config: TrainConfig, images: ImageSet) -> None:
    """Check that settings fit one another and the images."""
    if config.conditional and not images.class_names:
        raise JincError(
            f"conditional: {images.name} has no classes; leave it out, or choose --classes-from, "
            "such as names for files like cat_001.png"
        )
    if config.label_dropout and not config.conditional:
        raise JincError("label_dropout: there is no label to drop; add --conditional")
    if config.sample_guidance != 1 and not config.label_dropout:
        raise JincError("sample_guidance: needs an unconditional prediction; add --label-dropout")
    if config.augment_labels and not config.augment:
        raise JincError("augment_labels: there is nothing to condition on; add --augment")
    if config.augment_labels and config.equivariance and _moves_change_labels(config):
        raise JincError(f"moves: {config.moves} would contradict the labels of augment_labels")
    if config.complexity == "published" and config.accumulation > 1:
        raise JincError("complexity: published needs whole batches; leave out accumulation")
    if config.holdout >= len(images):
        raise JincError(f"holdout: {config.holdout} of {len(images)} images leave none to train on")
    _refuse_frame(config)
    _refuse_finetuning(config)
    _refuse_scores(config)
    _refuse_turns_of_rectangles(config, images)
    for name in _OF_DIFFUSION if config.noise_std is not None else ():
        if getattr(config, name) != getattr(TrainConfig, name):
            raise JincError(f"{name}: is for diffusion models; leave it out, or noise_std")
    _refuse_upscaling(config, images)


def refuse_unused(config: TrainConfig) -> None:
    """Refuse settings that the chosen network or objective does not use."""
    if config.moves != TrainConfig.moves and not config.equivariance:
        raise JincError("moves: are those of the equivariance loss; add --equivariance")
    for name, owner in _OF_NETWORKS.items():
        if config.network != owner and getattr(config, name) != getattr(TrainConfig, name):
            raise JincError(f"{name}: is for {owner}, not {config.network}; leave it out")


def _refuse_finetuning(config: TrainConfig) -> None:
    """Refuse settings of fine-tuning without a model, or that do not go with blending."""
    if config.original is None:
        if config.network == "diffusers":
            raise JincError("network: diffusers is for jinc finetune; choose unet or resunet")
        for name in ("teacher", "blend"):
            if getattr(config, name):
                raise JincError(f"{name}: there is no original model; use jinc finetune")
    for name in ("compile", "fsdp"):
        if config.blend and getattr(config, name):
            raise JincError(f"blend: does not go with {name}; leave out one of them")


def _refuse_frame(config: TrainConfig) -> None:
    """Refuse a frame for networks that do not turn with it."""
    if not config.frame:
        return
    if not all(design.kernels == "radial" for design in parse_configs(config.config).levels):
        reason = f"{config.config} does not turn with its frame"
        raise JincError(f"frame: {reason}; choose --config R@12 or another R")
    moved = [kind for kind in config.augment if kind not in ("hflip", "vflip")]
    if moved:
        raise JincError(f"frame: augment {moved[0]} would move images without it; leave out one")
    for name, given in (("upscale", config.upscale), ("noise_std", config.noise_std)):
        if given is not None:
            raise JincError(f"frame: does not apply to {name}; leave out one of them")
    if config.network == "cs180":
        raise JincError("frame: cs180 takes no coordinates; choose --network unet or resunet")


def _refuse_scores(config: TrainConfig) -> None:
    """Find out before training what scores and samplers need."""
    if config.best_by == "score" and not config.score_every:
        raise JincError("best_by: score needs --score-every")
    if config.score_every and (config.upscale or config.fsdp):
        raise JincError("score_every: is for models of images, without --upscale and --fsdp")
    if "deis" in config.sample_with and find_spec("diffusers") is None:
        raise JincError('sample_with: deis needs pip install "jinc[diffusers]"')


def _refuse_turns_of_rectangles(config: TrainConfig, images: ImageSet) -> None:
    """Refuse augmentations and moves that need square images, before the first batch."""
    height, width = images.image_size
    with torch.device("cpu"):  # also where networks are made on the device meta
        nothing = torch.zeros(1, len(config.augment))
        Augmentation(config.augment).apply(torch.zeros(1, 1, height, width), nothing)
    if config.equivariance and config.moves in ("rotation", "quarter_turns") and height != width:
        raise JincError(f"moves: {config.moves} needs square images, these are {height}×{width}")


def _refuse_upscaling(config: TrainConfig, images: ImageSet) -> None:
    """Refuse settings that do not fit super-resolution."""
    if not config.upscale:
        if config.upscale_noise != TrainConfig.upscale_noise:
            raise JincError("upscale_noise: there are no low-resolution images; add --upscale")
        return
    if config.network == "cs180":
        raise JincError("network: cs180 takes no low-resolution image; choose unet or resunet")
    if config.complexity != "off":
        raise JincError("complexity: does not apply to upscale; leave out one of them")
    if config.prediction in ("spectral", "edm"):
        raise JincError(f"prediction: {config.prediction} does not apply to upscale; choose v")
    height, width = images.image_size
    if height % config.upscale or width % config.upscale:
        size = f"{height}×{width}"
        raise JincError(f"upscale: images of {size} cannot be {config.upscale} times smaller")


def _moves_change_labels(config: TrainConfig) -> bool:
    shifted = {"hshift", "vshift"} & {*config.augment}
    return bool(shifted) if config.moves == "shift" else {*config.augment} != shifted
