"""The fused form on GPUs: launches the kernels of `kernels`, which Triton compiles."""

import importlib.util
import warnings
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from jinc.files import one_line
from jinc.signal import reference

TYPES = (torch.bfloat16, torch.float16, torch.float32)
MAPS = 64
"""Maps a program filters at once, the rows of a Hopper tensor core's product."""

FROM_SHARED = (9, 10, 11)
"""Architectures whose tensor cores read matrices from shared memory: others need registers for
them, and get half as many columns, as does float32, for which it would not hold them."""

LEAST_ROWS = 16
"""Rows a program filters at least: it begins with K/2 − 1 more."""


@cache
def obstacle() -> str:
    """Return why there is no fused form here, or nothing."""
    if not torch.cuda.is_available():
        return "there is no CUDA GPU"
    if torch.version.hip:
        return "its kernels have not been tried on AMD"
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed, which comes with PyTorch for CUDA"
    if torch.cuda.get_device_capability() < (8, 0):
        return "the GPU is older than compute capability 8.0"
    return fault(torch.device("cuda"))


def fault(device: torch.device) -> str:
    """Try the kernels and their gradient on small maps, and return what is wrong, or nothing."""
    taps = torch.tensor([[1.0, 3, 3, 1]])
    down = taps.T @ taps / 64
    x = torch.linspace(-2, 2, 128, dtype=torch.float64).view(1, 2, 8, 8).requires_grad_()
    expected = reference.filtered_activation(x, down)
    expected = torch.stack([expected, *torch.autograd.grad(expected, x, x)]).detach()
    reason = ""
    try:
        for dtype, tolerance in ((torch.float32, 1e-3), (torch.bfloat16, 5e-2)):
            given = x.detach().to(device, dtype)
            settings = 4 * down, down, "gelu", 0.5, "zeros"
            found = [filtered_activation(given, g, *settings) for g in (None, given)]
            if (torch.stack(found).double().cpu() - expected).abs().max() > tolerance:
                reason = f"the kernels give other values in {dtype}"
    except Exception as error:  # of Triton, of a compiler or of a driver
        reason = f"Triton cannot run the kernels: {one_line(error)}"
    if reason:
        said = f"filtered activations run slower on the GPU: {reason}; JINC_FUSED=0 hides this line"
        warnings.warn(said, RuntimeWarning, stacklevel=2)
    return reason


def filtered_activation(
    x: Tensor,
    g: Tensor | None,
    up: Tensor,
    down: Tensor,
    activation: str,
    kappa: float,
    padding: str,
) -> Tensor:
    """Compute the filtered activation, or with a gradient `g` of it that of `x`."""
    y = torch.empty_like(x)
    given = x if g is None else g
    grid, sizes, settings = plan(x.shape, x, up, padding)
    with torch.cuda.device(x.get_device()):
        kernels().filtered_activation[grid](
            *(x, given, y, _near(up, x), _near(down, x), kappa, *sizes),
            *(x.stride(), given.stride(), y.stride()),
            ACTIVATION=activation,
            BACKWARD=g is not None,
            FAST=x.is_cuda and x.element_size() == 2,
            **settings,
        )
    return y


def upsample(x: Tensor, up: Tensor, padding: str) -> Tensor:
    """Double the resolution, in phase `half`; `up` has its gain in it."""
    y = empty(x, 2 * x.shape[-2], 2 * x.shape[-1])
    grid, sizes, settings = plan(x.shape, x, up, padding)
    grid = (grid[0], grid[1] + 1, grid[2])  # pairs of fine rows may begin half a pair too early
    with torch.cuda.device(x.get_device()):
        kernels().upsample[grid](x, y, _near(up, x), *sizes, x.stride(), y.stride(), **settings)
    return y


def downsample(x: Tensor, down: Tensor, padding: str) -> Tensor:
    """Halve the resolution, with even taps, of maps of even height and width."""
    y = empty(x, x.shape[-2] // 2, x.shape[-1] // 2)
    grid, sizes, settings = plan(y.shape, x, down, padding)
    with torch.cuda.device(x.get_device()):
        kernels().downsample[grid](x, y, _near(down, x), *sizes, x.stride(), y.stride(), **settings)
    return y


def plan(
    shape: torch.Size, x: Tensor, taps: Tensor, padding: str
) -> tuple[tuple[int, int, int], tuple[int, ...], dict[str, Any]]:
    """Return the grid, sizes and settings of a launch for coarse maps of a shape."""
    language = importlib.import_module("triton.language")
    batch, channels, height, width = shape
    reach = len(taps) // 2
    wide = architecture(x.device) in FROM_SHARED and x.element_size() == 2
    columns = 32 if wide and width > 16 else 16
    whole = width <= columns
    halo = 0 if whole else reach - 1
    maps, tiles = -(-batch * channels // MAPS), -(-width // (columns - 2 * halo))
    rows = max(min(LEAST_ROWS, height), -(-height * maps * tiles // _wanted(x.device)))
    settings = {
        "PADDING": padding,
        "K": 2 * reach,
        "M": MAPS,
        "IN": columns,
        "HALO": halo,
        "COPIES": -1 if not whole else 0 if padding == "zeros" else -(-reach // width),
        "ACC": language.float64 if x.dtype == torch.float64 else language.float32,
        "PRECISION": "tf32x3" if x.dtype == torch.float32 else "ieee",
        "num_stages": 2 if wide else 1,
    }
    sizes = (batch * channels, channels, height, width, rows)
    return (maps, -(-height // rows), tiles), sizes, settings


def architecture(device: torch.device) -> int:
    """Return the major compute capability of a GPU; without one, Hopper's, to interpret for."""
    return torch.cuda.get_device_capability(device)[0] if device.type == "cuda" else 9


def kernels() -> ModuleType:
    """Return the kernels: importing Triton takes a second."""
    return importlib.import_module("jinc.signal.fused.kernels")


def empty(x: Tensor, height: int, width: int) -> Tensor:
    """Return memory for maps of another size, in the layout of x."""
    plain = x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)
    layout = torch.contiguous_format if plain else torch.channels_last
    shape = (*x.shape[:2], height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=layout)


def _near(taps: Tensor, x: Tensor) -> Tensor:
    return taps.to(x.device).contiguous()


def _wanted(device: torch.device) -> int:
    """Return how many programs keep a GPU busy."""
    if device.type != "cuda":
        return 1
    return 4 * torch.cuda.get_device_properties(device).multi_processor_count
