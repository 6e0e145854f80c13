"""Padding of images: with zeros, their mirror image, or periodically."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.tables import cached_table
from jinc.signal.transforms import transformed

Padding = Literal["zeros", "reflect", "circular"]
PADDINGS: tuple[Padding, ...] = ("zeros", "reflect", "circular")

Edges = Literal[Padding, "mirror"]
"""Of `extend`; networks and resampling take `Padding` only."""


def extend(x: Tensor, before: int, after: int, padding: Edges) -> Tensor:
    """Extend images over their four edges, by any amount, also beyond their own size.

    `reflect` mirrors about the edge itself, not about the outermost pixel's centre
    (…b a | a b c | c b…): the mirror that halving and doubling the resolution keep in place.
    `mirror` mirrors about that centre (…c b | a b c | b a…), which torch and torchvision call
    reflect; the two words are SciPy's.

    Args:
        x: `[..., height, width]`.
        before: rows and columns added at the top and at the left, ≥ 0.
        after: rows and columns added at the bottom and at the right, ≥ 0.
        padding: `zeros`, `reflect`, `circular` or `mirror`.

    Returns:
        `[..., before + height + after, before + width + after]`.

    Raises:
        JincError: an unknown kind of padding.

    >>> extend(torch.tensor([[1, 2]]), 2, 3, "reflect")[2]
    tensor([2, 1, 1, 2, 2, 1, 1])
    """
    _check_known(padding, get_args(Edges))
    if before == after == 0:
        return x
    if padding == "zeros":
        return F.pad(x, (before, after, before, after))
    plain = torch.compiler.is_compiling() or transformed()
    if max(before, after) < min(x.shape[-2:]) and not plain:
        extended: Tensor = _Extended.apply(x, before, after, padding)  # type: ignore[no-untyped-call]
        return extended
    for dim in (-2, -1):
        x = x.index_select(dim, source_index(x.shape[dim], before, after, padding, x.device))
    return x


def check_padding(padding: str) -> None:
    """Raise a JincError unless `padding` is one of the three kinds that networks take."""
    _check_known(padding, PADDINGS)


def _check_known(padding: str, known: Sequence[str]) -> None:
    if padding not in known:
        raise JincError(f"padding: {padding!r} is not one of {', '.join(known)}")


class _Extended(torch.autograd.Function):
    """Extend by less than the image: one copy, and four strips that are read from it.

    Indexing does the same in a line, but takes two to three times as long with its gradient where
    no compiler fuses it (`bench/padding.py`).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, before: int, after: int, padding: Edges) -> Tensor:
        """Copy the image into a larger one, then columns, then whole rows."""
        ctx.around = before, after, padding
        height, width = x.shape[-2:]
        size = (*x.shape[:-2], before + height + after, before + width + after)
        channels_last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        whole = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=layout)
        middle = whole.narrow(-2, before, height)
        middle.narrow(-1, before, width).copy_(x)
        for lines, dim in ((middle, -1), (whole, -2)):
            inside = lines.narrow(dim, before, x.shape[dim])
            for strip, source in _strips(lines, inside, dim, before, after, padding):
                strip.copy_(source if padding == "circular" else source.flip(dim))
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Add what the strips received to where they were read from."""
        before, after, padding = ctx.around
        for dim in (-2, -1):
            size = gradient.shape[dim] - before - after
            inside = gradient.narrow(dim, before, size).clone()
            for strip, source in _strips(gradient, inside, dim, before, after, padding):
                source += strip if padding == "circular" else strip.flip(dim)
            gradient = inside
        return gradient, None, None, None


def _strips(
    lines: Tensor, inside: Tensor, dim: int, before: int, after: int, padding: Edges
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the strips before and after the inside of lines, each with where it is read from."""
    size = inside.shape[dim]
    skipped = int(padding == "mirror")  # the outermost pixel, which is there once
    starts = (size - before, 0) if padding == "circular" else (skipped, size - after - skipped)
    places = (0, before), (before + size, after)
    for (place, width), start in zip(places, starts, strict=True):
        yield lines.narrow(dim, place, width), inside.narrow(dim, start, width)


@cached_table
def source_index(
    size: int, before: int, after: int, padding: Edges, device: torch.device
) -> Tensor:
    """Return the source of each pixel of an extended line."""
    place = torch.arange(-before, size + after, device=device)
    if padding == "circular":
        return place % size
    twice = int(padding == "reflect")  # `mirror` has the outermost pixel once
    period = max(2 * (size - 1 + twice), 1)
    place = place % period
    return torch.minimum(place, period - twice - place)
