"""The networks by their kinds, as files and the command line name them."""

from pathlib import Path
from typing import TypeVar

from jinc.errors import unknown
from jinc.nn.cs180 import CS180UNet
from jinc.nn.network import Network, read_arguments
from jinc.nn.resunet import ResUNet
from jinc.nn.unet import UNet
from jinc.schema import SHOWN, shown

NETWORKS: dict[str, type[Network]] = {each.kind: each for each in (UNet, ResUNet, CS180UNet)}
"""Every kind of network."""

N = TypeVar("N", bound=type[Network])


def register(kind: N) -> N:
    """Add a kind of network that is defined elsewhere."""
    NETWORKS[kind.kind] = kind
    return kind


def load_network(folder: Path) -> Network:
    """Read back a network of any kind from a folder that `Network.save` wrote.

    Raises:
        JincError: a file is missing, damaged, or belongs to a network of another kind.
    """
    kind = read_arguments(folder)["network"]
    if not isinstance(kind, str) or kind not in NETWORKS:
        said = f"{folder / 'config.json'}: {shown(kind)} is no network"
        raise unknown(said, str(kind)[:SHOWN], NETWORKS)
    return NETWORKS[kind].load(folder)
