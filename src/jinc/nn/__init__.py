"""Networks: what they are made of, the names of their configurations, and the U-Net."""

from jinc.nn.configs import Config, parse_config
from jinc.nn.layers import AliasFreeActivation, AliasFreeDownsample, AliasFreeUpsample
from jinc.nn.network import NO_CLASS, Network
from jinc.nn.registry import NETWORKS, load_network
from jinc.nn.unet import UNet

__all__ = [
    "NETWORKS",
    "NO_CLASS",
    "AliasFreeActivation",
    "AliasFreeDownsample",
    "AliasFreeUpsample",
    "Config",
    "Network",
    "UNet",
    "load_network",
    "parse_config",
]
