"""Cost and equivariance of models side by side, such as a model before and after its conversion."""

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from jinc.models.convert.examples import Inputs, is_map
from jinc.signal import fused, shift


@dataclass(frozen=True)
class Effect:
    """Cost and equivariance of a model.

    Args:
        seconds: median time of a forward pass.
        gflop: convolutions and matrix products of a forward pass, 10⁹ operations.
        kept_bytes: activations that a forward pass keeps for the backward pass.
        half_pixel_db: equivariance to a shift by half a pixel down and right, in response to white
            noise: ratio of the outputs' variance to the mean square of the error, dB. None without
            maps in the output.
    """

    seconds: float
    gflop: float
    kept_bytes: int
    half_pixel_db: float | None


def effects(models: Mapping[str, nn.Module], inputs: Inputs, rounds: int = 5) -> dict[str, Effect]:
    """Measure models side by side, in the mode that they are in.

    Args:
        models: by name; all take the same inputs.
        inputs: of one call; its maps are replaced by white noise.
        rounds: timed calls of each, in turn.
    """
    random = torch.Generator().manual_seed(0)
    noisy = inputs.map(lambda x: torch.randn(x.shape, generator=random).to(x))
    times: dict[str, list[float]] = {name: [] for name in models}
    with torch.no_grad():
        for _ in range(1 + rounds):  # the first warms up
            for name, model in models.items():
                times[name].append(_seconds(model, noisy))
    return {
        name: Effect(
            seconds=statistics.median(times[name][1:]),
            gflop=_gflop(model, noisy),
            kept_bytes=kept_bytes(partial(noisy, model)),
            half_pixel_db=_half_pixel(model, noisy),
        )
        for name, model in models.items()
    }


def kept_bytes(run: Callable[[], object]) -> int:
    """Return the bytes of activations that a forward pass keeps for the backward pass."""
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()  # which several tensors may share
        kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        run()
    return sum(storage.nbytes() for storage in kept.values())


def untrained(model: nn.Module) -> nn.Module:
    """Return a copy of a model with random weights, as its modules draw them."""
    twin = copy.deepcopy(model)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        for module in twin.modules():
            reset: Any = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    return twin


def sharing_weights(model: nn.Module) -> nn.Module:
    """Return a copy of a model with the same parameters and buffers in memory."""
    memo = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, memo)


def _seconds(model: nn.Module, inputs: Inputs) -> float:
    start = time.perf_counter()
    for output in tree_leaves(inputs(model)):
        if is_map(output):
            output.flatten()[:1].tolist()  # waits for accelerators
    return time.perf_counter() - start


@torch.no_grad()
def _gflop(model: nn.Module, inputs: Inputs) -> float:
    from torch.utils.flop_counter import FlopCounterMode  # imports Triton, where it is

    fused_too: Any = {torch.ops.jinc.filtered_activation: fused.operations}
    with FlopCounterMode(display=False, custom_mapping=fused_too) as counter:
        inputs(model)
    return float(counter.get_total_flops() / 1e9)


@torch.no_grad()
def _half_pixel(model: nn.Module, inputs: Inputs) -> float | None:
    """Compare outputs of shifted inputs with shifted outputs; all move by a share of their size."""
    maps = [x for x in tree_leaves((inputs.args, inputs.kwargs)) if is_map(x)]
    share = 0.5 / max((x.shape[-1] for x in maps), default=1)

    def moved(x: Tensor) -> Tensor:
        return shift(x.float(), share * x.shape[-2], share * x.shape[-1]).to(x.dtype)

    pairs = zip(_maps(inputs.map(moved)(model)), _maps(inputs(model)), strict=True)
    errors = [(there - moved(y)).square().mean() / y.var() for there, y in pairs]
    return float(-10 * torch.stack(errors).mean().log10()) if errors else None


def _maps(outputs: Any) -> list[Tensor]:
    return [y for y in tree_leaves(outputs) if is_map(y)]
