"""The shifts and rotations by which StyleGAN3 measures equivariance.

Each returns images and a mask of valid pixels, `[batch, 1, height, width]`, which do not depend on
pixels beyond an edge. They are not orthogonal, and serve for comparison with published figures;
for all else use `signal.rotate` and `signal.shift`.

Written from the formulas of arXiv 2106.12423, appendix E. Coordinates are pixels from the centre
of the image, x to the right and y up.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LOBES = 3
"""Half width of the Lanczos window, pixels."""

REACH = 2 * LOBES
"""Half width of the kernel of a rotation: that of two convolved windows."""

UP = 4
"""Samples a pixel along each axis for the linear interpolation of a rotated image."""


def shift_lanczos(x: Tensor, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Shift images by the Lanczos kernel of three lobes.

    Args:
        x: `[batch, channels, height, width]`, zero beyond the edges.
        down: pixels, `[batch]`.
        right: pixels, `[batch]`.

    Returns:
        The images, and the valid pixels.

    Source: arXiv 2106.12423, appendix E.2.
    """
    (rows, known_rows), (columns, known_columns) = (
        _line(length, way.to(x)) for length, way in zip(x.shape[-2:], (down, right), strict=True)
    )
    known = known_rows[:, None, :, None] & known_columns[:, None, None, :]
    return rows[:, None] @ x @ columns[:, None].mT, known


