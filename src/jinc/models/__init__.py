"""From networks to denoisers: our own runs, and checkpoints of other projects."""

from jinc.models.device import choose_device
from jinc.models.generate import CHUNK, generate_images, grid_columns
from jinc.models.model import EpsDenoiser, Model
from jinc.models.official import load_official

__all__ = [
    "CHUNK",
    "EpsDenoiser",
    "Model",
    "choose_device",
    "generate_images",
    "grid_columns",
    "load_official",
]
