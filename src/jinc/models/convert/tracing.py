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
from jinc.models.convert.examples import Inputs
from jinc.models.convert.functions import NONLINEAR, Function, unchanged

ACTIVATIONS = frozenset(function.__name__ for function in NONLINEAR)
"""Replaced on maps."""
RESAMPLING = frozenset(
    (
        *("interpolate", "pixel_shuffle", "pixel_unshuffle", "grid_sample", "repeat_interleave"),
        *(
            f"{kind}{n}d"
            for kind in ("conv", "conv_transpose", "avg_pool", "max_pool")
            for n in (1, 2, 3)
        ),
        *("lp_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "fractional_max_pool2d"),
        *("fold", "unfold", "index_select", "permute", "einsum", "__getitem__"),
    )
)
PRODUCTS = frozenset(("mul", "multiply", "__mul__", "__imul__", "div", "__truediv__"))
"""Nonlinear if both factors are maps."""
POINTWISE = PRODUCTS | {
    *("tanh", "sigmoid", "hardtanh", "hardsigmoid", "logsigmoid", "softshrink", "hardshrink"),
    *("tanhshrink", "softsign", "threshold", "rrelu", "glu", "clamp", "clamp_min", "clamp_max"),
    *("maximum", "minimum", "where", "abs", "exp", "log", "sin", "cos", "erf", "square", "pow"),
    *("__pow__", "sqrt", "rsqrt"),
}
"""Nonlinear functions that have no alias-free form."""
ATTENTION = frozenset(("scaled_dot_product_attention", "softmax"))

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
        reason: why it has no alias-free form, or nothing.
    """

    module: str
    function: str
    level: int
    place: str
    reason: str = ""


def trace(model: nn.Module, run: Callable[[nn.Module], object]) -> tuple[list[Call], set[str]]:
    """Run a model, and return the calls that can alias, without those of Jinc, and what ran.

    They are calls on maps `[B, C, H, W]`, and on what is between maps and vectors: tokens, volumes.
    Normalisations of each pixel, as layer norms are, are not among them.

    Args:
        model: in any mode; it runs in evaluation mode, without gradients and on random numbers of
            its own, so that neither statistics of batches nor the caller's random numbers change.
        run: calls the model.

    Returns:
        The calls, and the qualified names of the modules that ran.

    Raises:
        JincError: the model cannot run.
    """
    watch = _Watch()
    try:
        with torch.no_grad(), torch.random.fork_rng([]), _running(model, watch), watch:
            run(model)
    except Exception as error:
        cause = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise JincError(f"model: {type(model).__name__} cannot run: {cause}") from error
    return watch.calls, watch.ran


class _Watch(TorchFunctionMode):
    """Note calls."""

    def __init__(self) -> None:
        super().__init__()
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
        if given is None or not isinstance(result, Tensor) or result.ndim < 3:
            return result
        if given.numel() > 0 and result.numel() > 0:
            name = func.__name__.split(".")[0]
            name = name if name.startswith("__") else name.rstrip("_")
            if given.ndim == result.ndim == 4:
                self.size = self.size or tuple(given.shape[-2:])
            if self.size or given.ndim != 4:
                self._note(name, args, kwargs, given, result)
            _follow(name, given, result)
        return result

    def _note(
        self, name: str, args: tuple[Any, ...], kwargs: Any, given: Tensor, result: Tensor
    ) -> None:
        """Note a call that can alias, unless Jinc's own code makes it."""
        if not _can_alias(name, args, kwargs, given, result) or (place := _place()) is None:
            return
        level, reason = self._level(name, max(given, result, key=Tensor.numel))
        reason = reason or _obstacle(name, given, result)
        module = self.running[-1] if self.running else ""
        self.calls.append(Call(module, name, level, place, reason))

    def _level(self, name: str, larger: Tensor) -> tuple[int, str]:
        """Return the level of a map, and why it is none, or nothing."""
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


_KINDS = {3: "tokens or lines, no map [B, C, H, W]", 5: "volumes, no maps [B, C, H, W]"}


def _can_alias(
    name: str, args: tuple[Any, ...], kwargs: Any, given: Tensor, result: Tensor
) -> bool:
    """Whether a call changes the resolution, or is nonlinear."""
    if name.startswith("conv"):
        stride = kwargs.get("stride", args[3] if len(args) > 3 else 1)
        return any(step != 1 for step in (stride if isinstance(stride, Sequence) else [stride]))
    if name in PRODUCTS:
        maps = [each.shape[2:] for each in args if isinstance(each, Tensor) and each.ndim == 4]
        return len(maps) == 2 and maps[0] == maps[1] and maps[0].numel() > 1
    if result.ndim == 4 and result.shape[-2:].numel() == 1:
        return False  # a vector
    if name == "__getitem__":
        parts = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(isinstance(part, slice) and part.step not in (None, 1) for part in parts)
    if name in ("permute", "einsum"):
        return result.ndim == 6
    if name in ATTENTION:
        return given.shape[-2] > 1
    resamples = name in RESAMPLING and given.shape[2:] != result.shape[2:]
    return resamples or name in ACTIVATIONS or name in POINTWISE or name.startswith("max_pool")


def _obstacle(name: str, given: Tensor, result: Tensor) -> str:
    """Return why a call on maps has no alias-free form, or nothing."""
    if name in POINTWISE:
        return f"{'a product of maps' if name in PRODUCTS else name} has no alias-free form"
    if name in ACTIVATIONS:
        return ""
    by_two = round(abs(math.log2(given.shape[-1] / result.shape[-1]))) == 1
    sizes = ("×".join(map(str, each.shape[-2:])) for each in (given, result))
    return "" if by_two else f"{' to '.join(sizes)} is not by two"


def _follow(name: str, given: Tensor, result: Tensor) -> None:
    """Mark results that have their channels last because of how they were made."""
    moves = name in ("permute", "movedim", "transpose", "conv2d", "view", "reshape")
    if name in ("linear", "layer_norm") or (hasattr(given, _LAST) and not moves):
        setattr(result, _LAST, True)


_LAST = "_jinc_channels_last"


def _is_channels_last(x: Tensor) -> bool:
    """Whether a map whose sizes do not tell has its channels last."""
    return hasattr(x, _LAST) or (x.stride(2) == 1 != x.stride(3) and x.shape[2] > 1)


def _place() -> str | None:
    """Return the file and line of a call, or None if Jinc's own code makes it."""
    inner: FrameType = sys._getframe(3)
    frame = _outside(inner, TORCH)
    if frame.f_code is unchanged.__code__:
        inner = _outside(frame, JINC)
        frame = _outside(inner, TORCH)
    if frame.f_code.co_filename == EXAMPLES:
        frame = inner  # a model of torch's own modules alone
    elif frame.f_code.co_filename.startswith(JINC):
        return None
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _outside(frame: FrameType, files: str) -> FrameType:
    """Return the innermost frame of other files."""
    while frame.f_back and frame.f_code.co_filename.startswith(files):
        frame = frame.f_back
    return frame


@contextmanager
def _running(model: nn.Module, watch: _Watch) -> Iterator[None]:
    """Evaluate a model, and note the modules that run and ran, innermost last."""
    hooks = []
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    for name, module in model.named_modules():
        enter = lambda *_, name=name: watch.enter(name)  # noqa: E731
        hooks.append(module.register_forward_pre_hook(enter))
        leave = lambda *_: watch.running.pop() and None  # noqa: E731
        hooks.append(module.register_forward_hook(leave, always_call=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for module in training:
            module.training = True
