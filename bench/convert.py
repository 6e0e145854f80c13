"""Time a forward pass of a converted model: designs side by side with the model as it was.

    python bench/convert.py [--rounds 11] [--quick] [--out results/bench-convert.json]

The U-Net of diffusers in the configuration of google/ddpm-cifar10-32 (35.7 M parameters), with
random weights, on four images 3×32×32. Seconds are processor time, which other work on the machine
disturbs less than the clock. `channels last` is that layout of maps and weights, also of the
original.
"""

import time
from functools import partial

import torch
from diffusers import UNet2DModel
from tables import Table, main
from timing import Call, Size, side_by_side
from torch import nn

from jinc import convert
from jinc.models.convert.effects import sharing_weights

DESIGNS = ("B@6", "C@6", "D@6", "B@12", "C@12", "D@12")
LAYOUTS = {"": torch.contiguous_format, ", channels last": torch.channels_last}


def original(width: int, side: int) -> nn.Module:
    """Return a network that is as large as google/ddpm-cifar10-32 at a width of 128."""
    return UNet2DModel(
        sample_size=side,
        block_out_channels=(width, 2 * width, 2 * width, 2 * width),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        downsample_padding=0,
        norm_eps=1e-6,
    ).eval()


@torch.no_grad()
def measure(size: Size) -> list[Table]:
    """Time every design in both layouts."""
    torch.manual_seed(0)
    x = torch.randn(max(1, size.batch // 4), 3, size.side, size.side)
    calls: dict[str, Call] = {}
    originals: dict[str, str] = {}
    for layout, memory_format in LAYOUTS.items():
        model = original(4 * size.width, size.side).to(memory_format=memory_format)
        images = x.contiguous(memory_format=memory_format)
        for design in ("", *DESIGNS):
            copy = sharing_weights(model)
            name = (design or "original") + layout
            calls[name] = partial(convert(copy, design) if design else copy, images, 500)
            originals[name] = "original" + layout
    times = side_by_side(calls, size.rounds, seconds=size.seconds, clock=time.process_time)
    rows = {
        name: {"s": times.median(name), "over original": times.ratio(name, other)}
        for name, other in originals.items()
    }
    note = f"Processor time, medians of {times.rounds} rounds."
    return [Table(f"Forward pass of ddpm-cifar10-32, batch {len(x)}", rows, note)]


if __name__ == "__main__":
    main(__doc__, measure, "convert")
