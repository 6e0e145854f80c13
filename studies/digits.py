"""Are the samples of a run on the bundled digits digits? A classifier of real ones judges.

    python studies/digits.py RUN [--number 256] [--eta 1] [--out results/digits.json]

The classifier, a perceptron with one hidden layer, is fitted on 80 % of the real digits at the size
of the run, and tested on the rest.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from jinc.data import ImageSet, load_images, to_uint8
from jinc.diffusion import ddim
from jinc.models import generate_images
from jinc.train import Run

SURE = 0.9


def generate(run: Run, number: int, eta: float) -> NDArray[np.float64]:
    """Generate images by DDIM in 50 steps, as `jinc sample` does: `[number, pixels]` in [0, 1]."""
    model = run.model()
    labels = range(len(model.class_names)) or None
    walks = generate_images(model, number, method=ddim(eta), steps=50, seed=0, labels=labels)
    images = torch.cat([step.x_t for _, step in walks if step.t == -1])
    return to_uint8(images).flatten(1).numpy() / 255


def fit(digits: ImageSet) -> tuple[MLPClassifier, float, float]:
    """Return a classifier, its held-out accuracy, and how often it is sure of a held-out digit."""
    pixels = digits.images.reshape(len(digits), -1) / 255
    known, unknown, labels, answers = train_test_split(
        pixels, digits.labels, test_size=0.2, random_state=0, stratify=digits.labels
    )
    classifier = MLPClassifier((128,), max_iter=400, random_state=0).fit(known, labels)
    sure = (classifier.predict_proba(unknown).max(axis=1) >= SURE).mean()
    return classifier, float(classifier.score(unknown, answers)), float(sure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--number", type=int, default=256)
    parser.add_argument("--eta", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("results/digits.json"))
    options = parser.parse_args()

    run = Run.open(options.run)
    digits = load_images("digits", image_size=run.config.image_size)
    classifier, accuracy, sure_of_real = fit(digits)
    probabilities = classifier.predict_proba(generate(run, options.number, options.eta))
    counts = np.bincount(probabilities.argmax(axis=1), minlength=10)
    result = {
        "what": f"{options.number} samples of a run on the bundled digits, judged by a classifier",
        "classifier_accuracy_held_out": accuracy,
        "sure_of_real_held_out": sure_of_real,
        "sure_of_samples": float((probabilities.max(axis=1) >= SURE).mean()),
        "sure_means_probability": SURE,
        "eta": options.eta,
        "samples_per_class": counts.tolist(),
        "steps_trained": run.read_log()[-1]["step"],
    }
    print(json.dumps(result, indent=2))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
