"""Are samples of a run on the bundled digits recognisable? A classifier of real ones decides.

    python studies/digits.py RUN [--number 256] [--out results/digits.json]

The samples use DDIM in 50 steps with η = 1 and 0, with and without calibration of the noise
amplitude. The classifier, a perceptron with one hidden layer, is fitted to 80 % of the real digits
at the size of the run and tested on the rest.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from jinc.data import ImageSet, load_images, to_uint8
from jinc.models import SamplingPlan, generate_images, images_of
from jinc.train import Run

SURE = 0.9


def generate(run: Run, number: int, eta: float, calibrated: bool) -> NDArray[np.float64]:
    """Generate images with DDIM in 50 steps, as `jinc sample`: `[number, pixels]` in [0, 1]."""
    model = run.model()
    plan = SamplingPlan(
        number=number, prompts=model.class_names, calibrate=calibrated, eta=eta, steps=50
    )
    images = images_of(generate_images(model, plan))
    return to_uint8(images).flatten(1).numpy() / 255


def fit(digits: ImageSet) -> tuple[MLPClassifier, float, float]:
    """Return a classifier, its held-out accuracy, and the held-out share it is sure of."""
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
    parser.add_argument("--out", type=Path, default=Path("results/digits.json"))
    options = parser.parse_args()

    run = Run.open(options.run)
    digits = load_images("digits", image_size=run.config.image_size)
    classifier, accuracy, sure_of_real = fit(digits)
    samples = {}
    for eta in (1.0, 0.0):
        for calibrated in (True, False):
            images = generate(run, options.number, eta, calibrated)
            probabilities = classifier.predict_proba(images)
            samples[f"eta {eta:g}{'' if calibrated else ', not calibrated'}"] = {
                "sure": float((probabilities.max(axis=1) >= SURE).mean()),
                "per_class": np.bincount(probabilities.argmax(axis=1), minlength=10).tolist(),
            }
    result = {
        "what": f"{options.number} samples of a run on the bundled digits, classified",
        "classifier_accuracy_held_out": accuracy,
        "sure_of_real_held_out": sure_of_real,
        "sure_means_probability": SURE,
        "samples": samples,
        "steps_trained": run.read_log()[-1]["step"],
    }
    print(json.dumps(result, indent=2))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
