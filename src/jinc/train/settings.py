"""The settings of a training run by section; `config.TrainConfig` joins them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from jinc.data import MAX_PIXELS, Split
from jinc.diffusion import SAMPLERS, MoveKind, Prediction
from jinc.models.calls import Precision
from jinc.nn.checks import MOST
from jinc.signal.padding import Padding
from jinc.train.augment import AugmentationKind


def _valid(holds: Callable[[Any], bool], words: str) -> dict[str, Any]:
    """Metadata of a field: which values are valid; of a tuple, which members."""
    return {"holds": holds, "words": words}


def _whole(least: int, most: int = 10**9) -> dict[str, Any]:
    return _valid(lambda x: least <= x <= most, f"from {least} to {most:,}")


_NOT_NEGATIVE = _valid(lambda x: x >= 0, "at least 0")
_EPOCHS = _valid(lambda x: 0 < x <= 1e6, "above 0, up to 1,000,000")
_RATE = _valid(lambda x: 0 < x < 1, "in (0, 1)")
_BELOW_1 = _valid(lambda x: 0 <= x < 1, "in [0, 1)")
_SHARE = _valid(lambda x: 0 <= x <= 1, "in [0, 1]")
_SAMPLER = _valid(lambda x: x in SAMPLERS, f"one of {', '.join(SAMPLERS)}")


@dataclass(frozen=True)
class DataSettings:
    """The training data.

    Args:
        data: "digits" for the bundled set, or a path to MNIST, CIFAR-10 or -100, a NumPy or CSV
            file, or a folder, ZIP or TAR archive of images.
        split: part of the data to train on.
        image_size: side in pixels after resizing and a centre crop (default: the data's own).
        channels: 1 or 3 (default: the data's own).
        resize_filter: resampling filter, antialiased.
        skip_first: drop the first row of a CSV file, as arXiv 2411.09174 did.
        classes_from: source of the classes of a folder or archive: folders; names (cat_001.png
            is of class cat); column:NAME of metadata.csv or .jsonl; none; or auto, a file of labels
            if there is one, else folders.
        skip_damaged: skip images that cannot be read, and count them.
        max_pixels: maximum pixels of an image, checked before decoding.
        holdout: number of images held out for validation, which is at every checkpoint and uses the
            same 1,024 of them at most.
        augment: random augmentations: horizontal and vertical flips (hflip, vflip) and rotation by
            any angle of half of the images each, and quarter turns; or, of all images, circular
            shifts (hshift, vshift) and rotation by any angle inside a round window (spin).
        augment_labels: condition the network on the augmentation of each image, so that samples are
            free of it (as in EDM).
    """

    data: str = "digits"
    split: Split = "train"
    image_size: int | None = field(default=None, metadata=_whole(1, 16_384))
    channels: Literal[1, 3] | None = None
    resize_filter: Literal["box", "bilinear", "bicubic", "lanczos"] = "bilinear"
    skip_first: bool = False
    classes_from: str = "auto"
    skip_damaged: bool = False
    max_pixels: int = MAX_PIXELS
    holdout: int = field(default=0, metadata=_whole(0))
    augment: tuple[AugmentationKind, ...] = ()
    augment_labels: bool = False


@dataclass(frozen=True)
class NetworkSettings:
    """The network.

    Args:
        network: the U-Net of arXiv 2411.09174, the residual U-Net of DDPM and ADM, or that of
            CS180; diffusers is for `jinc finetune`.
        config: anti-aliasing configuration: A, D-2N (published), D@6, D@12/0.2 (corrected), and
            more; D@12,D@6 sets one per level, full resolution first, the last also for all below.
        width: channels of the first level, a multiple of 4.
        levels: (unet) number of downsamplings.
        multipliers: (resunet) channels of each level, as multiples of the width.
        blocks: (resunet) residual blocks per level.
        attention: (resunet) sides in pixels of the feature maps with self-attention, where the
            network has such maps.
        dropout: (resunet) dropout probability.
        padding: padding of feature maps at the edges of the image.
        frame: (configurations R) condition on the coordinates of each pixel, so that images can be
            turned, mirrored and shifted by their frame; see `jinc rotate --by frame`.
        conditional: condition on the class.
        init: run or model folder whose weights to start from (default: random weights).
    """

    network: Literal["unet", "resunet", "cs180", "diffusers"] = "unet"
    config: str = "D@6"
    width: int = field(default=32, metadata=_whole(1, MOST["width"]))
    levels: int = field(default=3, metadata=_whole(1, MOST["levels"]))
    multipliers: tuple[int, ...] = field(
        default=(1, 2, 2, 2), metadata=_whole(1, MOST["multipliers"])
    )
    blocks: int = field(default=2, metadata=_whole(1, MOST["blocks"]))
    attention: tuple[int, ...] = field(default=(16,), metadata=_whole(1))
    dropout: float = field(default=0.0, metadata=_BELOW_1)
    padding: Padding = "zeros"
    frame: bool = False
    conditional: bool = False
    init: str | None = None


@dataclass(frozen=True)
class FinetuningSettings:
    """Fine-tuning.

    Args:
        original: the model to train on in another configuration: a run or model folder, or a pixel
            pipeline of diffusers; it determines the network, its size and its noise schedule.
        teacher: weight of the mean square difference from the predictions of the original model
            (distillation), which is added to the loss; 0 disables it.
        blend: share of the steps over which each layer changes from its original to its alias-free
            form, linearly; 0 changes all at once.
    """

    original: str | None = None
    teacher: float = field(default=0.0, metadata=_NOT_NEGATIVE)
    blend: float = field(default=0.0, metadata=_SHARE)


@dataclass(frozen=True)
class ObjectiveSettings:
    """The objective.

    Args:
        schedule: noise schedule; flow has the levels of flow matching.
        timesteps: T, the number of noise levels.
        scale_betas: (linear and scaled_linear) multiply β by 1000/T, so that any T ends in pure
            noise; otherwise β is that of 1000 levels whatever T is.
        prediction: parametrisation: noise, clean image, velocity, or flow (noise minus image, for
            flow matching); or the residual of the best linear denoiser, divided by its standard
            deviation: spectral, of images with the training set's power spectrum, or edm, of white
            images with its variance.
        loss_space: quantity whose error the loss measures (default: what is predicted; of spectral
            and edm, the residual, so that their losses do not compare with others).
        loss: loss function.
        min_snr_gamma: γ of min-SNR weighting, usually 5; 0 disables it. Intended for --loss mse.
        complexity: loss weighting by local image complexity: as published, or normalised.
        complexity_weight: weight λ of the complexity loss.
        equivariance: weight of the equivariance loss, the mean square of f(U x_t) − U f(x_t) for
            predictions f and random transforms U, within the disc that U leaves whole; 0 disables
            it.
        moves: transforms U of the equivariance loss: shifts by up to 12.5% of the side, rotations
            by any angle, quarter turns or flips.
        label_dropout: probability of dropping the label, 0 to 1; guidance needs a value above 0,
            usually 0.1. Needs --conditional.
        noise_std: train a single-step denoiser at this noise level instead, for images in [0, 1].
        upscale: train a super-resolution model with this factor, conditioned on block means; see
            `jinc upscale`.
        upscale_noise: (upscale) maximum noise level, as a fraction of T, added to half of the
            low-resolution images (noise conditioning augmentation), so that generated images can be
            upscaled too; 0 disables it.
    """

    schedule: Literal["linear", "cosine", "scaled_linear", "flow"] = "linear"
    timesteps: int = field(default=1000, metadata=_whole(1, MOST["timesteps"]))
    scale_betas: bool = True
    prediction: Prediction = "eps"
    loss_space: Literal["eps", "x0", "v", "flow"] | None = None
    loss: Literal["mse", "l1", "huber"] = "mse"
    min_snr_gamma: float = field(default=0.0, metadata=_NOT_NEGATIVE)
    complexity: Literal["off", "published", "normalised"] = "off"
    complexity_weight: float = field(default=0.1, metadata=_NOT_NEGATIVE)
    equivariance: float = field(default=0.0, metadata=_NOT_NEGATIVE)
    moves: MoveKind = "shift"
    label_dropout: float = field(default=0.0, metadata=_SHARE)
    noise_std: float | None = field(default=None, metadata=_NOT_NEGATIVE)
    upscale: int | None = field(default=None, metadata=_whole(2, 64))
    upscale_noise: float = field(default=0.1, metadata=_SHARE)


@dataclass(frozen=True)
class OptimiserSettings:
    """Optimisation.

    Args:
        steps: number of training steps; overrides epochs.
        epochs: passes over the data.
        batch_size: images per step, over all processes.
        accumulation: gradient accumulation: parts that each process splits its share of a batch
            into, to save memory.
        optimiser: AdamW decouples the weight decay, Adam adds it to the gradient.
        learning_rate: peak learning rate.
        lr_schedule: constant, or cosine decay to 0.
        warmup: steps of linear warmup.
        weight_decay: weight decay.
        adam_betas: β1 and β2 of Adam.
        clip_gradient: maximum norm of the gradient; 0 disables clipping.
        ema_decay: decay of the exponential moving average of the weights; several values keep
            several averages, of which the first is the model; no value disables it.
    """

    steps: int | None = field(default=None, metadata=_whole(1))
    epochs: float = field(default=100.0, metadata=_EPOCHS)
    batch_size: int = field(default=64, metadata=_whole(1, 65_536))
    accumulation: int = field(default=1, metadata=_whole(1))
    optimiser: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = field(default=3e-4, metadata=_RATE)
    lr_schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = field(default=0, metadata=_whole(0))
    weight_decay: float = field(default=0.01, metadata=_NOT_NEGATIVE)
    adam_betas: tuple[float, float] = field(default=(0.9, 0.999), metadata=_BELOW_1)
    clip_gradient: float = field(default=0.0, metadata=_NOT_NEGATIVE)
    ema_decay: tuple[float, ...] = field(default=(0.999,), metadata=_BELOW_1)


@dataclass(frozen=True)
class MachineSettings:
    """Hardware and precision.

    Args:
        seed: random seed; the same seed gives the same run.
        device: cpu, cuda, mps, or auto, the fastest available.
        precision: precision of the forward and backward pass (autocast); weights stay fp32.
        compile: compile the network, which takes minutes and makes steps faster.
        fsdp: shard weights and their averages over the processes (FSDP).
        workers: threads that prefetch batches (default: 2 with an accelerator, else 0).
        resident: keep all images on the device (default: if they take at most 4 GB).
    """

    seed: int = field(default=0, metadata=_whole(0, 2**32 - 1))
    device: str = "auto"
    precision: Precision = "fp32"
    compile: bool = False
    fsdp: bool = False
    workers: int | None = field(default=None, metadata=_whole(0, 64))
    resident: bool | None = None


@dataclass(frozen=True)
class KeepingSettings:
    """Logs, samples and checkpoints.

    Args:
        log_every: steps between lines of the log.
        sample_every: steps between grids of samples; 0 for those of sample_epochs only.
        sample_epochs: epochs after which to draw a grid of samples.
        sample_guidance: guidance scale of these grids; needs label_dropout.
        sample_with: samplers, a grid for each (default: one grid, by DDIM with η = 1).
        score_every: steps between scores: Fréchet distances of generated images to the data, by the
            first of `sample_with`, else by ddim with η = 0; 0 disables them.
        score_images: images generated for a score.
        score_features: feature network: inception, or a path, as `jinc evaluate --features`.
        best_by: criterion of the model in `best/`: lowest validation loss (training loss without
            --holdout), or lowest score.
        checkpoint_every: steps between checkpoints.
        keep: number of checkpoints to keep, besides the best.
        track: further loggers: TensorBoard, trackio.
    """

    log_every: int = field(default=20, metadata=_whole(1))
    sample_every: int = field(default=1000, metadata=_whole(0))
    sample_epochs: tuple[float, ...] = field(default=(), metadata=_EPOCHS)
    sample_guidance: float = 1.0
    sample_with: tuple[str, ...] = field(default=(), metadata=_SAMPLER)
    score_every: int = field(default=0, metadata=_whole(0))
    score_images: int = field(default=1000, metadata=_whole(2, 1_000_000))
    score_features: str = "inception"
    best_by: Literal["loss", "score"] = "loss"
    checkpoint_every: int = field(default=500, metadata=_whole(1))
    keep: int = field(default=3, metadata=_whole(1))
    track: tuple[Literal["tensorboard", "trackio"], ...] = ()


SECTIONS = {
    "Data": DataSettings,
    "Network": NetworkSettings,
    "Objective": ObjectiveSettings,
    "Fine-tuning": FinetuningSettings,
    "Optimiser": OptimiserSettings,
    "Machine": MachineSettings,
    "Logging and checkpoints": KeepingSettings,
}
"""The sections, in the order of a config.yaml."""
