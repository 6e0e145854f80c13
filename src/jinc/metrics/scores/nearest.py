"""The nearest of many features to each of others, block by block in float64."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from jinc.errors import JincError

BLOCK = 1024
"""Rows of a table of distances that are held at once."""

PART = 16384
"""Columns of it."""

ROUNDING = 1e-12
"""Of |a|² + |b|²: more than rounding in float64 moves |a − b|² by."""


def squared_distances(
    a: Tensor, b: Tensor, block: int = BLOCK
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Measure every row of a against all rows of b.

    Args:
        a: `[N, D]`.
        b: `[M, D]`.
        block: rows at once.

    Yields:
        the number of the first row of a block, squared distances, and the rounding error that
        each may have, both float64, `[rows, M]`.

    Raises:
        JincError: they differ in D.
    """
    if a.shape[1] != b.shape[1]:
        raise JincError(f"features: {a.shape[1]} beside {b.shape[1]} numbers an image")
    centre = b.double().mean(dim=0)  # taken off, so that |a|² + |b|² − 2 a·b cancels little
    b = b.double() - centre
    lengths = b.square().sum(dim=1)
    for first in range(0, len(a), block):
        part = a[first : first + block].double() - centre
        both = lengths + part.square().sum(1, keepdim=True)
        yield first, torch.addmm(both, part, b.T, alpha=-2).clamp_(min=0), both * ROUNDING


def nearest(
    a: Tensor, b: Tensor | Iterable[Tensor], k: int, block: int = BLOCK
) -> tuple[Tensor, Tensor]:
    """Find the k of b that are nearest to each of a.

    Args:
        a: `[N, D]`.
        b: `[M, D]`, M ≥ k, at once or in parts.
        k: how many, ≥ 1.
        block: rows at once.

    Returns:
        distances, rising, float64, and their places in b, both `[N, k]`.

    Raises:
        JincError: they differ in D, or b holds fewer than k.

    >>> nearest(torch.tensor([[0.0], [9.0]]), torch.tensor([[1.0], [5.0], [2.0]]), 2)[1].tolist()
    [[0, 2], [1, 2]]
    """
    parts = b.split(PART) if isinstance(b, Tensor) else b  # type: ignore[no-untyped-call]
    apart = torch.full((len(a), max(k, 0)), torch.inf, dtype=torch.float64)
    places = torch.full(apart.shape, -1)
    seen = 0
    for part in parts:
        kept = min(k, len(part)) if k >= 1 else 0
        for first, squared, _ in squared_distances(a, part, block):
            rows = slice(first, first + len(squared))
            at = squared.topk(kept, largest=False).indices
            found = torch.cat([apart[rows], _exact(a[rows], part, at)], dim=1)
            order = found.argsort(dim=1, stable=True)[:, :k]
            apart[rows] = found.gather(1, order)
            places[rows] = torch.cat([places[rows], at + seen], dim=1).gather(1, order)
        seen += len(part)
    if not 1 <= k <= seen:
        raise JincError(f"neighbours: {k} of {seen} images cannot be had")
    return apart, places


def _exact(a: Tensor, b: Tensor, places: Tensor) -> Tensor:
    """Measure the few that were found once more, without cancellation."""
    steps = [(a.double() - b[at].double()).square().sum(-1).sqrt() for at in places.unbind(1)]
    return torch.stack(steps, dim=1) if steps else torch.empty(len(a), 0, dtype=torch.float64)
