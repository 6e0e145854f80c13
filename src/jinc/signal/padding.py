"""What lies beyond the edge of an image: zeros, its mirror image, or the image again."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.kept import kept

Padding = Literal["zeros", "reflect", "circular"]
PADDINGS: tuple[Padding, ...] = ("zeros", "reflect", "circular")


def extend(x: Tensor, before: int, after: int, padding: Padding) -> Tensor:
    """Extend images over their four edges, by any amount, also beyond their own size.

    `reflect` mirrors about the edge itself, not about the outermost pixel's centre
    (…b a | a b c | c b…): the mirror that halving and doubling the resolution keep in place.

    Args:
        x: `[..., height, width]`.
        before: rows and columns added at the top and at the left, ≥ 0.
        after: rows and columns added at the bottom and at the right, ≥ 0.
        padding: `zeros`, `reflect` or `circular`.

    Returns:
        `[..., before + height + after, before + width + after]`.

    Raises:
        JincError: an unknown kind of padding.

    >>> extend(torch.tensor([[1, 2]]), 2, 3, "reflect")[2]
    tensor([2, 1, 1, 2, 2, 1, 1])
    """
    check_padding(padding)
    if before == after == 0:
        return x
    if padding == "zeros":
        return F.pad(x, (before, after, before, after))
    for dim in (-2, -1):
        x = x.index_select(dim, _source_index(x.shape[dim], before, after, padding, x.device))
    return x


def check_padding(padding: str) -> None:
    """Raise a JincError unless `padding` is one of the three kinds."""
    if padding not in PADDINGS:
        raise JincError(f"padding: {padding!r} is none of {', '.join(PADDINGS)}")


@kept
def _source_index(
    size: int, before: int, after: int, padding: Padding, device: torch.device
) -> Tensor:
    """Return which pixel of a line of `size` stands at each place of the extended line."""
    place = torch.arange(-before, size + after, device=device)
    if padding == "circular":
        return place % size
    place = place % (2 * size)
    return torch.minimum(place, 2 * size - 1 - place)
