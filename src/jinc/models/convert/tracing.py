"""What a model does to maps: a run that notes every call that can alias."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from jinc.models.convert.examples import Inputs
from jinc.models.convert.functions import NONLINEAR, Function

RESAMPLING: tuple[Function, ...] = (
    *(F.interpolate, F.avg_pool2d, F.max_pool2d, F.pixel_shuffle, F.pixel_unshuffle, F.grid_sample),
    *(F.conv2d, F.conv_transpose2d, F.fold, F.unfold, Tensor.__getitem__),
)
POINTWISE: tuple[Function, ...] = (
    *(torch.tanh, torch.sigmoid, torch.abs, torch.exp, Tensor.tanh, Tensor.sigmoid, Tensor.relu),
    *(F.tanh, F.sigmoid, F.hardtanh, F.hardsigmoid, F.softshrink, F.glu),
)
"""Nonlinear functions that are not replaced."""
WATCHED = frozenset((*NONLINEAR, *RESAMPLING, *POINTWISE))
JINC, TORCH = (
    f"{path}{os.sep}" for path in (Path(__file__).parents[2], Path(torch.__file__).parent)
)


@dataclass(frozen=True)
class Call:
    """A call that can alias.

    Args:
        module: qualified name of the innermost module that was running.
        function: its name.
        level: halvings of the resolution of the model's first map, of the larger of both maps; 0
            for larger ones.
        channels_first: whether the map is `[B, C, H, W]`.
        place: file and line.
    """

    module: str
    function: str
    level: int
    channels_first: bool
    place: str


def trace(model: nn.Module, run: Callable[[nn.Module], object]) -> list[Call]:
    """Run a model, and return the calls on 4-D maps that can alias, without those of Jinc.

    Args:
        model: in any mode; it runs in evaluation mode, without gradients and on random numbers of
            its own, so that neither statistics of batches nor the caller's random numbers change.
        run: calls the model.
    """
    watch = _Watch()
    with torch.no_grad(), torch.random.fork_rng([]), _running(model, watch.running), watch:
        run(model)
    return watch.calls


class _Watch(TorchFunctionMode):
    """Note calls."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[str] = []
        self.calls: list[Call] = []
        self.size: tuple[int, ...] = ()

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        maps = [each for each in (*args[:1], result) if isinstance(each, Tensor) and each.ndim == 4]
        if len(maps) == 2:
            self.size = self.size or tuple(maps[0].shape[-2:])
            if func in WATCHED and _can_alias(func, args, maps):
                self._note(func, max(maps, key=lambda x: x[0].numel()))
        return result

    def _note(self, func: Function, larger: Tensor) -> None:
        """Note a call unless Jinc's own code makes it."""
        inner = frame = sys._getframe(2)
        while frame.f_back and frame.f_code.co_filename.startswith(TORCH):
            frame = frame.f_back
        if frame.f_code.co_filename == Inputs.__call__.__code__.co_filename:
            frame = inner  # a model of torch's own modules alone
        elif frame.f_code.co_filename.startswith(JINC):
            return
        first, last = self._halvings(larger.shape[2:]), self._halvings(larger.shape[1:3])
        if first is None and func in RESAMPLING and func is not Tensor.__getitem__:
            first = round(math.log2(self.size[0] / larger.shape[2]))  # of a padded map
        level = first if first is not None else last
        if level is not None:
            name = self.running[-1] if self.running else ""
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            found = Call(name, func.__name__, max(0, level), first is not None, place)
            self.calls.append(found)

    def _halvings(self, size: Sequence[int]) -> int | None:
        """Return how often the size of the input is halved to this one, or None."""
        powers = [math.log2(old / new) for old, new in zip(self.size, size, strict=True)]
        nearest = round(sum(powers) / 2)
        return nearest if all(abs(power - nearest) < 0.3 for power in powers) else None


def _can_alias(func: Function, args: tuple[Any, ...], maps: Sequence[Tensor]) -> bool:
    """Whether a call changes the resolution, or is nonlinear."""
    before, after = (each.shape for each in maps)
    if func is Tensor.__getitem__:
        parts = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(isinstance(part, slice) and part.step not in (None, 1) for part in parts)
    return func in NONLINEAR or func in POINTWISE or before[-2:] != after[-2:]


@contextmanager
def _running(model: nn.Module, running: list[str]) -> Iterator[None]:
    """Evaluate a model, and keep the names of the modules that run, innermost last."""
    hooks = []
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    for name, module in model.named_modules():
        enter = lambda *_, name=name: running.append(name)  # noqa: E731
        hooks.append(module.register_forward_pre_hook(enter))
        hooks.append(module.register_forward_hook(lambda *_: running.pop() and None))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for module in training:
            module.training = True
