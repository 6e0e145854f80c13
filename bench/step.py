"""Time a training step and sampling: configurations side by side, with the naive reference.

    python bench/step.py [--rounds 11] [--quick] [--out results/bench-step.json]

Batch 16 of 3×32×32, a network of width 32 (5.9 M parameters, R 2.9 M), forward, backward and AdamW.
`naive` is the same network with zero-stuffing and dense filters; `circular` and `reflect` are
paddings, the others have zeros. Two networks of diffusers, of 5.0 and 6.1 million parameters, are
trained in the same way. Memory is the peak of a step beyond weights and optimiser.
"""

import statistics
from unittest import mock

import torch
import torch.nn.functional as F
from memory import peak_bytes
from tables import Table, main
from timing import Call, Size, Times, side_by_side
from torch import Tensor, nn

from jinc.nn import UNet
from jinc.nn.blocks import EMBEDDING
from jinc.nn.network import sinusoidal_embedding
from jinc.signal import reference
from jinc.signal.padding import PADDINGS

NETWORKS = (
    *("A", "D-2N", "B@6", "D@6", "D@12", "R@6", "R@12", "D@ideal"),
    *(f"{name} {padding}" for padding in ("circular", "reflect") for name in ("A", "D@12", "R@12")),
    *("diffusers, 1 layer a block", "diffusers, 2 layers a block"),
    "D@12 naive",  # last: it uses far more memory than the others
)
COMPARED = ("A", "D@6", "D@12")
"""In memory and sampling."""


class Diffusers(nn.Module):
    """A `UNet2DModel` with some layers a block, and attention at the second level."""

    def __init__(self, layers: int, size: Size) -> None:
        super().__init__()
        from diffusers import UNet2DModel  # heavy

        widths = (3, 6, 8, 8) if layers == 1 else (3, 6, 7, 7)
        self.unet = UNet2DModel(
            sample_size=size.side,
            block_out_channels=tuple(size.width // 2 * each for each in widths),
            down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
            layers_per_block=layers,
            norm_num_groups=size.width // 2,
        )

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Predict the noise of images."""
        predicted: Tensor = self.unet(x_t, t).sample
        return predicted


def network_of(name: str, size: Size) -> nn.Module:
    """Make a network by its name."""
    torch.manual_seed(0)
    if name.startswith("diffusers"):
        return Diffusers(1 if "1 layer" in name else 2, size)
    config, _, kind = name.partition(" ")
    return UNet(config, width=size.width, padding=kind if kind in PADDINGS else "zeros")


def forward_and_backward(network: nn.Module, size: Size) -> Call:
    """Return a call that computes the gradients of the loss of a batch."""
    x_t, eps = torch.randn(2, size.batch, 3, size.side, size.side).unbind()
    t = torch.randint(1000, (size.batch,))
    return lambda: (network(x_t, t) - eps).square().mean().backward()


def training_step(network: nn.Module, size: Size) -> Call:
    """Return a call of one training step."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-4, fused=True)
    gradients = forward_and_backward(network, size)

    def step() -> None:
        optimiser.zero_grad()
        gradients()
        optimiser.step()

    return step


def naive(call: Call) -> Call:
    """Replace the fast resamplers of a call by the slow references."""
    names = ("upsample", "downsample", "filtered_activation")
    return mock.patch.multiple(
        "jinc.nn.layers", **{name: getattr(reference, name) for name in names}
    )(lambda: call())


def sampling_step(network: nn.Module, size: Size) -> Call:
    """Return a call that predicts the noise of four times as many images, without gradients."""
    network.eval()
    x_t = torch.randn(4 * size.batch, 3, size.side, size.side)
    return torch.no_grad()(lambda: network(x_t, torch.full((len(x_t),), 500)))


def embedding_step(network: UNet, size: Size) -> Call:
    """Return a call that embeds t for a sampling step, and does nothing else."""
    t = torch.full((4 * size.batch,), 500)
    linear = [block.embed for block in (*network.downs, *network.ups)]

    def embed() -> None:
        activated = F.silu(sinusoidal_embedding(t, EMBEDDING))
        for layer in linear:
            layer(activated)

    return torch.no_grad()(embed)


def measure(size: Size) -> list[Table]:
    """Time every network and sampling, and measure memory."""
    networks = {name: network_of(name, size) for name in NETWORKS}
    calls = {name: training_step(network, size) for name, network in networks.items()}
    calls |= {name: naive(call) for name, call in calls.items() if name.endswith("naive")}
    compared = [name for name in COMPARED if name in networks]
    sampling = {
        f"{name} sampling": sampling_step(network_of(name, size), size) for name in compared
    }
    sampling["embedding of t"] = embedding_step(UNet("A", width=size.width), size)
    times = side_by_side(calls | sampling, size.rounds, seconds=size.seconds)
    peaks = {name: peak_of(calls[name]) for name in compared}
    images = f"3×{size.side}×{size.side}"
    return [
        Table(
            f"Training step, batch {size.batch}, {images}, width {size.width}",
            {name: training_row(name, network, times) for name, network in networks.items()},
            f"Medians of {times.rounds} rounds.",
        ),
        Table(
            f"Sampling: one step for {4 * size.batch} images {images}",
            {
                step.removesuffix(" sampling"): {
                    "s": times.median(step),
                    "over A": times.ratio(step, "A sampling"),
                }
                for step in sampling
            },
        ),
        Table(
            "Peak memory of a training step",
            {
                name: {"MiB": peak / 2**20, "over A": peak / peaks["A"]}
                for name, peak in peaks.items()
            },
            "Beyond weights and the state of the optimiser.",
        ),
    ]


def peak_of(step: Call) -> float:
    """Return the median of the peak memory of three steps, in bytes."""
    return statistics.median(peak_bytes(step, torch.device("cpu")) for _ in range(3))


def training_row(name: str, network: nn.Module, times: Times) -> dict[str, float]:
    """Return the figures of a network."""
    row = {
        "M parameters": sum(p.numel() for p in network.parameters()) / 1e6,
        "s": times.median(name),
        "over A": times.ratio(name, "A"),
        "D@12 over it": times.ratio("D@12", name),
    }
    plain, _, kind = name.partition(" ")
    return row | ({"over zeros": times.ratio(name, plain)} if kind in PADDINGS else {})


if __name__ == "__main__":
    main(__doc__, measure, "step")
