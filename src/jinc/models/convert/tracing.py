"""What a model does to maps: a run that notes every call that can alias."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from jinc.errors import JincError
from jinc.models.convert.aliasing import (
    ATTENTION,
    PRODUCTS,
    RESAMPLING,
    can_alias,
    obstacle,
    padding_of,
    why_left,
)
from jinc.models.convert.examples import Inputs
from jinc.models.convert.functions import Function, unchanged
from jinc.signal.padding import Padding

PADDING = "padding"
CHANNELS_LAST = "channels last"
NO_MAP = "of no resolution of the image"

EXAMPLES = Inputs.__call__.__code__.co_filename
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
            for larger ones and where there is no map.
        place: file and line.
        reason: why it is left, if it is.
        has_form: whether there is an alias-free form of it.
    """

    module: str
    function: str
    level: int
    place: str
    reason: str
    has_form: bool = False


def trace(
    model: nn.Module, run: Callable[[nn.Module], object], padding: Padding = "zeros"
) -> tuple[list[Call], set[str]]:
    """Run a model, and return the calls that can alias, without those of Jinc, and what ran.

    They are calls on maps `[B, C, H, W]`, and on what is between maps and vectors: tokens, volumes.
    Layer norms of each pixel are not among them. Calls that extend maps over their edges otherwise
    than asked for are named `PADDING`.

    Args:
        model: in any mode; it runs in evaluation mode, without gradients and on random numbers of
            its own, so that neither statistics of batches nor the caller's random numbers change.
        run: calls the model.
        padding: that is asked for; zeros for any.

    Returns:
        The calls, and the qualified names of the modules that ran.

    Raises:
        JincError: the model cannot run.
    """
    watch = _Watch(padding, (*model.parameters(), *model.buffers()))
    try:
        with torch.no_grad(), torch.random.fork_rng([]), _running(model, watch), watch:
            run(model)
    except Exception as error:
        cause = (str(error) or type(error).__name__).splitlines()[0][:160]
        seen = "" if watch.size else "; no map [B, C, H, W] was seen before"
        raise JincError(f"model: {type(model).__name__} cannot run: {cause}{seen}") from error
    return watch.calls, watch.ran


class _Watch(TorchFunctionMode):
    """Note calls."""

    def __init__(self, padding: Padding, weights: Sequence[Tensor]) -> None:
        super().__init__()
        self.padding = padding
        self.weights = {id(each) for each in weights}
        self.running: list[str] = []
        self.ran: set[str] = set()
        self.calls: list[Call] = []
        self.size: tuple[int, ...] = ()

    def enter(self, name: str) -> None:
        """Note a module that begins to run."""
        self.running.append(name)
        self.ran.add(name)

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        given = next((x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)), None)
        first = result[0] if isinstance(result, tuple) and result else result
        first = given if func is Tensor.__setitem__ else first
        if given is None or not isinstance(first, Tensor) or first.ndim < 3:
            return result
        if given.numel() > 0 and first.numel() > 0:
            name = func.__name__.split(".")[0].removesuffix("_with_indices")
            name = name if name.startswith("__") else name.strip("_")
            factors = args if name in PRODUCTS else (given,)
            if any(id(each) in self.weights for each in factors):
                return result  # weights that are normalised or pruned, or scale maps
            if given.ndim == first.ndim == 4:
                self.size = self.size or tuple(given.shape[-2:])
            if (self.size or given.ndim != 4) and first.dtype != torch.bool:
                self._note(func, name, args, kwargs, given, first)
            if first is result:
                _follow(name, given, first)
        return result

    def note_scripted(self, function: "torch.jit.ScriptFunction[Any, Any]") -> None:
        """Note a call of a scripted function."""
        if (place := _place(3)) is not None:
            reason = "scripted (torch.jit): what it calls is not known"
            self.calls.append(Call(self.module, str(function.name), 0, place[0], reason))

    @property
    def module(self) -> str:
        """Name of the innermost module that is running."""
        return self.running[-1] if self.running else ""

    def _note(
        self,
        function: Function,
        name: str,
        args: tuple[Any, ...],
        kwargs: Any,
        given: Tensor,
        result: Tensor,
    ) -> None:
        """Note a call that can alias, or extends maps, unless Jinc's own code makes it."""
        aliases = can_alias(name, args, kwargs, given, result)
        edges = self.padding != "zeros" and padding_of(name, args, kwargs, given, result)
        if edges == self.padding == "circular":
            edges = ""
        if not (aliases or edges) or (place := _place(3)) is None:
            return
        where, is_tried = place
        level, reason = self._level(name, max(given, result, key=Tensor.numel))
        if edges:
            why = f"{edges}; only that of modules nn.Conv2d is replaced"
            self.calls.append(Call(self.module, PADDING, level, where, why))
        if aliases:
            reason = reason or obstacle(name, given, result)
            why = reason or why_left(function, name, is_tried=is_tried)
            self.calls.append(Call(self.module, name, level, where, why, not reason))

    def _level(self, name: str, larger: Tensor) -> tuple[int, str]:
        """Return the level of a map, and why it has no alias-free form, or nothing."""
        if name in ATTENTION:
            return 0, "attention: every pixel looks at all others"
        if larger.ndim != 4:
            return 0, f"{larger.ndim}-D: {_KINDS.get(larger.ndim, 'blocks of pixels')}"
        first, last = self._halvings(larger.shape[2:]), self._halvings(larger.shape[1:3])
        if name in RESAMPLING:
            if first is None:  # of a padded map
                first = round(math.log2(self.size[0] / larger.shape[2]))
            return max(0, first), ""
        if first is None and last is None:
            return 0, NO_MAP
        if last is not None and (first is None or _is_channels_last(larger)):
            return max(0, last), CHANNELS_LAST
        return max(0, first or 0), ""

    def _halvings(self, size: Sequence[int]) -> int | None:
        """Return how often the size of the input is halved to this one, or None."""
        powers = [math.log2(old / new) for old, new in zip(self.size, size, strict=True)]
        return round(sum(powers) / 2) if abs(powers[0] - powers[1]) < 0.5 else None


