"""Numbers as precise as a device knows them: float64, which Apple's devices lack."""

import torch
from torch import Tensor


def widest(device: torch.device) -> torch.dtype:
    """Return the most precise float type that a device computes in.

    >>> widest(torch.device("cpu")), widest(torch.device("mps"))
    (torch.float64, torch.float32)
    """
    return torch.float32 if device.type == "mps" else torch.float64


def precise(x: float | Tensor) -> Tensor:
    """Take to the most precise type where it is, for tables that many images are multiplied by."""
    device = x.device if isinstance(x, Tensor) else torch.device("cpu")
    return torch.as_tensor(x, dtype=widest(device))


def brought(x: Tensor, device: torch.device) -> Tensor:
    """Bring numbers from the host to a device, which is not waited for.

    Args:
        x: of any type, on the host.
        device: where to.

    Returns:
        The same on the device; float64 in float32 where the device does not know it.
    """
    if x.dtype == torch.float64:
        x = x.to(widest(device))
    return x.to(device, non_blocking=True)
