"""Networks: their kinds, what they are made of, and the names of their configurations."""

from jinc.nn.conditioning import NO_CLASS as NO_CLASS
from jinc.nn.conditioning import UNCONDITIONAL as UNCONDITIONAL
from jinc.nn.conditioning import Conditioning as Conditioning
from jinc.nn.conditioning import joined_labels as joined_labels
from jinc.nn.configs import Config as Config
from jinc.nn.configs import parse_config as parse_config
from jinc.nn.cs180 import CS180UNet as CS180UNet
from jinc.nn.layers import AliasFreeActivation as AliasFreeActivation
from jinc.nn.layers import AliasFreeDownsample as AliasFreeDownsample
from jinc.nn.layers import AliasFreeUpsample as AliasFreeUpsample
from jinc.nn.levels import ConfigLike as ConfigLike
from jinc.nn.levels import Configs as Configs
from jinc.nn.levels import parse_configs as parse_configs
from jinc.nn.network import Network as Network
from jinc.nn.registry import NETWORKS as NETWORKS
from jinc.nn.registry import load_network as load_network
from jinc.nn.registry import register as register
from jinc.nn.resunet import ResUNet as ResUNet
from jinc.nn.unet import UNet as UNet
