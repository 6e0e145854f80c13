"""The state of an optimiser as named tensors, and back."""

import torch
from torch import Tensor

from jinc.train.checkpoint import Tensors


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Lay the optimiser's state out by `place.name`."""
    state = optimiser.state_dict()["state"]
    return {f"{place}.{name}": t for place, entry in state.items() for name, t in entry.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Put back what `optimiser_tensors` laid out, in the memory order of the parameters."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        place, name = key.split(".", 1)
        if tensor.ndim:  # the fused step walks through memory, in whatever order it lies
            tensor = torch.empty_like(parameters[int(place)], device="cpu").copy_(tensor)
        state.setdefault(int(place), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
