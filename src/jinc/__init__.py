"""Jinc: alias-free, rotation-aware pixel diffusion models in PyTorch.

Names are resolved when they are first used, so that `import jinc` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinc.data import ImageSet as ImageSet
    from jinc.data import load_images as load_images
    from jinc.diffusion import Schedule as Schedule
    from jinc.diffusion import SeededNoise as SeededNoise
    from jinc.diffusion import calibrate as calibrate
    from jinc.diffusion import cfg as cfg
    from jinc.diffusion import clip as clip
    from jinc.diffusion import ddim as ddim
    from jinc.diffusion import ddpm as ddpm
    from jinc.diffusion import generate as generate
    from jinc.diffusion import posterior as posterior
    from jinc.diffusion import rotating as rotating
    from jinc.diffusion import sample as sample
    from jinc.diffusion import shifting as shifting
    from jinc.diffusion import symmetrize as symmetrize
    from jinc.diffusion import timesteps as timesteps
    from jinc.errors import JincError as JincError
    from jinc.metrics import network_equivariance as network_equivariance
    from jinc.models import Model as Model
    from jinc.models import load as load
    from jinc.models import load_official as load_official
    from jinc.models import open_model as open_model
    from jinc.models import open_upscaler as open_upscaler
    from jinc.models.convert import conversion as conversion
    from jinc.models.convert import convert as convert
    from jinc.models.convert import restore as restore
    from jinc.nn import Config as Config
    from jinc.nn import Configs as Configs
    from jinc.nn import CS180UNet as CS180UNet
    from jinc.nn import ResUNet as ResUNet
    from jinc.nn import UNet as UNet
    from jinc.nn import parse_config as parse_config
    from jinc.nn import parse_configs as parse_configs
    from jinc.signal import rotate as rotate
    from jinc.signal import shift as shift

_ROOMS = {
    "data": ("ImageSet", "load_images"),
    "diffusion": (
        *("Schedule", "SeededNoise", "calibrate", "cfg", "clip", "ddim"),
        *("ddpm", "generate", "posterior", "rotating", "sample", "shifting", "symmetrize"),
        "timesteps",
    ),
    "errors": ("JincError",),
    "metrics": ("network_equivariance",),
    "models": ("Model", "load", "load_official", "open_model", "open_upscaler"),
    "models.convert": ("conversion", "convert", "restore"),
    "nn": ("CS180UNet", "Config", "Configs", "ResUNet", "UNet", "parse_config", "parse_configs"),
    "signal": ("rotate", "shift"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = sorted(_ROOM_OF)  # the table above is the one list of names


def __getattr__(name: str) -> Any:
    """Import a public name from its room."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'jinc' has no attribute {name!r}")
    return getattr(import_module(f"jinc.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names for completion."""
    return [*__all__, *globals()]
