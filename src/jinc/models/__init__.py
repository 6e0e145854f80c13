"""From networks to denoisers: our own runs, and checkpoints of other projects."""

from jinc.models.device import choose_device
from jinc.models.generate import CHUNK, generate_images, grid_columns
from jinc.models.model import Model, NetworkDenoiser
from jinc.models.official import load_official
from jinc.models.single_step import SingleStep

__all__ = [
    "CHUNK",
    "Model",
    "NetworkDenoiser",
    "SingleStep",
    "choose_device",
    "generate_images",
    "grid_columns",
    "load_official",
]
