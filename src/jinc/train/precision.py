"""The numbers that a network is worked out in, and whether the processor is made for them."""

import warnings
from typing import Any

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

_INSTRUCTIONS = {"bf16": ("avx512_bf16", "amx_bf16"), "fp16": ("avx512_fp16", "amx_fp16")}
"""Of x86 processors, any of which makes a precision fast."""


def warn_of_slow_precision(precision: str, device: torch.device) -> None:
    """Warn of a precision that an x86 processor only imitates, which is slower than float32."""
    tell = getattr(torch.cpu, "get_capabilities", dict)  # older torch has none, and is believed
    there: dict[str, Any] = tell()
    if device.type != "cpu" or precision not in _INSTRUCTIONS:
        return
    if there.get("architecture") != "x86_64" or any(there.get(n) for n in _INSTRUCTIONS[precision]):
        return
    message = f"--precision {precision}: this processor only imitates it; fp32 is much faster"
    warnings.warn(message, RuntimeWarning, stacklevel=2)
