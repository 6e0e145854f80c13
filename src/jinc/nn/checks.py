"""Checks of the sizes and designs of networks."""

import math
from collections.abc import Mapping

from jinc.errors import JincError
from jinc.nn.levels import Configs
from jinc.schema import SHOWN, shown

MOST: Mapping[str, int] = {
    "channels": 64,
    "beside": 64,
    "width": 4096,
    "levels": 12,
    "multipliers": 64,
    "blocks": 64,
    "attention_levels": 11,
    "head_channels": 4096,
    "classes": 1_000_000,
    "augmentations": 64,
    "image_size": 16_384,
    "timesteps": 100_000,
}
"""The largest sizes of networks, in training and in files of models.

A file may claim any size: its network is built without memory, and compared with its weights. So
only what is built one by one, and what overflows, has to be bounded."""


def check_sizes(least: Mapping[str, int], given: Mapping[str, object]) -> None:
    """Refuse sizes that are not whole numbers, below `least`, or above `MOST`."""
    for name, value in given.items():
        if type(value) is not int or not least[name] <= value <= MOST[name]:
            range_ = f"from {least[name]} to {MOST[name]:,}"
            raise JincError(f"{name}: {shown(value)} is not a whole number {range_}")


def check_halvings(height: int, width: int, times: int, fewer: str) -> None:
    """Refuse images that cannot be halved so often; `fewer` is the argument that reduces it."""
    unit = 2**times
    if height % unit or width % unit or 0 in (height, width):
        near = max(1, math.ceil(max(height, width) / unit)) * unit
        raise JincError(
            f"image_size: {height}×{width} cannot be halved {times} times; "
            f"take {near}×{near}, or fewer {fewer}"
        )


def check_designs(config: Configs, levels: int, kind: str = "unet") -> None:
    """Refuse designs for more levels than a network has, and D+norm for another than the U-Net."""
    if kind != "unet" and any(each.norm_inside for each in config.levels):
        raise JincError(f"config: {config.name} is of the network 'unet', not of {kind!r}")
    if len(config.levels) > levels:
        raise JincError(
            f"config: {config.name[:SHOWN]} has designs for {len(config.levels)} levels, "
            f"this network has {levels}"
        )
