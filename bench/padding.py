"""Time the extension of feature maps over their edges, with its gradient, against indexing.

    python bench/padding.py [--out results/bench-padding.json]

Medians of 21 rounds, one thread, channels last; circular padding.
"""

import argparse
import json
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
import torch.nn.functional as F
from machine import machine
from torch import Tensor

from jinc.signal import extend

SHAPES = ((16, 32, 32, 1), (16, 32, 32, 5), (32, 16, 16, 1), (32, 16, 16, 5), (8, 128, 64, 1))
"""Images, channels, side and width of the edge."""


def indexed(x: Tensor, edge: int) -> Tensor:
    """Extend by indexing rows and columns, the obvious way."""
    for dim in (-2, -1):
        x = x.index_select(dim, torch.arange(-edge, x.shape[dim] + edge) % x.shape[dim])
    return x


WAYS = {
    "zeros": lambda x, edge: F.pad(x, (edge,) * 4),
    "circular": lambda x, edge: extend(x, edge, edge, "circular"),
    "indexed": indexed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/bench-padding.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for images, channels, side, edge in SHAPES:
        x = torch.randn(images, channels, side, side).contiguous(memory_format=torch.channels_last)
        x.requires_grad_()
        assert torch.equal(extend(x, edge, edge, "circular"), indexed(x, edge))
        times: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(21):
            for name, way in WAYS.items():
                start = perf_counter()
                way(x, edge).sum().backward()
                times[name].append(perf_counter() - start)
        row = {name: median(each) * 1e3 for name, each in times.items()}
        gain = row["indexed"] / row["circular"]
        rows.append({"shape": [images, channels, side, edge], "ms": row, "times_faster": gain})
        print(rows[-1])
    what = "extension of feature maps and its gradient"
    result = {"what": what, "machine": machine(), "rows": rows}
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
