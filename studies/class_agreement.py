"""Does a class-conditional run generate the requested digit? An MNIST classifier decides.

    python examples/mnist_classifier.py MNIST                         # once, trains the classifier
    python studies/class_agreement.py RUN runs/classifier.safetensors
        [--number 1000] [--guidance 0 5 10] [--mnist MNIST] [--out results/class-agreement.json]

Labels are assigned in turn, and every guidance scale γ starts from the same noise: 0 ignores the
label, 1 is plain conditional sampling. With --mnist the classifier also evaluates real test images,
resized to the size of the run, to separate the effect of the size from that of the run.
The run must be trained on MNIST: the bundled digits fill their frame, and the classifier, which
expects a margin, recognises only one in ten of the real ones.
"""

import argparse
import json
import platform
import runpy
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.data import load_images, to_float
from jinc.errors import JincError
from jinc.files import writing
from jinc.models import Model, SamplingPlan, generate_images, images_of
from jinc.train import Run

CLASSES = 10
SURE = 0.9
EXAMPLE = Path(__file__).parents[1] / "examples" / "mnist_classifier.py"


def generate(model: Model, number: int, guidance: float, steps: int, eta: float) -> Tensor:
    """Generate images of the ten classes in turn, `[number, C, H, W]`."""
    plan = SamplingPlan(
        number=number, prompts=model.class_names, guidance=guidance, eta=eta, steps=steps
    )
    return images_of(generate_images(model, plan))


@torch.no_grad()
def judge(classifier: nn.Module, images: Tensor) -> Tensor:
    """Return class probabilities `[N, 10]` of images in [-1, 1] of any size."""
    grey = images.mean(dim=1, keepdim=True).clamp(-1, 1)
    fitted = F.interpolate(grey, (28, 28), mode="bilinear", antialias=True, align_corners=False)
    return torch.cat([classifier(part).softmax(-1) for part in fitted.split(500)])


def agreement(probabilities: Tensor, asked: Tensor) -> dict[str, Any]:
    """Compare with the requested classes.

    Args:
        probabilities: `[N, 10]`.
        asked: requested classes, `[N]`.

    Returns:
        `agrees`, the share of images classified as requested, in all and per class; `sure`, the
        share with any class of probability ≥ SURE; and `sure_and_agrees`, the share with both.
    """
    best, found = probabilities.max(dim=-1)
    right, sure = found == asked, best >= SURE
    return {
        "images": len(asked),
        "agrees": _share(right),
        "sure": _share(sure),
        "sure_and_agrees": _share(right & sure),
        "agrees_per_class": [_share(right[asked == label]) for label in range(CLASSES)],
        "sure_per_class": [_share(sure[asked == label]) for label in range(CLASSES)],
        "taken_for": torch.bincount(found, minlength=CLASSES).tolist(),
    }


def judge_run(model: Model, classifier: nn.Module, options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate samples of a run at every γ."""
    asked = torch.arange(options.number) % CLASSES
    judged = {}
    for guidance in options.guidance:
        since = time.perf_counter()
        images = generate(model, options.number, guidance, options.steps, options.eta)
        seconds = time.perf_counter() - since
        result = agreement(judge(classifier, images), asked)
        judged[f"{guidance:g}"] = result | {"seconds": seconds}
        print(f"guidance {guidance:g}: {_words(result)}, {seconds:.0f} s", flush=True)
    return judged


def judge_real(source: Path, model: Model, classifier: nn.Module) -> dict[str, Any]:
    """Evaluate the real test images at the size of the run."""
    real = load_images(source, split="test", image_size=model.image_size[0], channels=1)
    images = to_float(real.batch(range(len(real))))
    result = agreement(judge(classifier, images), torch.from_numpy(real.labels))
    print(f"real test images: {_words(result)}")
    return result


def _share(those: Tensor) -> float | None:
    return those.sum().item() / len(those) if len(those) else None


def _words(result: dict[str, Any]) -> str:
    return f"{result['agrees']:.1%} as requested, {result['sure']:.1%} with p ≥ {SURE:g}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--guidance", type=float, nargs="+", default=[0.0, 5.0, 10.0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--eta", type=float, default=1.0)
    parser.add_argument("--mnist", type=Path, help="evaluate its test images too")
    parser.add_argument("--out", type=Path, default=Path("results/class-agreement.json"))
    return parser.parse_args()


def main() -> None:
    options = _options()
    run = Run.open(options.run)
    model = run.model()
    if len(model.class_names) != CLASSES:
        raise JincError(f"{options.run}: has {len(model.class_names)} classes, not the ten digits")
    classifier = runpy.run_path(str(EXAMPLE))["load"](options.classifier)
    real = judge_real(options.mnist, model, classifier) if options.mnist else None
    result = {
        "what": f"{options.number} samples for each guidance scale γ, labels in turn: how often an "
        "MNIST classifier finds the requested digit",
        "sure_means_probability": SURE,
        "sampling": f"DDIM, {options.steps} steps, η = {options.eta:g}",
        "guidance": judge_run(model, classifier, options),
        "real_test_images": real,
        "steps_trained": run.read_log()[-1]["step"],
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    with writing(options.out) as file:
        file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
