"""The optimiser, its steps, and its state as named tensors."""

import torch
from torch import Tensor, nn

from jinc.train.checkpoint import Tensors
from jinc.train.settings import OptimiserSettings
from jinc.train.sharding import alike

_KINDS: dict[str, type[torch.optim.Adam]] = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


def make_optimiser(settings: OptimiserSettings, network: nn.Module) -> torch.optim.Optimizer:
    """Make the optimiser that a run asks for, over all weights of a network."""
    return _KINDS[settings.optimiser](
        network.parameters(),
        lr=settings.learning_rate,
        betas=settings.adam_betas,
        weight_decay=settings.weight_decay,
        fused=True,  # one kernel, and one that can be told on the device not to act
    )


def take_step(optimiser: torch.optim.Optimizer, finite: Tensor) -> None:
    """Update the weights, or, where a boolean `[]` on the device is false, nothing at all."""
    # The fused kernels look for these two, which a gradient scaler would put there.
    optimiser.grad_scale = None  # type: ignore[attr-defined]
    optimiser.found_inf = (~finite).float()  # type: ignore[attr-defined]
    optimiser.step()


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
        parameter = parameters[int(place)]
        if tensor.ndim:  # the fused step walks through memory, in whatever order it lies
            tensor = torch.empty_like(parameter).copy_(alike(tensor, parameter))
        state.setdefault(int(place), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
