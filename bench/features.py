"""Time ResNet-20 features of CIFAR-10's 10,000 test images, and the scores computed from them.

    python bench/features.py CIFAR10 RESNET20 [--threads 2] [--out results/bench-features.json]

CIFAR10 is the folder of the batches, pickled or binary; RESNET20 the weight file
resnet20-12fca82f.th. The script also reports the accuracy. The scores compare the first half of the
images with the second, two samples of 5,000 images from the same distribution.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from machine import machine

from jinc.data import load_images
from jinc.files import writing
from jinc.metrics import features_of, open_cifar_resnet, score
from jinc.models import keep_freed_memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/bench-features.json"))
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    keep_freed_memory()
    images = load_images(options.data, split="test")
    extractor = open_cifar_resnet(options.weights)
    start, start_cpu = time.perf_counter(), time.process_time()
    features = features_of(images, extractor)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    right = features.logits.argmax(1).numpy() == images.labels
    print(f"{len(images)} images in {seconds:.1f} s ({cpu_seconds:.1f} s of CPU time)")
    print(f"accuracy {right.mean():.2%}")
    halves = [images.subset(range(first, first + 5000)) for first in (0, 5000)]
    first, second = (features_of(half, extractor) for half in halves)
    start = time.perf_counter()
    scores = score(first, second)
    score_seconds = time.perf_counter() - start
    for each in scores.scores.values():
        print(f"{each.name}: {each.value:.4f} ± {each.error:.4f}")
    print(f"all scores in {score_seconds:.1f} s")
    result = {
        "what": "ResNet-20 features of CIFAR-10's 10,000 test images, float32; scores of halves",
        "seconds": seconds,
        "processor_seconds": cpu_seconds,
        "accuracy": float(right.mean()),
        "score_seconds": score_seconds,
        "scores": scores.facts(),
        "machine": machine(),
    }
    with writing(options.out) as file:
        file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
