"""Networks: their kinds, what they are made of, and the names of their configurations."""

from jinc.nn.conditioning import NO_CLASS, UNCONDITIONAL, Conditioning, joined_labels
from jinc.nn.configs import Config, parse_config
from jinc.nn.cs180 import CS180UNet
from jinc.nn.layers import AliasFreeActivation, AliasFreeDownsample, AliasFreeUpsample
from jinc.nn.levels import Configs, parse_configs
from jinc.nn.network import Network
from jinc.nn.registry import NETWORKS, load_network
from jinc.nn.resunet import ResUNet
from jinc.nn.unet import UNet

__all__ = [
    "NETWORKS",
    "NO_CLASS",
    "UNCONDITIONAL",
    "AliasFreeActivation",
    "AliasFreeDownsample",
    "AliasFreeUpsample",
    "CS180UNet",
    "Conditioning",
    "Config",
    "Configs",
    "Network",
    "ResUNet",
    "UNet",
    "joined_labels",
    "load_network",
    "parse_config",
    "parse_configs",
]
