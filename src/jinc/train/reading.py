"""Numbers on their way from the device, so that no step waits for them."""

import torch
from torch import Tensor


class Reading:
    """A small tensor that is being copied to the host.

    Args:
        value: what to read, `[n]`.
    """

    def __init__(self, value: Tensor) -> None:
        """Set the copy going."""
        # Only CUDA's events tell when a copy that is not waited for has arrived.
        self._host = value.detach().to("cpu", non_blocking=value.is_cuda)
        self._arrived = torch.cuda.Event() if value.is_cuda else None  # type: ignore[no-untyped-call]
        if self._arrived is not None:
            self._arrived.record()

    def get(self) -> list[float]:
        """Wait until it has arrived, and return it."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return [float(number) for number in self._host]
