"""How networks are called: in half precision, and compiled."""

import warnings
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_INSTRUCTIONS = {"bf16": ("avx512_bf16", "amx_bf16"), "fp16": ("avx512_fp16", "amx_fp16")}
"""Instruction sets of x86, any of which makes a precision fast."""


def in_precision(network: Callable[..., Tensor], precision: Precision) -> Callable[..., Tensor]:
    """Compute a network in a precision, by autocast; its weights and its result are float32."""
    dtype = _DTYPES[precision]

    def predicted(x_t: Tensor, *inputs: Any, **options: Any) -> Tensor:
        with torch.autocast(x_t.device.type, dtype, enabled=dtype != torch.float32):
            output = network(x_t, *inputs, **options)
        return output.float()

    return predicted


def set_precision(model: Any, precision: Precision) -> None:
    """Let the network of a model compute in a precision, in place."""
    network: nn.Module = model.network
    if precision != "fp32":
        warn_of_slow_precision(precision, next(network.parameters()).device)
        network.forward = in_precision(network.forward, precision)


def compile_network(model: Any) -> None:
    """Compile the network of a model in place, for many calls without gradients of one size."""
    network: nn.Module = model.network
    on_gpu = next(network.parameters()).is_cuda
    mode = "reduce-overhead" if on_gpu else "default"  # the former is CUDA graphs
    call = torch.compile(network._call_impl, mode=mode, dynamic=False)

    def compiled(*args: Any, **kwargs: Any) -> Tensor:
        """Copy what the next replay of the graph overwrites."""
        predicted: Tensor = call(*args, **kwargs)
        return predicted.clone()

    network._compiled_call_impl = compiled


def warn_of_slow_precision(precision: str, device: torch.device) -> None:
    """Warn of a precision that an x86 processor emulates, which is slower than float32."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)  # older torch has none: no warning
    there: dict[str, Any] = capabilities()
    if device.type != "cpu" or precision not in _INSTRUCTIONS:
        return
    if there.get("architecture") != "x86_64" or any(there.get(n) for n in _INSTRUCTIONS[precision]):
        return
    message = f"--precision {precision}: this processor emulates it; fp32 is much faster"
    warnings.warn(message, RuntimeWarning, stacklevel=2)
