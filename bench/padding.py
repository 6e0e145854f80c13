"""Time the extension of feature maps over their edges, with its gradient, against indexing.

    python bench/padding.py [--rounds 11] [--quick] [--out results/bench-padding.json]

One thread, channels last; circular padding.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from tables import Table, main
from timing import Size, side_by_side
from torch import Tensor

from jinc.signal import extend

SHAPES = ((16, 32, 32, 1), (16, 32, 32, 5), (32, 16, 16, 1), (32, 16, 16, 5), (8, 128, 64, 1))
"""Images, channels, side and width of the edge."""

Way = Callable[[Tensor, int], Tensor]


def indexed(x: Tensor, edge: int) -> Tensor:
    """Extend by indexing rows and columns, the obvious way."""
    for dim in (-2, -1):
        x = x.index_select(dim, torch.arange(-edge, x.shape[dim] + edge) % x.shape[dim])
    return x


WAYS: dict[str, Way] = {
    "zeros": lambda x, edge: F.pad(x, (edge,) * 4),
    "circular": lambda x, edge: extend(x, edge, edge, "circular"),
    "indexed": indexed,
}


def row(shape: tuple[int, int, int], edge: int, size: Size) -> dict[str, float]:
    """Return the figures of a shape."""
    x = torch.randn(*shape, shape[-1]).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    calls = {name: lambda way=way: way(x, edge).sum().backward() for name, way in WAYS.items()}
    times = side_by_side(calls, size.rounds, seconds=size.seconds)
    found = {f"{name}, ms": 1e3 * times.median(name) for name in WAYS}
    return found | {"indexed over circular": times.ratio("indexed", "circular")}


def measure(size: Size) -> list[Table]:
    """Time every shape."""
    torch.set_num_threads(1)
    rows = {
        f"{images}×{channels}×{side}×{side}, edge {edge}": row((images, channels, side), edge, size)
        for images, channels, side, edge in SHAPES
    }
    return [Table("Extension of feature maps and its gradient", rows)]


if __name__ == "__main__":
    main(__doc__, measure, "padding")