def turn(x: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate images, and remove the frequencies that the rotated pixel grid cannot represent.

    Args:
        x: `[batch, channels, size, size]`, zero beyond the edges.
        angle: radians, counter-clockwise, `[batch]`.

    Returns:
        The images, and the valid pixels.

    Source: arXiv 2106.12423, appendix E.3.
    """
    size = x.shape[-1]
    across, up = _places(x)
    found, known = [], []
    for image, each in zip(x, angle.tolist(), strict=True):
        fine = _upsample(image, turn_kernel(-each, UP).to(x))
        cos, sin = math.cos(each), math.sin(each)
        source = torch.stack([cos * across + sin * up, sin * across - cos * up], dim=-1)
        known.append((source.abs() <= size / 2 - REACH).all(-1))
        grid = source[None] * (2 * UP / (fine.shape[-1] - 1))
        found.append(F.grid_sample(fine[None], grid, align_corners=True)[0])
    return torch.stack(found), torch.stack(known)[:, None]


def pseudo_turn(x: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Remove from images of a rotated scene the frequencies that `turn` removes.

    Args:
        x: `[batch, channels, size, size]`, zero beyond the edges.
        angle: of the scene, radians, counter-clockwise, `[batch]`.

    Returns:
        The images, and the valid pixels.

    Source: arXiv 2106.12423, appendix E.3.
    """
    kernels = torch.stack([turn_kernel(each, 1) for each in angle.tolist()]).to(x)
    flat = x.transpose(0, 1)
    found = F.conv2d(flat, kernels[:, None], padding=REACH - 1, groups=len(x)).transpose(0, 1)
    across, up = _places(x)
    known = torch.maximum(across.abs(), up.abs()) <= (x.shape[-1] + 1) / 2 - REACH
    return found, known.expand(len(x), 1, *known.shape)


def turn_kernel(angle: float, up: int) -> Tensor:
    """Design the low-pass for the common band of two pixel grids at an angle.

    It is the convolution of both grids' sinc filters, times the convolution of both grids' Lanczos
    windows, each over samples `1/up` apart.

    Args:
        angle: radians, counter-clockwise, of the other grid.
        up: samples a pixel along each axis: `UP`, or 1.

    Returns:
        Taps, float64, `[12·up − 1, 12·up − 1]`, rows downwards; those that meet the pixels of one
        image add up to 1.

    Source: arXiv 2106.12423, appendix E.3.
    """
    taps = _band(angle, up) * _window(angle, up)
    phases = F.pad(taps, (0, 1, 0, 1)).view(2 * REACH, up, 2 * REACH, up)
    return (phases / phases.sum((0, 2), keepdim=True)).flatten(2).flatten(0, 1)[:-1, :-1]


def _band(angle: float, up: int) -> Tensor:
    """Convolve the sinc filters: the Fourier transform of the octagon that two squares share.

    At one sample a pixel, the filter of that grid is a unit impulse, and leaves the other.
    """
    x, y = _grid(REACH * up - 1, up)
    if up == 1:
        cos, sin = math.cos(angle), math.sin(angle)
        return torch.sinc(cos * x + sin * y) * torch.sinc(cos * y - sin * x)
    corners = _octagon(angle)
    following = corners.roll(-1, 0)
    area = (corners[:, 0] * following[:, 1] - corners[:, 1] * following[:, 0]).sum() / 2
    total = torch.zeros_like(x)
    for edge, middle in zip(following - corners, (following + corners) / 2, strict=True):
        along, phase = x * edge[0] + y * edge[1], x * middle[0] + y * middle[1]
        outward = x * edge[1] - y * edge[0]
        total += outward * torch.sinc(along) * torch.sin(2 * math.pi * phase)
    squared = x**2 + y**2
    return torch.where(squared > 0, total / (2 * math.pi * squared.clamp_min(1e-300)), area)


def _octagon(angle: float) -> Tensor:
    """Corners of the intersection of a unit square and its rotation, counter-clockwise."""
    part = angle % (math.pi / 2)
    side = [[0.5, -math.tan(math.pi / 4 - part / 2) / 2], [0.5, math.tan(part / 2) / 2]]
    right = torch.tensor(side, dtype=torch.float64)
    quarter = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    turned = [right]
    for _ in range(3):
        turned.append(turned[-1] @ quarter)
    return torch.cat(turned)


def _window(angle: float, up: int) -> Tensor:
    """Convolve the Lanczos windows, up to a constant factor."""
    reach = LOBES * up - 1
    own = _lanczos_window(torch.arange(-reach, reach + 1, dtype=torch.float64) / up)
    x, y = _grid(REACH * up - 1 + reach, up)
    cos, sin = math.cos(angle), math.sin(angle)
    other = _lanczos_window(cos * x + sin * y) * _lanczos_window(cos * y - sin * x)
    rows = F.conv2d(other[None, None], own[None, None, :, None])
    return F.conv2d(rows, own[None, None, None])[0, 0]


def _lanczos(place: Tensor) -> Tensor:
    return torch.sinc(place) * _lanczos_window(place)


def _lanczos_window(place: Tensor) -> Tensor:
    return torch.where(place.abs() < LOBES, torch.sinc(place / LOBES), 0.0)


def _grid(reach: int, up: int) -> tuple[Tensor, Tensor]:
    """Return x and y of samples, rows downwards, `[2·reach + 1, 2·reach + 1]` each."""
    place = torch.arange(-reach, reach + 1, dtype=torch.float64) / up
    y, x = torch.meshgrid(-place, place, indexing="ij")
    return x, y


def _places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return x and y of the pixels of an image, `[size, size]` each."""
    place = torch.arange(x.shape[-1], dtype=x.dtype, device=x.device) - (x.shape[-1] - 1) / 2
    y, across = torch.meshgrid(-place, place, indexing="ij")
    return across, y


def _upsample(image: Tensor, kernel: Tensor) -> Tensor:
    """Interpolate an image, `[channels, size, size]`, at `UP` samples a pixel."""
    fine: Tensor = F.conv_transpose2d(image[:, None], kernel[None, None], stride=UP)
    return fine[:, 0]


def _line(length: int, way: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrix that shifts a line, `[batch, length, length]`, and its valid pixels."""
    place = torch.arange(length, dtype=way.dtype, device=way.device)
    weights = _lanczos(place[:, None] - place - way[:, None, None])
    whole = way.floor()[:, None]
    near = torch.arange(1 - LOBES, LOBES + 1, dtype=way.dtype, device=way.device)
    total = _lanczos(near + whole - way[:, None]).sum(1)
    from_edge = place - whole
    known = (from_edge >= LOBES) & (from_edge <= length - LOBES)
    return weights / total[:, None, None], known
