"""Sharded networks (FSDP): every process holds a part of each weight."""

import warnings
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from jinc.train.processes import Processes


def shard(network: nn.Module, processes: Processes) -> None:
    """Shard the weights of a network over the processes, block by block, in place.

    Blocks are the members of its lists of modules.
    """
    # It warns of blocks that change the output of another in place, which none does.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module", UserWarning)
    mesh = init_device_mesh(processes.device.type, (processes.count,))
    processes.leaving.callback(_let_go, mesh)
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # not in torch's stub
    lists = [child for child in network.modules() if isinstance(child, nn.ModuleList)]
    blocks = [block for each in reversed(lists) for block in each]  # inner blocks first
    for block in blocks:
        if not isinstance(block, nn.ModuleList) and any(True for _ in block.parameters()):
            fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)


def _let_go(mesh: DeviceMesh) -> None:
    """Make a mesh, which stays in torch's caches, release its process group."""
    getattr(mesh, "_pg_registry", {}).clear()


def local(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Return this process's part of each tensor, sharing its memory."""
    return [each.to_local() if isinstance(each, DTensor) else each for each in tensors]


def whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gather sharded tensors, one by one, on the CPU; every process has to call this."""
    return {n: t.full_tensor().cpu() if isinstance(t, DTensor) else t for n, t in tensors.items()}


def load_whole(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load whole weights into a network, sharded or not.

    Raises:
        RuntimeError: names or shapes differ.
    """
    state = network.state_dict()
    parts = {n: alike(w, state[n]) if n in state else w for n, w in weights.items()}
    network.load_state_dict(parts)


def alike(tensor: Tensor, example: Tensor) -> Tensor:
    """Shard a whole tensor like another, or return it if that is whole."""
    if not isinstance(example, DTensor):
        return tensor
    mesh = example.device_mesh
    return distribute_tensor(tensor.to(mesh.device_type), mesh, example.placements)


def norm(tensors: Iterable[Tensor]) -> Tensor:
    """Return the joint Euclidean norm of tensors, `[]`, over all processes."""
    total = torch.nn.utils.get_total_norm(list(tensors))
    return total.full_tensor() if isinstance(total, DTensor) else total
