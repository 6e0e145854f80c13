"""Train a small classifier of MNIST in plain PyTorch, on images that `jinc.data` reads.

    python examples/mnist_classifier.py MNIST [--out runs/classifier.safetensors]

It takes minutes on one core. The test images are looked at once, when training is over. Other
scripts ask it what a generated digit is: `load(file)(images).softmax(-1)`.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save
from torch import Tensor, nn

from jinc.data import load_images, to_float
from jinc.files import writing

BATCH = 128
LEARNING_RATE = 0.01
WEIGHT_DECAY = 0.02
TURN = math.radians(10)
SHIFT_PX = 2.0
SCALE = 0.1


class Classifier(nn.Module):
    """Five 3×3 convolutions, halved twice, then averaged over the image.

    Takes images `[B, 1, 28, 28]` in [-1, 1] and gives logits `[B, 10]`.
    """

    def __init__(self) -> None:
        """Start from random weights."""
        super().__init__()
        self.features = nn.Sequential(
            *_block(1, 16), *_block(16, 32, 2), *_block(32, 32), *_block(32, 64, 2), *_block(64, 64)
        )
        self.classes = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Give logits."""
        return self.classes(self.features(images).mean(dim=(-2, -1)))


def load(file: str | Path) -> Classifier:
    """Read a trained classifier, in evaluation mode."""
    classifier = Classifier()
    classifier.load_state_dict(load_file(file))
    return classifier.eval()


def read(path: Path, split: str) -> tuple[Tensor, Tensor]:
    """Read images `[N, 1, 28, 28]` in [-1, 1] and their labels `[N]`."""
    found = load_images(path, split=split, image_size=28, channels=1)
    return to_float(found.batch(range(len(found)))), torch.from_numpy(found.labels)


def jitter(images: Tensor) -> Tensor:
    """Turn, scale and shift each image a little, at random."""
    n = len(images)
    angle = TURN * (2 * torch.rand(n) - 1)
    scale = 1 + SCALE * (2 * torch.rand(n) - 1)
    shift = SHIFT_PX / 14 * (2 * torch.rand(n, 2, 1) - 1)  # affine_grid's unit is half an image
    cos, sin = scale * angle.cos(), scale * angle.sin()
    turn = torch.stack([cos, -sin, sin, cos], dim=-1).view(n, 2, 2)
    grid = F.affine_grid(torch.cat([turn, shift], dim=-1), images.shape, align_corners=False)
    # Beyond the edge lies 0, so black, -1, has to be 0 meanwhile.
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def train(classifier: Classifier, images: Tensor, labels: Tensor, epochs: int) -> Iterator[float]:
    """Train by AdamW under one cosine cycle, and yield the mean loss of each epoch."""
    optimiser = torch.optim.AdamW(classifier.parameters(), weight_decay=WEIGHT_DECAY, fused=True)
    per_epoch = len(images) // BATCH
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=LEARNING_RATE, total_steps=epochs * per_epoch, pct_start=0.2
    )
    for _ in range(epochs):
        classifier.train()
        total = 0.0
        for chosen in torch.randperm(len(images))[: per_epoch * BATCH].view(per_epoch, BATCH):
            with torch.autocast("cpu", torch.bfloat16):
                logits = classifier(jitter(images[chosen]))
            loss = F.cross_entropy(logits.float(), labels[chosen])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            cycle.step()
            total += loss.item()
        yield total / per_epoch


@torch.no_grad()
def accuracy(classifier: Classifier, images: Tensor, labels: Tensor) -> float:
    """Return the share of images that are classified as labelled."""
    found = torch.cat([classifier.eval()(part).argmax(-1) for part in images.split(500)])
    return (found == labels).sum().item() / len(labels)


def _block(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(after), nn.ReLU()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/classifier.safetensors"))
    parser.add_argument("--report", type=Path, default=Path("results/classifier.json"))
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    known = read(options.data, "train")
    unknown = read(options.data, "test")
    start = time.perf_counter()
    classifier = Classifier()
    for epoch, loss in enumerate(train(classifier, *known, options.epochs), start=1):
        seconds = time.perf_counter() - start
        print(f"epoch {epoch}: loss {loss:.4f}, {seconds:.0f} s", flush=True)
    with writing(options.out) as file:
        file.write(save(classifier.state_dict()))
    found = accuracy(load(options.out), *unknown)
    print(f"{found:.2%} of {len(unknown[0])} test images; weights in {options.out}")
    result = {
        "what": f"a classifier of MNIST: accuracy on its {len(unknown[0])} test images",
        "accuracy": found,
        "train_seconds": seconds,
        "parameters": sum(p.numel() for p in classifier.parameters()),
        "settings": {
            "epochs": options.epochs,
            "batch_size": BATCH,
            "optimiser": "AdamW",
            "learning_rate": LEARNING_RATE,
            "weight_decay": WEIGHT_DECAY,
            "precision": "bfloat16 autocast",
            "turn_degrees": math.degrees(TURN),
            "shift_px": SHIFT_PX,
            "scale": SCALE,
            "seed": options.seed,
        },
        "machine": f"{platform.processor() or platform.machine()}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
    }
    with writing(options.report) as file:
        file.write((json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
