"""The edge of a mask: moved outwards, and made soft inwards."""

import numpy as np
from numpy.typing import NDArray

from jinc.data.boxes import Box


def grown(inside: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Add what lies within so many pixels of a mask, along rows, columns and diagonals.

    Args:
        inside: `[height, width]`.
        by: pixels, ≥ 0.

    Returns:
        `[height, width]`.
    """
    for axis in (0, 1):
        size = inside.shape[axis]
        places = np.arange(size)
        inside = _any_between(inside, np.maximum(places - by, 0), places + by + 1, axis)
    return inside


def coarse(inside: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Bring a mask to another size: a pixel is in it if any pixel that it overlaps is.

    Args:
        inside: `[height, width]`.
        size: the new height and width.

    Returns:
        of that size.
    """
    for axis, count in enumerate(size):
        edges = inside.shape[axis] * np.arange(count + 1)
        inside = _any_between(inside, edges[:-1] // count, -(-edges[1:] // count), axis)
    return inside


def ramp(inside: NDArray[np.bool_], feather: int, box: Box) -> NDArray[np.float32]:
    """Let a mask rise from its edge inwards over some pixels; outside it stays 0, exactly.

    The edge of the picture is none of the mask's: beyond it there is nothing to pass over into.
    A mask that is not as deep rises faster, so that its deepest pixels get 1.

    Args:
        inside: of the whole picture, `[height, width]`.
        feather: pixels, ≥ 0; 0 leaves a hard edge.
        box: the part of the picture that is asked for; where it cuts the mask is an edge too.

    Returns:
        0 … 1, of the size of the box; a share of n/(feather + 1) n pixels deep.
    """
    height, width = inside.shape
    layer = inside[box.rows, box.columns].copy()
    sides = box.top > 0, box.top + box.height < height, box.left > 0, box.left + box.width < width
    depth = layer.astype(np.int32)
    for _ in range(feather):
        layer = _eroded(layer, sides)
        if not layer.any():
            break
        depth += layer
    return (depth / max(1, int(depth.max()))).astype(np.float32)


def _eroded(inside: NDArray[np.bool_], sides: tuple[bool, bool, bool, bool]) -> NDArray[np.bool_]:
    """Take one pixel off every edge; of top, bottom, left, right those that are edges."""
    top, bottom, left, right = (0 if edge else 1 for edge in sides)
    wide = np.zeros((inside.shape[0] + 2, inside.shape[1] + 2), bool)
    wide[1:-1, 1:-1] = inside
    for axis, (first, last) in enumerate(((top, bottom), (left, right))):
        lines = wide.swapaxes(0, axis)
        if first:
            lines[0] = lines[1]
        if last:
            lines[-1] = lines[-2]
    for _ in range(2):  # rows, then columns
        wide = (wide[:-2] & wide[1:-1] & wide[2:]).swapaxes(0, 1)
    return wide


def _any_between(
    inside: NDArray[np.bool_], first: NDArray[np.intp], stop: NDArray[np.intp], axis: int
) -> NDArray[np.bool_]:
    """Say for stretches of an axis, from first to before stop, whether any of it is in the mask."""
    sums = np.insert(np.cumsum(inside, axis, dtype=np.int32), 0, 0, axis)
    stop = np.minimum(stop, inside.shape[axis])
    found: NDArray[np.bool_] = sums.take(stop, axis) > sums.take(first, axis)
    return found
