"""From networks to denoisers: our own runs, and checkpoints of other projects."""

from jinc.models.generate import CHUNK, generate_images
from jinc.models.model import EpsDenoiser, Model
from jinc.models.official import load_official

__all__ = ["CHUNK", "EpsDenoiser", "Model", "generate_images", "load_official"]
