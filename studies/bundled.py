"""Make a bundled model of a trained run: weights in float16, scores, a picture and a card.

    python studies/bundled.py digits runs/digits --real digits
    python studies/bundled.py mnist runs/mnist --real MNIST --split test
        --features results/paper-small/judges/mnist [--published runs/mnist-published]
    python studies/bundled.py faces-sr runs/faces-sr --real runs/faces-split

The commands that train the runs are in `studies/bundled/cards.yaml`. Samples are those of
`jinc sample`, in turn of each class. The classifier of --features has seen none of them: it says
how often an image shows the class that was asked for, and its features give the Fréchet distance to
the real images. Digits of 16×16 are judged by a perceptron that is trained first, in seconds.
--published scores a run of the same size with a published configuration in the same way. An
upscaler is measured on the test split.

The same run gives the same bytes on machines of one kind.
"""

import argparse
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from digits import fit
from model_card import Metric, card_of, encoded, write
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn
from upscaling import judged, unseen

from jinc.data import ImageSet, contact_sheet, image_grid, load_images, to_float, to_uint8
from jinc.documents import read_yaml
from jinc.errors import JincError
from jinc.metrics import Extractor, Features, features_of, open_extractor, score
from jinc.models import (
    Model,
    SamplingPlan,
    Upscaler,
    generate_images,
    images_of,
    load,
    upscale_images,
)
from jinc.signal import bicubic, block_mean, repeat_pixels
from jinc.train import Run

ROOT = Path(__file__).parents[1]
CARDS = ROOT / "studies" / "bundled" / "cards.yaml"
ROWS, COLUMNS = 6, 10
GUIDANCE = 3.0
"""A second scale at which the class is checked."""
FACES = 6
SAME = 45.0
"""Least PSNR, dB, of samples with weights in float16 against float32."""


