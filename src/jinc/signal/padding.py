"""Padding of images: with zeros, their mirror image, or periodically."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.tables import cached_table

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
    for dim in (-2, -1):
        x = x.index_select(dim, _source_index(x.shape[dim], before, after, padding, x.device))
    return x


def check_padding(padding: str) -> None:
    """Raise a JincError unless `padding` is one of the three kinds that networks take."""
    _check_known(padding, PADDINGS)


def _check_known(padding: str, known: Sequence[str]) -> None:
    if padding not in known:
        raise JincError(f"padding: {padding!r} is none of {', '.join(known)}")


@cached_table
def _source_index(
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
