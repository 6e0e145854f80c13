"""The settings of a training run by what they are about; `config.TrainConfig` is all of them."""

from dataclasses import dataclass
from typing import Literal

from jinc.data import MAX_PIXELS, Split
from jinc.diffusion import MoveKind, Prediction
from jinc.signal.padding import Padding
from jinc.train.augment import AugmentationKind


@dataclass(frozen=True)
class DataSettings:
    """What is trained on.

    Args:
        data: "digits" for the bundled set, or a path to MNIST, CIFAR-10 or -100, a NumPy or CSV
            file, or a folder or a ZIP or TAR archive of images.
        split: which part of the data to train on.
        image_size: pixels a side after resizing and a centred crop; as the data is, if not given.
        channels: 1 or 3; as the data is, if not given.
        resize_filter: how images are resized, antialiased.
        skip_first: drop the first row of a CSV file, as arXiv 2411.09174 did.
        classes_from: where the classes of a folder or archive come from: folders; names, as
            cat_001.png; column:NAME of metadata.csv or .jsonl; none; or auto, which takes a file of
            labels where there is one, else folders.
        skip_damaged: leave out images that cannot be read, and count them.
        max_pixels: the most pixels that an image may have, checked before it is decoded.
        holdout: how many images to keep back and validate on; a validation looks at no more than
            1,024 of them, the same each time.
        augment: how images are changed at random: mirrored left to right or top to bottom, turned
            by quarter turns or by any angle; all shifted by any distance around the edges, or all
            turned by any angle in a round window (spin).
        augment_labels: tell the network how each image was augmented, so that it learns from all
            and samples what was not.
    """

    data: str = "digits"
    split: Split = "train"
    image_size: int | None = None
    channels: Literal[1, 3] | None = None
    resize_filter: Literal["box", "bilinear", "bicubic", "lanczos"] = "bilinear"
    skip_first: bool = False
    classes_from: str = "auto"
    skip_damaged: bool = False
    max_pixels: int = MAX_PIXELS
    holdout: int = 0
    augment: tuple[AugmentationKind, ...] = ()
    augment_labels: bool = False


