"""Training of the digit classifiers: one fixed recipe, about half an hour on one core."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.data import ImageSet, Summary, load_images, to_channels, to_float
from jinc.errors import JincError
from jinc.metrics.features.digit_classifier import SHAPES, DigitClassifier, DigitSet

BATCH = 500


@dataclass(frozen=True)
class Recipe:
    """A training recipe: AdamW, one cosine cycle, random affine augmentation.

    Args:
        steps: of training.
        batch_size: images per step; an incomplete last batch of an epoch is dropped.
        learning_rate: at its peak.
        weight_decay: of AdamW.
        turn_degrees: maximum rotation, either way.
        shift_px: maximum shift along each axis, either way.
        scale: maximum relative change of size.
        beyond: padding: black, or the edge's pixels.
        recolour: permute and invert channels at random.
    """

    steps: int = 4680
    batch_size: int = 128
    learning_rate: float = 0.01
    weight_decay: float = 0.02
    turn_degrees: float = 10.0
    shift_px: float = 2.0
    scale: float = 0.1
    beyond: Literal["black", "edge"] = "black"
    recolour: bool = False

    def facts(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "optimiser": "AdamW", "precision": "float32"}


RECIPES: Mapping[DigitSet, Recipe] = {
    "mnist": Recipe(),
    "mnist-m": Recipe(steps=2300, beyond="edge", recolour=True),
}


def read_digits_of(
    kind: DigitSet,
    source: str | Path,
    split: str,
    report: Callable[[Summary], object] | None = None,
) -> tuple[Tensor, Tensor]:
    """Read images and labels for a classifier.

    Args:
        kind: of the digits.
        source: as `load_images` takes it.
        split: train or test.
        report: called with a summary of the images.

    Returns:
        float32 `[N, C, H, W]` in [−1, 1], and int64 `[N]`, 0 … 9.
    """
    shape = SHAPES[kind]
    found = load_images(source, split=split, image_size=shape.image_size)
    if found.labels is None or not set(found.class_names) <= set("0123456789"):
        raise JincError(f"{source}: is not labelled with ten digits")
    if _is_grey(found) != (shape.channels == 1):
        kinds = ("grey", "coloured") if _is_grey(found) else ("coloured", "grey")
        raise JincError(f"{source}: its digits are {kinds[0]}, those of {kind} are {kinds[1]}")
    if report is not None:
        report(found.summary())
    pixels = found.batch(range(len(found))).permute(0, 2, 3, 1).numpy()
    fitted = torch.from_numpy(to_channels(pixels, shape.channels)).permute(0, 3, 1, 2)
    digits = np.array([int(name) for name in found.class_names], np.int64)
    return to_float(fitted), torch.from_numpy(digits[found.labels])


def _is_grey(images: ImageSet) -> bool:
    """Whether the first images are grey, in one or three channels."""
    some = images.batch(range(min(len(images), 256)))
    return bool((some == some[:, :1]).all())


def train_digits(
    kind: DigitSet,
    images: Tensor,
    labels: Tensor,
    seed: int = 0,
    *,
    recipe: Recipe | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> DigitClassifier:
    """Train a classifier by its recipe, without changing torch's global random state.

    Args:
        kind: of the digits.
        images: `[N, C, H, W]` in [−1, 1].
        labels: 0 … 9, `[N]`.
        seed: of initialisation, order and augmentation.
        recipe: that of its kind by default.
        progress: called after every epoch with the steps done and the mean loss of the epoch.

    Returns:
        The classifier, in evaluation mode.
    """
    recipe = recipe or RECIPES[kind]
    if len(images) < recipe.batch_size:
        raise JincError(f"data: {len(images)} images are fewer than a batch, {recipe.batch_size}")
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = DigitClassifier(SHAPES[kind])
    per_epoch = min(recipe.steps, len(images) // recipe.batch_size)
    optimiser = torch.optim.AdamW(
        classifier.parameters(), weight_decay=recipe.weight_decay, fused=True
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.learning_rate, total_steps=recipe.steps, pct_start=0.2
    )
    for done in range(0, recipe.steps, per_epoch):
        steps = min(per_epoch, recipe.steps - done)
        total = 0.0
        for batch, classes in _batches(images, labels, steps, recipe, random):
            loss = F.cross_entropy(classifier(batch), classes)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
            total += loss.item()
        if progress is not None:
            progress(done + steps, total / steps)
    return classifier.eval()


def _batches(
    images: Tensor, labels: Tensor, steps: int, recipe: Recipe, random: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield so many augmented batches without repetition, and their labels."""
    order = torch.randperm(len(images), generator=random)
    for chosen in order[: steps * recipe.batch_size].view(steps, recipe.batch_size):
        yield moved(images[chosen], recipe, random), labels[chosen]


@torch.no_grad()
def digit_accuracy(classifier: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Return the share of images that are classified correctly."""
    parts = images.split(BATCH)  # type: ignore[no-untyped-call]
    found = torch.cat([classifier(part).argmax(-1) for part in parts])
    return float((found == labels).double().mean())


def moved(images: Tensor, recipe: Recipe, random: torch.Generator) -> Tensor:
    """Rotate, scale, shift and recolour images `[B, C, H, W]` in [−1, 1] at random."""
    n, channels, _, side = images.shape

    def drawn(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, generator=random) - 1

    angle = math.radians(recipe.turn_degrees) * drawn(n)
    scale = 1 + recipe.scale * drawn(n)
    shift = recipe.shift_px * 2 / side * drawn(n, 2, 1)  # affine_grid's unit is half an image
    cos, sin = scale * angle.cos(), scale * angle.sin()
    turn = torch.stack([cos, -sin, sin, cos], dim=-1).view(n, 2, 2)
    grid = F.affine_grid(torch.cat([turn, shift], dim=-1), list(images.shape), align_corners=False)
    # The padding is 0, so that black, -1, has to be 0 meanwhile.
    mode = "zeros" if recipe.beyond == "black" else "border"
    images = F.grid_sample(images + 1, grid, padding_mode=mode, align_corners=False) - 1
    if recipe.recolour:
        order = torch.rand(n, channels, generator=random).argsort(dim=1)
        images = images.gather(1, order[..., None, None].expand_as(images))
        images = images * drawn(n, channels, 1, 1).sign()
    return images
