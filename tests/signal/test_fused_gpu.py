"""The kernels for GPUs against the slow form: on a GPU, or without one in Triton's interpreter."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from jinc.signal import design_jinc, fused, reference
from jinc.signal.fused import gpu
from jinc.signal.padding import PADDINGS

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Interpreters of older ones do not know NumPy 2.4.
pytest.importorskip("triton", minversion="3.6" if DEVICE == "cuda" else "3.9")
SIGMA = fused.ACTIVATIONS
TOLERANCES = {torch.float32: 3e-6, torch.float16: 6e-3, torch.bfloat16: 5e-2}
if DEVICE == "cpu":
    TOLERANCES[torch.float64] = 1e-12


@pytest.fixture(autouse=True)
def _interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filter fewer maps at once, and multiply bfloat16, whose bits the interpreter multiplies."""
    if DEVICE == "cuda":
        return
    interpreter = pytest.importorskip("triton.runtime.interpreter")
    builder = interpreter.InterpreterBuilder
    dot = builder.create_dot

    def widened(handle: Any) -> Any:
        if handle.dtype.scalar.name != "bf16":
            return handle
        wide = (handle.data.astype(np.uint32) << 16).view(np.float32)
        return interpreter.TensorHandle(wide, interpreter.tl.float32)

    def create_dot(self: Any, a: Any, b: Any, *rest: Any) -> Any:
        return dot(self, widened(a), widened(b), *rest)

    monkeypatch.setattr(builder, "create_dot", create_dot)
    monkeypatch.setattr(gpu, "MAPS", 16)
    monkeypatch.setattr(gpu, "LEAST_ROWS", 4)


def images(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return (2 * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(DEVICE, dtype)


def agree(x: Tensor, taps: int, padding: str, activation: str = "gelu") -> None:
    """Check output and gradient of the activation, and both resamplers."""
    down, up = design_jinc(taps, 0.25).to(DEVICE), 4 * design_jinc(taps, 0.2).to(DEVICE)
    if x.dtype != torch.float64:
        down, up = down.float(), up.float()
    atol = TOLERANCES[x.dtype]
    g = torch.cos(torch.arange(x.numel())).reshape(x.shape).to(x)
    slow_x = x.double().contiguous().requires_grad_()
    slow = reference.filtered_activation(
        slow_x,
        down.double(),
        SIGMA[activation],
        kappa=0.3,
        gain=1.0,
        padding=padding,
        kernel_up=up.double(),
    )
    slow.backward(g.double())
    settings = (up, down, activation, 0.3, padding)
    fast = gpu.filtered_activation(x, None, *settings)
    assert fast.stride() == x.stride()
    torch.testing.assert_close(fast.double(), slow.detach(), rtol=0, atol=atol)
    gradient = gpu.filtered_activation(x, g, *settings)
    torch.testing.assert_close(gradient.double(), slow_x.grad, rtol=0, atol=atol)
    u = gpu.upsample(x, up, padding)
    slow_u = reference.upsample(x.double(), up.double(), gain=1.0, padding=padding)
    torch.testing.assert_close(u.double(), slow_u, rtol=0, atol=atol)
    slow_d = reference.downsample(u.double(), down.double(), padding=padding)
    d = gpu.downsample(u, down, padding)
    torch.testing.assert_close(d.double(), slow_d, rtol=0, atol=atol)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("taps", [2, 4, 6, pytest.param(12, marks=pytest.mark.slow)])
def test_fused_equals_slow(taps, padding) -> None:
    """Also where maps are smaller than the taps."""
    agree(images(1, 2, 3, 5, dtype=list(TOLERANCES)[-1]), taps, padding)


@pytest.mark.slow
@pytest.mark.parametrize("padding", PADDINGS)
def test_maps_wider_than_a_program_equal_slow(padding) -> None:
    agree(images(2, 9, 6, 35, dtype=torch.float16), 8, padding)
    agree(images(1, 1, 2, 18, dtype=torch.float32), 8, padding)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("activation", SIGMA)
def test_every_nonlinearity_and_type(activation, dtype) -> None:
    x = images(1, 3, 5, 4, dtype=dtype)
    agree(x.to(memory_format=torch.channels_last), 6, "circular", activation)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [80, 90, 100])
def test_kernels_spill_nothing(architecture, tmp_path) -> None:
    """Compiled in a process of its own, where Triton does not interpret."""
    out = tmp_path / "registers.json"
    script = Path(__file__).parents[2] / "bench" / "registers.py"
    given = [f"--architectures={architecture}", "--types=bfloat16", "--taps=6", f"--out={out}"]
    subprocess.run([sys.executable, "-W", "ignore", script, *given], check=True)
    kernels = json.loads(out.read_text())["kernels"].values()
    assert len(kernels) == 2
    for use in kernels:
        assert use["spilled_bytes"] == 0
        assert use["shared_bytes"] <= 100 * 1024  # two programs a multiprocessor
        assert architecture == 80 or use["moves_of_16_bytes"] == use["moves"]


@pytest.mark.parametrize("padding", PADDINGS)
def test_gradients_are_the_derivatives(padding) -> None:
    if DEVICE == "cuda":
        pytest.skip("the kernels have no float64")
    down = design_jinc(4, 0.25)
    settings = (4 * down, down, "gelu_tanh", 0.5, padding)

    class Filtered(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return gpu.filtered_activation(x, None, *settings)

        @staticmethod
        def backward(ctx, g):
            return gpu.filtered_activation(*ctx.saved_tensors, g, *settings)

    x = images(1, 1, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(Filtered.apply, x, fast_mode=True)