@dataclass(frozen=True)
class NetworkSettings:
    """What is trained.

    Args:
        network: the U-Net of arXiv 2411.09174; the residual U-Net of DDPM and ADM; that of CS180.
        config: how aliasing is treated: A, D-2N (published), D@6, D@12/0.2 (corrected), and more;
            D@12,D@6 has a design for each level, full resolution first.
        width: channels at the first level, a multiple of 4.
        levels: of unet: how often the image is halved inside the network.
        multipliers: of resunet: channels of each level, in widths.
        blocks: of resunet: residual blocks a level.
        attention: of resunet: sides in pixels of the maps that attend to themselves; the usual ones
            where there are such.
        dropout: of resunet: share of activations that is dropped in training.
        padding: what lies beyond the edges of an image inside the network.
        conditional: learn the classes, so that they can be asked for.
        init: start from the weights of a run or a model folder; random ones by default.
    """

    network: Literal["unet", "resunet", "cs180"] = "unet"
    config: str = "D@6"
    width: int = 32
    levels: int = 3
    multipliers: tuple[int, ...] = (1, 2, 2, 2)
    blocks: int = 2
    attention: tuple[int, ...] = (16,)
    dropout: float = 0.0
    padding: Padding = "zeros"
    conditional: bool = False
    init: str | None = None


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is asked of the network.

    Args:
        schedule: how fast the image turns to noise; flow has the levels of flow matching.
        timesteps: T, the number of noise levels.
        scale_betas: of linear and scaled_linear: multiply β by 1000/T, so that any T ends in noise;
            otherwise β is that of 1000 levels whatever T is.
        prediction: what the network predicts: the noise, the clean image, the velocity, or the
            flow, noise minus image: flow matching.
        loss: how its error is measured.
        min_snr_gamma: γ of min-SNR weighting, usually 5; 0 for none. It is derived for mse.
        complexity: weight errors by how much happens in an image: as published, or normalised.
        complexity_weight: λ of that term.
        equivariance: weight of the mean square of f(U x_t) − U f(x_t) on the disc, f being what the
            network predicts and U the following; 0 for none. For ε it is that of x0 times SNR.
        moves: how it is moved then.
        label_dropout: share of labels that are hidden, which guidance needs.
        noise_std: train a single-step denoiser at this noise instead, images being in [0, 1].
        upscale: train a model that makes images so many times larger, from the means of their
            blocks; see `jinc upscale`.
        upscale_noise: of upscale: noise that half of the small images get, at most, as a share of
            T, so that what another model made can be made larger too; 0 for none.
    """

    schedule: Literal["linear", "cosine", "scaled_linear", "flow"] = "linear"
    timesteps: int = 1000
    scale_betas: bool = True
    prediction: Prediction = "eps"
    loss: Literal["mse", "l1", "huber"] = "mse"
    min_snr_gamma: float = 0.0
    complexity: Literal["off", "published", "normalised"] = "off"
    complexity_weight: float = 0.1
    equivariance: float = 0.0
    moves: MoveKind = "shift"
    label_dropout: float = 0.0
    noise_std: float | None = None
    upscale: int | None = None
    upscale_noise: float = 0.1


@dataclass(frozen=True)
class OptimiserSettings:
    """How it learns.

    Args:
        steps: how many batches to train on; takes the place of epochs.
        epochs: how often to go through the data, when steps is not given.
        batch_size: images a step, over all processes.
        accumulation: parts that each process takes its share of a batch in, to save memory.
        optimiser: AdamW decouples the weight decay, Adam adds it to the gradient.
        learning_rate: at its highest.
        lr_schedule: whether it stays there or falls to nothing along a cosine.
        warmup: steps in which it rises from nothing.
        weight_decay: pull of the weights towards nothing.
        adam_betas: how long the optimiser remembers gradients and their squares.
        clip_gradient: greatest norm of the gradient; 0 for any.
        ema_decay: how slowly the averaged weights follow; several keep several averages, of which
            the first is the model; none keeps none.
    """

    steps: int | None = None
    epochs: float = 100.0
    batch_size: int = 64
    accumulation: int = 1
    optimiser: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = 3e-4
    lr_schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = 0
    weight_decay: float = 0.01
    adam_betas: tuple[float, float] = (0.9, 0.999)
    clip_gradient: float = 0.0
    ema_decay: tuple[float, ...] = (0.999,)


@dataclass(frozen=True)
class MachineSettings:
    """What it runs on.

    Args:
        seed: the same seed gives the same run.
        device: cpu, cuda, mps, or auto for the best there is.
        precision: numbers that the network computes in; its weights stay fp32.
        compile: compile the network first, which takes minutes and makes steps faster.
        fsdp: split weights and their averages over the processes, for networks too wide for one.
        workers: threads that prepare batches ahead; if not given, 2 beside an accelerator.
        resident: keep the images on the device; if not given, where they take up to 4 GB.
    """

    seed: int = 0
    device: str = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    compile: bool = False
    fsdp: bool = False
    workers: int | None = None
    resident: bool | None = None


@dataclass(frozen=True)
class KeepingSettings:
    """What is kept of it.

    Args:
        log_every: steps between lines of the log.
        sample_every: steps between pictures of samples; 0 for none but the following.
        sample_epochs: epochs after which there is a picture of samples.
        sample_guidance: guidance of those pictures, where labels were hidden in training.
        sample_with: samplers, a picture for each; DDIM with η = 1 by default.
        score_every: steps between scores: Fréchet distances of generated images to the data, by
            the first of `sample_with`, ddim by default; 0 for none.
        score_images: images generated for a score.
        score_features: network that scores: inception, or a path, as `jinc evaluate --features`.
        best_by: which model `best/` holds: lowest validation loss (of training without --holdout),
            or lowest score.
        checkpoint_every: steps between checkpoints.
        keep: how many checkpoints to keep, besides the best.
        track: where else the log goes: TensorBoard, trackio.
    """

    log_every: int = 20
    sample_every: int = 1000
    sample_epochs: tuple[float, ...] = ()
    sample_guidance: float = 1.0
    sample_with: tuple[str, ...] = ()
    score_every: int = 0
    score_images: int = 1000
    score_features: str = "inception"
    best_by: Literal["loss", "score"] = "loss"
    checkpoint_every: int = 500
    keep: int = 3
    track: tuple[Literal["tensorboard", "trackio"], ...] = ()


SECTIONS = {
    "Data": DataSettings,
    "Network": NetworkSettings,
    "Objective": ObjectiveSettings,
    "Optimiser": OptimiserSettings,
    "Machine": MachineSettings,
    "Keeping": KeepingSettings,
}
"""The settings by what they are about, in the order of a config.yaml."""
