"""Networks: what they are made of, the names of their configurations, and the U-Net."""

from jinc.nn.configs import Config, parse_config
from jinc.nn.layers import AliasFreeActivation, AliasFreeDownsample, AliasFreeUpsample
from jinc.nn.unet import NO_CLASS, UNet

__all__ = [
    "NO_CLASS",
    "AliasFreeActivation",
    "AliasFreeDownsample",
    "AliasFreeUpsample",
    "Config",
    "UNet",
    "parse_config",
]
