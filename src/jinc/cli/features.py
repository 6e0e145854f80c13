"""`jinc features`: the feature networks that score generated images, and statistics of features."""

import json
import platform
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

import torch
from cyclopts import App, Parameter, Token
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from jinc.cli.places import check_file, check_whole_folder
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.data import MAX_PIXELS, Split, load_images
from jinc.errors import JincError, counted
from jinc.metrics import (
    RECIPES,
    SHAPES,
    DigitClassifier,
    DigitSet,
    digit_accuracy,
    open_extractor,
    read_digits_of,
    reference_of,
    save_digit_classifier,
    train_digits,
)
from jinc.models import keep_freed_memory

app = App(name="features", help="Train feature networks, and compute feature statistics.")

Filter: TypeAlias = Literal["box", "bilinear", "bicubic", "lanczos"]


def _refuse(_: Any, tokens: Sequence[Token]) -> NoReturn:
    """Refuse the flag in a file; a flag on the command line is not converted."""
    raise JincError(
        f"{tokens[0].source}: allow-torchscript lets a program run, so that it is allowed on the "
        "command line only; remove it from the file"
    )


AllowTorchScript: TypeAlias = Annotated[
    bool,
    Parameter(
        name="--allow-torchscript",
        negative=(),
        converter=_refuse,
        help="run TorchScript programs (features torchscript:PATH), which can write files and use "
        "all memory; settings files cannot set this option.",
    ),
]


@app.command
def train(
    kind: DigitSet,
    /,
    *,
    data: str,
    out: Path,
    seed: int = 0,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Train a digit classifier by a fixed recipe, in about half an hour on one core.

    The test images are used once, after training.

    Args:
        kind: mnist, for grey digits of 28×28; or mnist-m, for colour digits of 32×32.
        data: MNIST or MNIST-M, with a test split.
        out: folder for the weights, metadata and a manifest.
        seed: seed of weights, order and augmentation.
        json_: print JSON.
    """
    if seed < 0:
        raise JincError(f"--seed: {seed} is not at least 0")
    check_whole_folder(out)
    progress = partial(say_what_was_read, Console(stderr=True))
    known, unseen = (read_digits_of(kind, data, split, progress) for split in ("train", "test"))
    keep_freed_memory()
    classifier, seconds = _trained(kind, known, seed)
    facts: dict[str, Any] = {
        "what": f"a classifier of {kind}: accuracy on {len(unseen[0])} test images",
        "accuracy": digit_accuracy(classifier, *unseen),
        "trained_on": len(known[0]),
        "train_seconds": seconds,
        "parameters": sum(weight.numel() for weight in classifier.parameters()),
        "shape": vars(SHAPES[kind]),
        "recipe": RECIPES[kind].facts() | {"seed": seed},
        "machine": f"{platform.processor() or platform.machine()}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
    }
    save_digit_classifier(out, classifier, kind, facts)
    text = f"test accuracy {facts['accuracy']:.2%}; classifier: {out}"
    print(json.dumps(facts, ensure_ascii=False) if json_ else text)


@app.command
def statistics(
    data: str,
    /,
    *,
    out: Path,
    features: str = "inception",
    allow_torchscript: AllowTorchScript = False,
    split: Split = "train",
    image_size: int | None = None,
    channels: Literal[1, 3] | None = None,
    resize_filter: Filter = "bilinear",
    skip_damaged: Annotated[bool, Parameter(negative=())] = False,
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Compute mean and covariance of the features of real images, for `jinc evaluate --against`.

    Memory does not grow with the number of images. Other tools can read mu and sigma in the file.

    Args:
        data: real images, as `jinc train --data` takes them.
        out: the .npz file to write.
        features: feature network, as of `jinc evaluate`.
        split: split of the data.
        image_size: resize images to this side in pixels, after a centre crop; it must match the
            images that will be compared with them (default: no resizing).
        channels: 1 or 3 (default: those of the data).
        resize_filter: filter that resizes them.
        skip_damaged: skip images that cannot be read, and count them.
        max_pixels: maximum pixels of an image, checked before decoding.
    """
    check_file(out)
    if out.suffix != ".npz":
        raise JincError(f"--out: {out}: must end in .npz")
    extractor = open_extractor(features, allow_torchscript=allow_torchscript)
    console = Console(stderr=True)
    with decoding_progress(console) as progress:
        images = load_images(
            data,
            image_size=image_size,
            channels=channels,
            resize_filter=resize_filter,
            split=split,
            skip_damaged=skip_damaged,
            max_pixels=max_pixels,
            progress=progress,
        )
    say_what_was_read(console, images.summary())
    with Progress(console=console) as bar:
        task = bar.add_task("extracting features", total=len(images))
        found = reference_of(images, extractor, progress=lambda n: bar.update(task, completed=n))
    found.save(out)
    print(f"{counted(len(images), 'images')} of {images.name} by {extractor.facts.words()}: {out}")


def _trained(
    kind: DigitSet, known: tuple[Tensor, Tensor], seed: int
) -> tuple[DigitClassifier, float]:
    """Train with a progress bar; return the seconds too."""
    console, start = Console(stderr=True), time.perf_counter()
    bar = Progress(console=console, disable=not console.is_terminal)
    task = bar.add_task("training", total=RECIPES[kind].steps)

    def report(step: int, loss: float) -> None:
        bar.update(task, completed=step, description=f"loss {loss:.4f}")
        if not console.is_terminal:
            console.print(f"step {step}: loss {loss:.4f}")

    with bar:
        classifier = train_digits(kind, *known, seed, progress=report)
    return classifier, time.perf_counter() - start
