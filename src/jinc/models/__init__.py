"""From networks to denoisers: our own runs, and checkpoints of other projects."""

from jinc.models.device import choose_device
from jinc.models.from_diffusers import DiffusersModel, DiffusersNetwork, from_diffusers
from jinc.models.generate import CHUNK, generate_images, grid_columns
from jinc.models.model import Model, NetworkDenoiser
from jinc.models.official import load_official
from jinc.models.shaped import shaped_denoiser
from jinc.models.single_step import SingleStep
from jinc.models.sweep import Sweep, shifts, sweep_images, turns

__all__ = [
    "CHUNK",
    "DiffusersModel",
    "DiffusersNetwork",
    "Model",
    "NetworkDenoiser",
    "SingleStep",
    "Sweep",
    "choose_device",
    "from_diffusers",
    "generate_images",
    "grid_columns",
    "load_official",
    "shaped_denoiser",
    "shifts",
    "sweep_images",
    "turns",
]
