"""Moving periodic images by any number of pixels, by Fourier's shift theorem, without loss.

Every shift here is orthogonal and a whole number of pixels is a roll. The Nyquist line of an even
size has one real number for two frequencies, and no fraction of a shift keeps both its reality and
its power: moved by s it is multiplied by (−1)^round(s).
"""

import math

import torch
from torch import Tensor

from jinc.errors import JincError


def shift_rows(x: Tensor, pixels: float | Tensor) -> Tensor:
    """Move every row to the right, each by its own amount.

    Args:
        x: `[..., height, width]`, float32 or float64, rows periodic.
        pixels: how far, any real number; a number, or a tensor that broadcasts to `x.shape[:-1]`.

    Returns:
        Shaped like `x`.
    """
    return shift_rows_by(x, phases(pixels, x.shape[-1], x))


def shift(x: Tensor, down: float | Tensor, right: float | Tensor) -> Tensor:
    """Move periodic images.

    Args:
        x: `[batch, channels, height, width]`, float32 or float64.
        down: pixels, any real number; one for all, or `[batch]`.
        right: pixels, likewise.

    Returns:
        Shaped like `x`; the transpose, which is the inverse, moves by (−down, −right).

    Source: the shift theorem of the discrete Fourier transform.
    """
    return shift_rows(shift_rows(x, _each_row(right)).mT, _each_row(down)).mT


def roll(x: Tensor, down: int | Tensor, right: int | Tensor) -> Tensor:
    """Move periodic images by whole pixels: what `shift` does to rounding, without any rounding.

    Args:
        x: `[batch, channels, height, width]`, any type.
        down: pixels, any whole number; one for all, or `[batch]`, of an integer type.
        right: pixels, likewise.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: pixels that are not whole.

    >>> roll(torch.tensor([[[[1, 2, 3]]]]), 0, 1)
    tensor([[[[3, 1, 2]]]])
    """
    for dim, pixels in ((-2, down), (-1, right)):
        if isinstance(pixels, float) or (isinstance(pixels, Tensor) and pixels.is_floating_point()):
            raise JincError(
                f"pixels: {pixels} is not a whole number; `shift` moves by parts of one"
            )
        x = _roll_each(x, pixels, dim) if isinstance(pixels, Tensor) else x.roll(pixels, dim)
    return x


def shift_rows_by(x: Tensor, table: Tensor) -> Tensor:
    """Move every row to the right by a table of `phases`, which can serve more than once.

    Args:
        x: `[..., height, width]`, float32 or float64, rows periodic.
        table: complex, broadcasts to `[..., height, width // 2 + 1]`.

    Returns:
        Shaped like `x`.
    """
    moved: Tensor = torch.fft.irfft(torch.fft.rfft(x) * table, n=x.shape[-1])
    return moved


def phases(pixels: float | Tensor, size: int, like: Tensor) -> Tensor:
    """Return what the spectrum of a real line is multiplied by when the line is moved.

    The table is made where `pixels` live, in float64, and then brought to the images without
    waiting for either machine: a number costs an accelerator nothing but the copy.

    Args:
        pixels: how far to the right, any real number; a number, or a tensor `[...]`.
        size: pixels of the line.
        like: the images, float32 or float64: what type and which device the table is for.

    Returns:
        Complex, `[..., size // 2 + 1]`: exp(−2πi f s) for f = 0, 1/size, …; ±1 at f = ½.
    """
    s = precise(pixels)[..., None]
    frequency = torch.fft.rfftfreq(size, dtype=s.dtype, device=s.device)
    angle = -2 * math.pi * frequency * s
    turn = torch.polar(torch.ones_like(angle), angle)
    if size % 2 == 0:
        nyquist = 1 - 2 * (s.round() % 2)
        turn = torch.cat([turn[..., :-1], nyquist.to(turn.dtype)], dim=-1)
    # Towards the host a copy that does not wait may be read before it has arrived.
    waits = like.device.type == "cpu"
    return turn.to(like.device, like.dtype.to_complex(), non_blocking=not waits)


def precise(x: float | Tensor) -> Tensor:
    """Take to float64, for tables that many images are multiplied by; Apple's devices lack it."""
    if isinstance(x, Tensor) and x.device.type == "mps":
        return x.float()
    return torch.as_tensor(x, dtype=torch.float64)


def _each_row(pixels: float | Tensor) -> float | Tensor:
    """Lay one amount an image along `[batch, channels, rows]`."""
    return pixels[:, None, None] if isinstance(pixels, Tensor) and pixels.ndim == 1 else pixels


def _roll_each(x: Tensor, pixels: Tensor, dim: int) -> Tensor:
    """Move along `dim`, each image by its own whole number, `[batch]` or one."""
    line = [1] * x.ndim
    line[dim] = x.shape[dim]
    place = torch.arange(x.shape[dim], device=x.device).view(line)
    source = (place - pixels.to(x.device).view(-1, *[1] * (x.ndim - 1))) % x.shape[dim]
    return x.gather(dim, source.expand_as(x))
