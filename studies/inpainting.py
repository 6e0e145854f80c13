"""Do the halves of an inpainted digit fit together? An MNIST classifier decides.

    python examples/mnist_classifier.py MNIST                         # once, trains the classifier
    python studies/inpainting.py runs/mnist-class runs/classifier.safetensors MNIST
        [--number 96] [--out results/inpainting.json]

The upper or lower half of real test digits is inpainted without a prompt, by plain replacement and
by RePaint. The script reports how often the result is recognised as the original digit, and how
often it is recognised as any digit with high probability, which fails for halves that do not fit. A
half does not determine the digit, so the first share need not reach 100 %.
"""

import argparse
import json
import platform
import runpy
import time
from pathlib import Path

import torch
from class_agreement import EXAMPLE, SURE, judge
from torch import Tensor, nn

from jinc.data import load_images, to_float
from jinc.diffusion import from_noise, repaint_levels, timesteps
from jinc.files import writing
from jinc.models import SamplingPlan, edit_images, images_of, open_model

WAYS = {"replaced": 1, "RePaint, 5 times": 5, "RePaint, 10 times": 10}
"""How often RePaint samples every stretch of ten steps."""


def masks_for(number: int, size: tuple[int, int]) -> Tensor:
    """Return masks of the lower half for even images, and of the upper half for odd ones."""
    masks = torch.zeros(number, 1, *size)
    masks[0::2, :, size[0] // 2 :] = 1
    masks[1::2, :, : size[0] // 2] = 1
    return masks


def shares(images: Tensor, labels: Tensor, classifier: nn.Module) -> dict[str, float]:
    """Return the shares recognised as the original digit, and as any digit with p ≥ SURE."""
    best, found = judge(classifier, images).max(-1)
    facts = {"recognised": found == labels, "sure": best >= SURE}
    return {name: those.double().mean().item() for name, those in facts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--number", type=int, default=96)
    parser.add_argument("--out", type=Path, default=Path("results/inpainting.json"))
    options = parser.parse_args()
    model = open_model(options.run)
    classifier = runpy.run_path(str(EXAMPLE))["load"](options.classifier)
    real = load_images(options.mnist, split="test")
    photos = to_float(real.batch(range(options.number)))
    labels = torch.from_numpy(real.labels[: options.number])
    masks = masks_for(options.number, model.image_size)
    found = {
        "real digits": shares(photos, labels, classifier),
        "their halves alone": shares(photos * (1 - masks) - masks, labels, classifier),
    }
    for words, times in WAYS.items():
        since = time.process_time()
        levels = repaint_levels(timesteps(model.timesteps, 50), 10, times)
        walks = edit_images(
            model,
            photos,
            SamplingPlan(number=options.number, eta=1.0),
            start=from_noise(levels),
            masks=masks,
        )
        found[words] = shares(images_of(walks), labels, classifier)
        found[words] |= {"moves": len(levels), "cpu_seconds": time.process_time() - since}
        print(words, found[words], flush=True)
    result = {
        "what": f"{options.number} test digits of MNIST with one half inpainted without a prompt: "
        "shares recognised by a classifier as the original digit, and surely as any digit",
        "sure_means_probability": SURE,
        "sampling": "DDIM, 50 levels, η = 1; RePaint repeats every stretch of 10 levels",
        "found": found,
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    with writing(options.out) as file:
        file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
