"""The cost of a run: FLOPs and parameters of its network, time and memory of a few steps."""

import statistics
import sys
import time
from dataclasses import dataclass

import psutil
import torch

from jinc.nn import Network
from jinc.train.config import TrainConfig
from jinc.train.memory import answer_of_nothing
from jinc.train.setup import build_network
from jinc.train.trainer import Trainer


@dataclass(frozen=True)
class Cost:
    """The cost of a run on this machine.

    Args:
        parameters: of the network.
        gflop_per_image: of a forward pass, counting multiplications and additions.
        seconds_per_step: median of a few steps.
        memory_bytes: peak memory of the CUDA device, else of the process.
        steps: of the whole run.
    """

    parameters: int
    gflop_per_image: float
    seconds_per_step: float
    memory_bytes: int
    steps: int

    @property
    def hours(self) -> float:
        """Training time of the whole run, without sampling and checkpoints."""
        return self.steps * self.seconds_per_step / 3600


def forward_gflop(network: Network, image_size: tuple[int, int]) -> float:
    """Count the floating-point operations of a forward pass of one image, in 10⁹.

    They are those of convolutions, matrix products and attention; a training step takes about three
    times as many.
    """
    from torch.utils.flop_counter import FlopCounterMode  # imports Triton, where it is

    with torch.device("meta"):  # nothing is computed, and attention is matrix products there
        twin = type(network)(**network.arguments()).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        answer_of_nothing(twin, image_size, 1)
    return float(counter.get_total_flops() / 1e9)


def count_network(
    config: TrainConfig, channels: int, image_size: tuple[int, int], classes: int
) -> tuple[int, float]:
    """Count the parameters of a run's network, and the GFLOP of a forward pass of one image."""
    with torch.device("meta"):  # counted, not computed
        network = build_network(config, channels, image_size, classes)
    parameters = sum(p.numel() for p in network.parameters())
    return parameters, forward_gflop(network, image_size)


def measure(trainer: Trainer, steps: int = 5) -> Cost:
    """Measure a few steps of a fresh run, after two for warm-up; nothing is written."""
    device = trainer.device
    seconds = []
    for number in range(2 + steps):
        start = time.perf_counter()
        trainer.stepper.step(number, trainer.batches.batch(number)).tolist()
        seconds.append(time.perf_counter() - start)
    trainer.batches.close()
    cuda = device.type == "cuda"
    network = trainer.stepper.network
    height, width = trainer.image_size
    return Cost(
        parameters=sum(p.numel() for p in network.parameters()),
        gflop_per_image=forward_gflop(network, (height, width)),
        seconds_per_step=statistics.median(seconds[2:]),
        memory_bytes=torch.cuda.max_memory_allocated(device) if cuda else peak_memory(),
        steps=trainer.total,
    )


def peak_memory() -> int:
    """Return the peak memory of this process, bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # not on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # Linux counts in KiB
