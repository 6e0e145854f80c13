"""Train a small MNIST classifier with the recipe of `jinc features train mnist`.

    python examples/mnist_classifier.py MNIST [--out runs/classifier.safetensors]

It takes minutes on one core and writes only the weights; `jinc features train` writes a folder with
a manifest instead. The test images are used once, after training. Other scripts classify generated
digits with it: `load(file)(images).softmax(-1)`.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import torch
from safetensors.torch import save

from jinc.files import writing
from jinc.metrics import (
    RECIPES,
    DigitClassifier,
    digit_accuracy,
    read_digit_classifier,
    read_digits_of,
    train_digits,
)


def load(file: str | Path) -> DigitClassifier:
    """Read a trained classifier, in evaluation mode."""
    classifier, _, _ = read_digit_classifier(file)
    return classifier


def report(step: int, loss: float) -> None:
    """Print the progress."""
    print(f"step {step}: loss {loss:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/classifier.safetensors"))
    parser.add_argument("--report", type=Path, default=Path("results/classifier.json"))
    options = parser.parse_args()

    known = read_digits_of("mnist", options.data, "train")
    unknown = read_digits_of("mnist", options.data, "test")
    start = time.perf_counter()
    classifier = train_digits("mnist", *known, options.seed, progress=report)
    seconds = time.perf_counter() - start
    with writing(options.out) as file:
        file.write(save(classifier.state_dict()))
    found = digit_accuracy(load(options.out), *unknown)
    print(f"{found:.2%} of {len(unknown[0])} test images; weights in {options.out}")
    result = {
        "what": f"an MNIST classifier: accuracy on its {len(unknown[0])} test images",
        "accuracy": found,
        "train_seconds": seconds,
        "parameters": sum(p.numel() for p in classifier.parameters()),
        "settings": RECIPES["mnist"].facts() | {"seed": options.seed},
        "machine": f"{platform.processor() or platform.machine()}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
    }
    with writing(options.report) as file:
        file.write((json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
