"""Named settings of known experiments; what a preset leaves out has its default."""

from dataclasses import replace

from jinc.errors import unknown
from jinc.train.config import TrainConfig

_DIGITS = TrainConfig(
    data="digits",
    image_size=16,
    conditional=True,
    width=16,
    levels=2,
    schedule="cosine",
    prediction="spectral",
    steps=2000,
    batch_size=32,
    learning_rate=0.002,
    adam_betas=(0.9, 0.99),
    ema_decay=(0.997,),
    sample_every=0,
)

# The protocol of arXiv 2411.09174: its U-Net, 32×32 images, batches of 16, 100 epochs.
_PAPER = TrainConfig(
    data="",
    image_size=32,
    width=32,
    levels=3,
    batch_size=16,
    epochs=100,
    learning_rate=3e-4,
    seed=42,
    checkpoint_every=2000,
    sample_every=10_000,
)

# CS180 (Berkeley), project 5, part B; as published, its 300 steps have the betas of 1000.
_CS180 = TrainConfig(
    data="",
    network="cs180",
    config="A",
    image_size=28,
    channels=1,
    optimiser="adam",
    weight_decay=0.0,
)

# DDPM (arXiv 2006.11239) on CIFAR-10, narrower, and shorter than its 800,000 steps.
_DDIM = TrainConfig(
    data="",
    network="resunet",
    image_size=32,
    width=64,
    multipliers=(1, 2, 2, 2),
    attention=(16,),
    dropout=0.1,
    augment=("hflip",),
    batch_size=128,
    epochs=500,
    optimiser="adam",
    weight_decay=0.0,
    learning_rate=2e-4,
    warmup=5000,
    clip_gradient=1.0,
    ema_decay=(0.9999,),
    checkpoint_every=2000,
    sample_every=10_000,
)

_CELEBA = replace(
    _DDIM,
    image_size=64,
    width=128,
    multipliers=(1, 1, 2, 2, 4),
    dropout=0.0,
    batch_size=64,
    learning_rate=2e-5,
    epochs=400,
)

_FACES = replace(
    _DDIM,
    image_size=64,
    width=64,
    multipliers=(1, 2, 2, 4),
    schedule="cosine",
    prediction="spectral",
    batch_size=16,
    epochs=2000,
    warmup=500,
    ema_decay=(0.999,),
    checkpoint_every=500,
    sample_every=1000,
)

# Networks that follow rotations, for images without an upright, or with one and a frame. The
# border of images is reflected, which turns with them; periodic for a frame, which may be shifted.
_RADIAL = replace(
    _FACES,
    config="R@12",
    width=32,
    attention=(),
    augment=(),
)

_FACES_SR = replace(
    _FACES,
    image_size=128,
    upscale=2,
    prediction="v",
    multipliers=(1, 1, 2, 2),
    batch_size=8,
)

# An hour or so of one core: alias-free resampling, which is cheap there, but not at every
# activation, which would double the time.
_FACES_SR_SMALL = replace(
    _FACES_SR,
    config="B@6",
    image_size=64,
    width=32,
    multipliers=(1, 2, 2),
    blocks=1,
    attention=(),
    steps=6000,
    optimiser="adamw",
    weight_decay=0.01,
    adam_betas=(0.9, 0.99),
    learning_rate=1e-3,
    lr_schedule="cosine",
    warmup=100,
    clip_gradient=1.0,
)

PRESETS: dict[str, TrainConfig] = {
    "digits": _DIGITS,
    "mnist": replace(_PAPER, channels=1),
    "mnist-m": replace(_PAPER, channels=3),
    "mnist-class": replace(
        _CS180,
        width=64,
        timesteps=300,
        scale_betas=False,
        conditional=True,
        label_dropout=0.1,
        batch_size=128,
        epochs=20,
        learning_rate=1e-3,
        lr_schedule="cosine",
        sample_every=0,
        sample_epochs=(1, 5, 10, 20),
        sample_guidance=5.0,
    ),
    "mnist-denoiser": replace(
        _CS180,
        width=128,
        noise_std=0.5,
        batch_size=256,
        epochs=5,
        learning_rate=1e-4,
        ema_decay=(),
        sample_every=0,
        sample_epochs=(1, 5),
        checkpoint_every=100,
    ),
    "cifar10": replace(_PAPER, channels=3),
    "cifar10-ddim": _DDIM,
    "cifar10-ddim-128": replace(_DDIM, width=128),
    "celeba-hq": _CELEBA,
    "celeba-hq-128": replace(_CELEBA, image_size=128, batch_size=32),
    "celeba-hq-256": replace(
        _CELEBA, image_size=256, multipliers=(1, 1, 2, 2, 4, 4), batch_size=16
    ),
    "faces64": _FACES,
    "faces128": replace(_FACES, image_size=128, multipliers=(1, 1, 2, 2, 4), batch_size=8),
    "textures": replace(_RADIAL, padding="reflect"),
    "microscopy": replace(_RADIAL, padding="reflect", augment=("hflip", "quarter_turns")),
    "upright": replace(_RADIAL, padding="circular", frame=True),
    "faces-sr": _FACES_SR,
    "faces-sr-small": _FACES_SR_SMALL,
}
"""The presets; those with empty `data` need a path to theirs."""

PRESET_COSTS: dict[str, tuple[int, float]] = {
    "digits": (381_793, 0.0486),
    "mnist": (5_896_513, 1.066),
    "mnist-m": (5_897_155, 1.067),
    "mnist-class": (2_019_201, 0.5358),
    "mnist-denoiser": (7_891_073, 2.139),
    "cifar10": (5_897_155, 1.067),
    "cifar10-ddim": (10_733_059, 3.918),
    "cifar10-ddim-128": (42_855_427, 14.76),
    "celeba-hq": (82_385_795, 37.11),
    "celeba-hq-128": (82_385_795, 145.4),
    "celeba-hq-256": (131_709_827, 583.9),
    "faces64": (19_737_987, 16.18),
    "faces128": (20_622_787, 38.32),
    "textures": (2_609_027, 6.66),
    "microscopy": (2_609_027, 6.66),
    "upright": (2_609_283, 6.665),
    "faces-sr": (8_547_715, 36.68),
    "faces-sr-small": (1_321_795, 2.415),
}
"""Parameters, and GFLOP of a forward pass of one image, by `jinc.train.count_network`."""


def preset_image(config: TrainConfig) -> tuple[int, int]:
    """Return the channels and the side that a preset expects of its images."""
    channels = 1 if config.data == "digits" else config.channels or 3
    return channels, config.image_size or 32


def find_preset(name: str) -> TrainConfig:
    """Return a preset by its name; raise a JincError, with a suggestion, if it is unknown."""
    if name in PRESETS:
        return PRESETS[name]
    raise unknown(f"preset: unknown preset {name!r}", name, PRESETS)
