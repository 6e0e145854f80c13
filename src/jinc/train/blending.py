"""Layers that change gradually from their original to their alias-free form."""

import copy
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from jinc.nn import Network


class _Layer(NamedTuple):
    """A layer in both forms.

    Args:
        module: its owner.
        attribute: of the owner, a function.
        before: the original function.
        after: the alias-free one.
    """

    module: nn.Module
    attribute: str
    before: Callable[..., Tensor]
    after: Callable[..., Tensor]


class Blend:
    """Layers of a network in training, blended with those of another configuration.

    In training each layer gives (1 − share) · original + share · alias-free; with share 1, and in
    evaluation, the original form is not computed. Both forms have the weights of the network.

    Args:
        network: in place.
        original: of another configuration.

    Attributes:
        share: 0 to 1.
    """

    def __init__(self, network: Network, original: Network) -> None:
        self.share = 0.0
        pairs = zip(original.parameters(), network.parameters(), strict=True)
        twin = copy.deepcopy(original, {id(theirs): own for theirs, own in pairs})
        for layer in list(_differing(network, twin.train())):
            setattr(layer.module, layer.attribute, self._blended(layer))

    def _blended(self, layer: _Layer) -> Callable[..., Tensor]:
        def blended(*args: Any, **kwargs: Any) -> Tensor:
            after = layer.after(*args, **kwargs)
            if self.share >= 1 or not layer.module.training:
                return after
            return torch.lerp(layer.before(*args, **kwargs).to(after), after, self.share)

        return blended


def _differing(module: nn.Module, original: nn.Module) -> Iterator[_Layer]:
    """Yield the outermost layers within a module that differ from the original ones."""
    for name, child in module.named_children():
        other = original.get_submodule(name)
        if _facts(child) != _facts(other):
            yield _Layer(child, "forward", other.forward, child.forward)
            continue
        for attribute, function in vars(child).items():
            own = isinstance(function, FunctionType) and not hasattr(type(child), attribute)
            if own and function is not vars(other)[attribute]:
                yield _Layer(child, attribute, vars(other)[attribute], function)
        yield from _differing(child, other)


def _facts(module: nn.Module) -> tuple[Any, ...]:
    """Return what determines the output of a module besides weights and inner modules."""
    kind = type(module)
    plain = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, int | float | str | tuple) and name[0] != "_" and name != "training"
    }
    name = kind.__qualname__  # conversions change methods under one name
    return name, kind.forward, plain, [buffer.tolist() for buffer in module.buffers(recurse=False)]