class Perceptron(nn.Module):
    """A perceptron of scikit-learn as a feature network: its hidden layer, and logits."""

    def __init__(self, fitted: MLPClassifier) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*w.shape) for w in fitted.coefs_)
        for layer, w, b in zip(self.layers, fitted.coefs_, fitted.intercepts_, strict=True):
            layer.load_state_dict({"weight": torch.tensor(w.T), "bias": torch.tensor(b)})

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits of images in [0, 1]."""
        hidden, classes = self.layers
        features = hidden(images.flatten(1)).relu()
        return features, classes(features)


def open_judge(features: str | None, real: ImageSet) -> Extractor:
    """Open the classifier; without one, fit a perceptron to the real digits."""
    if features is not None:
        return open_extractor(features)
    network = Perceptron(fit(real)[0])
    return Extractor("perceptron", network, real.channels, None, "none", low=0.0)


def with_half_weights(model: Any) -> Any:
    """Return a model whose weights are rounded to float16, as they are stored."""
    rounded = deepcopy(model.network)
    rounded.load_state_dict({name: _rounded(w) for name, w in model.network.state_dict().items()})
    return replace(model, network=rounded)


def _rounded(weight: Tensor) -> Tensor:
    return weight.half().to(weight.dtype) if weight.is_floating_point() else weight


def sampled(model: Model, number: int, guidance: float = 1.0) -> Tensor:
    """Generate images as `jinc sample`, `[number, C, H, W]`."""
    plan = SamplingPlan(number=number, prompts=model.class_names, guidance=guidance)
    return images_of(generate_images(model, plan))


def enlarged(model: Upscaler, low: Tensor) -> Tensor:
    """Enlarge images as `jinc upscale`."""
    steps = upscale_images(model, low, SamplingPlan(), agree=True)
    return torch.cat([step.x_t.cpu() for step in steps if step.t == -1])


def metric(kind: str, name: str, value: float, error: float) -> Metric:
    """Return a score as the Hub writes it; the standard error is among its arguments."""
    rounded = float(f"{value:.4g}"), float(f"{error:.2g}")
    args = {"standard_error": rounded[1]}
    return {"type": kind, "name": name, "value": rounded[0], "args": args}


def share(name: str, features: Features, classes: Tensor) -> Metric:
    """Return how often a classifier finds the classes `[n]`."""
    assert features.logits is not None
    right, n = int((features.logits.argmax(1) == classes).sum()), len(classes)
    centre = (right + 2) / (n + 4)  # Agresti and Coull: an error above 0 where all are right
    return metric("accuracy", name, right / n, (centre * (1 - centre) / n) ** 0.5)


def judged_samples(model: Model, real: Features, judge: Extractor, number: int) -> list[Metric]:
    """Score samples: the class that was asked for, and the Fréchet distance."""
    found, asked = [], torch.arange(number) % len(model.class_names)
    for guidance in (1.0, GUIDANCE) if model.guidable else (1.0,):
        features = features_of([sampled(model, number, guidance)], judge)
        name = f"class as asked for, by {judge.name}" + f", guidance {guidance:g}" * (guidance != 1)
        found.append(share(name, features, asked))
        if guidance == 1:
            distance = score(real, features, ["frechet"]).scores["frechet"]
            found.append(metric("frechet", distance.name, distance.value, distance.error))
    return found


def judged_enlargements(model: Upscaler, real: Tensor, made: Tensor, low: Tensor) -> list[Metric]:
    """Measure how close enlarged images are to the originals, beside bicubic interpolation."""
    found = []
    for name, images in {"a sample": made, "bicubic": bicubic(low, model.factor)}.items():
        values = judged(images, real, model.factor)
        words = f"PSNR of {name} to the original, dB"
        found.append(metric("psnr", words, values["psnr"], values["standard_error"]))
    return found


def difference(ours: Tensor, exact: Tensor) -> str:
    """Describe the difference of samples with float16 weights; refuse one that could be seen."""
    apart = (to_uint8(ours).int() - to_uint8(exact).int()).abs().double()
    psnr = float(20 * (255 / apart.square().mean().sqrt()).log10())
    if psnr < SAME:
        raise JincError(f"float16: samples differ from those of float32 by {psnr:.1f} dB")
    return (
        f"With the same noise, {len(ours)} samples differ from those of float32 by at most "
        f"{int(apart.max())} of 255 levels in any pixel, and by {float(apart.mean()):.2g} on "
        "average"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=read_yaml(CARDS))
    parser.add_argument("run", type=Path)
    parser.add_argument("--real", required=True, help="real images, as jinc train --data")
    parser.add_argument("--split", default="train")
    parser.add_argument("--features", help="a classifier, as jinc evaluate --features")
    parser.add_argument("--published", type=Path, help="a run of the same size, for comparison")
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--guidance", type=float, default=1.0, help="of the picture")
    parser.add_argument("--out", type=Path, default=ROOT / "src" / "jinc" / "bundled")
    options = parser.parse_args()

    exact: Any = load(options.run)
    model = with_half_weights(exact)
    if isinstance(model, Upscaler):
        images, which = unseen(Run.open(options.run), options.real, model)
        real = to_float(images.batch(range(len(images))))
        low = to_float(to_uint8(block_mean(real, model.factor)))
        shown, others = enlarged(model, low), enlarged(exact, low)
        metrics = judged_enlargements(model, real, shown, low)
        how = f"Scores are of {len(real)} images {which} (DDIM, 50 steps). "
        picture = sheet_of(model, low, shown, real)
    else:
        shown, others = (sampled(m, ROWS * COLUMNS, options.guidance) for m in (model, exact))
        metrics, how = judged_runs(model, options)
        picture = image_grid(shown, columns=COLUMNS, scale=2)
    how += f"The picture has guidance {options.guidance:g}. " * (options.guidance != 1)
    words = (
        f"{how}Weights are stored in float16 and loaded as float32. {difference(shown, others)}."
    )
    card = card_of(options.name, read_yaml(CARDS)[options.name], model, metrics, words)
    write(options.out / options.name, model, card, encoded(picture))
    print(card)


def judged_runs(model: Model, options: argparse.Namespace) -> tuple[list[Metric], str]:
    """Score a model, and a published one beside it; say how."""
    reading = {"image_size": model.image_size[0], "channels": model.channels}
    real = load_images(options.real, split=options.split, **reading)
    judge = open_judge(options.features, real)
    of_real = features_of(real, judge)
    metrics = judged_samples(model, of_real, judge, options.number)
    if options.published:
        other = load(options.published)
        assert isinstance(other, Model)
        name = f", published {other.network.config.name}"
        for each in judged_samples(other, of_real, judge, options.number):
            metrics.append(each | {"name": each["name"] + name})
    if real.labels is not None:
        name = f"class of real images, by {judge.name}"
        metrics.append(share(name, of_real, torch.from_numpy(real.labels)))
    split = f" of the {real.split} split" if real.split else ""
    how = (
        f"Scores are of {options.number:,} samples (DDIM, 50 steps, each class in turn) and "
        f"{len(real):,} real images{split}. Distances are in features of {judge.name}, so they are "
        "no FID. "
    )
    return metrics, how


def sheet_of(model: Upscaler, low: Tensor, made: Tensor, real: Tensor) -> NDArray[np.uint8]:
    """Arrange small, interpolated, generated and original images."""
    rows = {
        "small": repeat_pixels(low, model.factor),
        "bicubic": bicubic(low, model.factor),
        "sample": made,
        "real": real,
    }
    places = torch.linspace(0, len(real) - 1, FACES).long()
    return contact_sheet(
        torch.stack([each[places] for each in rows.values()]), [*rows], [""] * FACES
    )


if __name__ == "__main__":
    main()