_KINDS = {
    3: "tokens or lines, or a map without batch; maps are [B, C, H, W]",
    5: "volumes, no maps [B, C, H, W]",
}


def _follow(name: str, given: Tensor, result: Tensor) -> None:
    """Mark results that have their channels last because of how they were made."""
    moves = name in ("permute", "movedim", "transpose", "conv2d", "view", "reshape")
    if name in ("linear", "layer_norm") or (hasattr(given, _LAST) and not moves):
        setattr(result, _LAST, True)


_LAST = "_jinc_channels_last"


def _is_channels_last(x: Tensor) -> bool:
    """Whether a map whose sizes do not tell has its channels last."""
    return hasattr(x, _LAST) or (x.stride(2) == 1 != x.stride(3) and x.shape[2] > 1)


def _place(depth: int) -> tuple[str, bool] | None:
    """Return where a call is, and whether Jinc tried to replace it; None if it is Jinc's own."""
    inner: FrameType = sys._getframe(depth)
    frame = _outside(inner, TORCH)
    if is_tried := frame.f_code is unchanged.__code__:
        inner = _outside(frame, JINC)
        frame = _outside(inner, TORCH)
    if frame.f_code.co_filename == EXAMPLES:
        frame = inner  # a model of torch's own modules alone
    elif frame.f_code.co_filename.startswith(JINC):
        return None
    return f"{frame.f_code.co_filename}:{frame.f_lineno}", is_tried


def _outside(frame: FrameType, files: str) -> FrameType:
    """Return the innermost frame of other files."""
    while frame.f_back and frame.f_code.co_filename.startswith(files):
        frame = frame.f_back
    return frame


@contextmanager
def _running(model: nn.Module, watch: _Watch) -> Iterator[None]:
    """Evaluate a model, and note its modules and scripted functions as they run."""
    hooks = []
    scripted: Any = torch.jit.ScriptFunction
    call = scripted.__call__

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        watch.note_scripted(self)
        return call(self, *args, **kwargs)

    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    for name, module in model.named_modules():
        enter = lambda *_, name=name: watch.enter(name)  # noqa: E731
        hooks.append(module.register_forward_pre_hook(enter))
        leave = lambda *_: watch.running.pop() and None  # noqa: E731
        hooks.append(module.register_forward_hook(leave, always_call=True))
    scripted.__call__ = noted
    try:
        yield
    finally:
        scripted.__call__ = call
        for hook in hooks:
            hook.remove()
        for module in training:
            module.training = True
