"""Compile the kernels for GPUs that need not be there, and count what they use.

    python bench/registers.py [--architectures 80 90 100] [--types bfloat16 float32] [--taps 6 12]
                              [--out results/gpu/registers.json]

A filtered GELU of 64 channels of 32×32 for every architecture, type, number of taps and direction:
registers and bytes of spills a thread, shared memory of a program; of the loop, which filters a row
of 64 maps, the operations of a thread and how many moves from and to global memory are of 16 bytes.
"""

import argparse
import itertools
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.pop("TRITON_INTERPRET", None)

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from jinc.files import write_json
from jinc.signal.fused import gpu

TOOLS = Path(triton.__file__).parent / "backends/nvidia/bin"
SHAPE = (2, 64, 32, 32)
JUMP = re.compile(r"BRA\S* .*?\((\.L_x_\d+)\)")
OPERATION = re.compile(r"\*/ +(?:@!?U?P\w+ )?([A-Z][A-Z0-9.]+)")


class Absent:
    """A GPU of an architecture, as far as Triton's compiler asks for one."""

    def __init__(self, architecture: int) -> None:
        self.target = GPUTarget("cuda", architecture, 32)

    def get_current_device(self) -> int:
        """The first one."""
        return 0

    def get_current_stream(self, device: int) -> int:
        """The default one."""
        return 0

    def get_current_target(self) -> GPUTarget:
        """The architecture."""
        return self.target


def compiled(architecture: int, dtype: torch.dtype, taps: int, backward: bool) -> Any:
    """Compile a filtered GELU as a launch would on a GPU of an architecture."""
    driver.set_active(Absent(architecture))
    x, weights = torch.empty(SHAPE, dtype=dtype), torch.empty(taps, taps)
    with mock.patch.object(gpu, "architecture", return_value=architecture // 10):
        _, sizes, settings = gpu.plan(x.shape, x, weights, "zeros")
    kernel = gpu.kernels().filtered_activation
    kernel.device_caches.clear()
    return kernel.warmup(
        *(x, x, x, weights, weights, 0.5, *sizes, *[x.stride()] * 3),
        grid=(1,),
        ACTIVATION="gelu",
        BACKWARD=backward,
        FAST=dtype != torch.float32,
        **settings,
    )


def run(tool: str, cubin: bytes, *options: str) -> str:
    """Run a tool of CUDA, which Triton brings, on a compiled kernel."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [str(TOOLS / tool), *options, file.name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def use(kernel: Any) -> dict[str, float]:
    """Count what a compiled kernel uses, and the operations of its loop, a thread's."""
    resources = run("cuobjdump", kernel.asm["cubin"], "--dump-resource-usage")
    code = run("nvdisasm", kernel.asm["cubin"], "-c")
    backward = ((code.find(f"\n{jump[1]}:"), jump.start()) for jump in JUMP.finditer(code))
    start, end = max(
        ((a, b) for a, b in backward if 0 <= a < b), key=lambda span: span[1] - span[0]
    )
    loop = OPERATION.findall(code[start:end])
    moves = [each for each in loop if each.startswith(("LDG.", "LDGSTS", "STG"))]
    return {
        "registers": number("REG", resources),
        "spilled_bytes": number("STACK", resources),
        "shared_bytes": kernel.metadata.shared,
        "operations": len(loop),
        "products": sum("MMA" in each for each in loop),
        "special_functions": sum(each.startswith("MUFU") for each in loop),
        "moves": len(moves),
        "moves_of_16_bytes": sum(".128" in each for each in moves),
    }


def number(name: str, text: str) -> int:
    """Return the number after a name and a colon."""
    return int(text.split(f"{name}:")[1].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/gpu/registers.json"))
    parser.add_argument("--architectures", nargs="+", type=int, default=[80, 90, 100])
    parser.add_argument("--types", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument("--taps", nargs="+", type=int, default=[6, 12])
    options = parser.parse_args()
    rows = {}
    cases = (options.architectures, options.types, options.taps, ("forward", "backward"))
    for architecture, dtype, taps, way in itertools.product(*cases):
        kernel = compiled(architecture, getattr(torch, dtype), taps, way == "backward")
        name = f"sm_{architecture}, {dtype}, {taps} taps, {way}"
        rows[name] = use(kernel)
        print(name, rows[name], flush=True)
    result = {"shape": SHAPE, "triton": triton.__version__, "kernels": rows}
    write_json(options.out, result)


if __name__ == "__main__":
    main()
