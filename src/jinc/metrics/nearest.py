"""The nearest of many features to each of others, block by block in float64."""

from collections.abc import Iterator

import torch
from torch import Tensor

from jinc.errors import JincError

BLOCK = 1024
"""Rows of a table of distances that are held at once."""


def squared_distances(a: Tensor, b: Tensor, block: int = BLOCK) -> Iterator[tuple[int, Tensor]]:
    """Measure every one of a against all of b.

    Args:
        a: `[N, D]`.
        b: `[M, D]`.
        block: rows at once.

    Yields:
        the number of the first row of a block, and squared distances, float64, `[rows, M]`.

    Raises:
        JincError: they differ in D.
    """
    if a.shape[1] != b.shape[1]:
        raise JincError(f"features: {a.shape[1]} beside {b.shape[1]} numbers an image")
    centre = b.double().mean(dim=0)  # taken off, so that |a|² + |b|² − 2 a·b cancels little
    a, b = a.double() - centre, b.double() - centre
    lengths = b.square().sum(dim=1)
    for first in range(0, len(a), block):
        part = a[first : first + block]
        squared = torch.addmm(lengths, part, b.T, alpha=-2) + part.square().sum(1, keepdim=True)
        yield first, squared.clamp_(min=0)


def nearest(a: Tensor, b: Tensor, k: int, block: int = BLOCK) -> tuple[Tensor, Tensor]:
    """Find the k of b that are nearest to each of a.

    Args:
        a: `[N, D]`.
        b: `[M, D]`, M ≥ k.
        k: how many, ≥ 1.
        block: rows at once.

    Returns:
        distances, rising, float64, and their places in b, both `[N, k]`.

    Raises:
        JincError: they differ in D, or b holds fewer than k.

    >>> nearest(torch.tensor([[0.0], [9.0]]), torch.tensor([[1.0], [5.0], [2.0]]), 2)[1].tolist()
    [[0, 2], [1, 2]]
    """
    if not 1 <= k <= len(b):
        raise JincError(f"neighbours: {k} of {len(b)} images cannot be had")
    places = []
    for _, squared in squared_distances(a, b, block):
        places.append(squared.topk(k, largest=False).indices)
    found = torch.cat(places)
    return _exact(a, b, found)


def _exact(a: Tensor, b: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Measure the few that were found once more without cancellation, and put them in order."""
    parts = zip(a.split(BLOCK), places.split(BLOCK), strict=True)  # type: ignore[no-untyped-call]
    apart = torch.cat(
        [(part.double()[:, None] - b[at].double()).square().sum(-1).sqrt() for part, at in parts]
    )
    order = apart.argsort(dim=1, stable=True)
    return apart.gather(1, order), places.gather(1, order)
