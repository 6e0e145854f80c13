"""Where a model runs."""

import torch

from jinc.errors import JincError


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is CUDA, then MPS, then the CPU.

    Raises:
        JincError: there is no such device here.
    """
    if name == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise JincError(f"device: {name!r} cannot be used here ({reason})") from None
    return device
