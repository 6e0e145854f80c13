"""Time a forward pass of a converted model: designs side by side with the model as it was.

    python bench/convert.py [--rounds 7] [--batch 4] [--out results/bench-convert.json]

The U-Net of diffusers in the configuration of google/ddpm-cifar10-32 (35.7 M parameters), with
random weights, on 3×32×32. Every round times each model once; the script reports medians of
processor time, relative to the original in the same round, since other work on the machine disturbs
it less than the clock. `channels last` is that layout of maps and weights, also of the original.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from diffusers import UNet2DModel
from machine import machine
from torch import nn

from jinc import convert
from jinc.models.convert.effects import sharing_weights

DESIGNS = ("B@6", "C@6", "D@6", "B@12", "C@12", "D@12")
LAYOUTS = {"": torch.contiguous_format, ", channels last": torch.channels_last}


def original() -> nn.Module:
    """Return a network as large as google/ddpm-cifar10-32."""
    return UNet2DModel(
        sample_size=32,
        block_out_channels=(128, 256, 256, 256),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        downsample_padding=0,
        norm_eps=1e-6,
    ).eval()


def converted(model: nn.Module, design: str) -> nn.Module:
    """Return a copy with the same weights, converted."""
    copy = sharing_weights(model)
    return convert(copy, design) if design else copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("results/bench-convert.json"))
    options = parser.parse_args()

    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    x, models = torch.randn(options.batch, 3, 32, 32), {}
    for layout, memory_format in LAYOUTS.items():
        model = original().to(memory_format=memory_format)
        images = x.contiguous(memory_format=memory_format)
        for design in ("", *DESIGNS):
            models[(design or "original") + layout] = converted(model, design), images, layout
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(1 + options.rounds):  # the first warms up
        for name, (model, images, _) in models.items():
            start = time.process_time()
            model(images, 500)
            times[name].append(time.process_time() - start)
    seconds = {name: values[1:] for name, values in times.items()}

    def relative(name: str, other: str) -> float:
        """Return the median of the time of one model relative to another, round by round."""
        return statistics.median(a / b for a, b in zip(seconds[name], seconds[other], strict=True))

    ratios = {name: relative(name, "original" + layout) for name, (*_, layout) in models.items()}
    for name, ratio in ratios.items():
        print(f"{name:24} {statistics.median(seconds[name]):7.3f} s   {ratio:5.2f} × the original")
    result = {
        "what": f"seconds of processor time, forward of ddpm-cifar10-32, batch {options.batch}",
        "seconds": {name: statistics.median(values) for name, values in seconds.items()},
        "relative_to_original": ratios,
        "rounds": options.rounds,
        "machine": machine(),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
