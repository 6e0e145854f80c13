"""`jinc features`: networks whose features score what models generate."""

import json
import platform
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from jinc.cli.places import check_file, check_whole_folder
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.cli.torchscript import AllowTorchScript
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

app = App(name="features", help="Networks whose features score what models generate.")


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
    """Train a classifier of digits by a fixed recipe, in half an hour or so of one core.

    The test images are looked at once, when training is over.

    Args:
        kind: mnist, for grey digits of 28×28; or mnist-m, for coloured ones of 32×32.
        data: MNIST, or MNIST-M, with a test split.
        out: folder for the weights, what is known of them, and a manifest.
        seed: of weights, order and moves.
        json_: print JSON for machines.
    """
    if seed < 0:
        raise JincError(f"--seed: {seed} is not at least 0")
    check_whole_folder(out)
    told = partial(say_what_was_read, Console(stderr=True))
    known, unknown = (read_digits_of(kind, data, split, told) for split in ("train", "test"))
    keep_freed_memory()
    classifier, seconds = _trained(kind, known, seed)
    facts: dict[str, Any] = {
        "what": f"a classifier of {kind}: accuracy on {len(unknown[0])} test images",
        "accuracy": digit_accuracy(classifier, *unknown),
        "trained_on": len(known[0]),
        "train_seconds": seconds,
        "parameters": sum(weight.numel() for weight in classifier.parameters()),
        "shape": vars(SHAPES[kind]),
        "recipe": RECIPES[kind].facts() | {"seed": seed},
        "machine": f"{platform.processor() or platform.machine()}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
    }
    save_digit_classifier(out, classifier, kind, facts)
    _tell(facts, out, json_)


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
    resize_filter: Literal["box", "bilinear", "bicubic", "lanczos"] = "bilinear",
    skip_damaged: Annotated[bool, Parameter(negative=())] = False,
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Keep mean and covariance of features of real images, for `jinc evaluate --against`.

    Memory does not depend on how many images there are. Other tools read mu and sigma in it.

    Args:
        data: real images, as `jinc train --data` takes them.
        out: the file, .npz.
        features: the network that extracts features, as of `jinc evaluate`.
        allow_torchscript: run the program of --features torchscript:PATH, which can write files
            and take all memory. Only the command line sets it, no settings file and no study.
        split: which part of them.
        image_size: pixels a side that they are brought to first, that of the images which will be
            compared with them; as they come, if not given.
        channels: 1 or 3; as they come, if not given.
        resize_filter: how they come to that size.
        skip_damaged: leave out images that cannot be read, and count them.
        max_pixels: the most pixels that an image may have, checked before it is decoded.
    """
    check_file(out)
    if out.suffix != ".npz":
        raise JincError(f"--out: {out}: must end in .npz")
    extractor = open_extractor(features, allow_torchscript=allow_torchscript)
    console = Console(stderr=True)
    with decoding_progress(console) as told:
        images = load_images(
            data,
            image_size=image_size,
            channels=channels,
            resize_filter=resize_filter,
            split=split,
            skip_damaged=skip_damaged,
            max_pixels=max_pixels,
            progress=told,
        )
    say_what_was_read(console, images.summary())
    with Progress(console=console) as bar:
        task = bar.add_task("looking at images", total=len(images))
        found = reference_of(images, extractor, progress=lambda n: bar.update(task, completed=n))
    found.save(out)
    print(f"{counted(len(images), 'images')} of {images.name} by {extractor.facts.words()}: {out}")


def _trained(
    kind: DigitSet, known: tuple[Tensor, Tensor], seed: int
) -> tuple[DigitClassifier, float]:
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


def _tell(facts: Mapping[str, Any], out: Path, json_: bool) -> None:
    if json_:
        print(json.dumps(facts, ensure_ascii=False))
        return
    print(f"{facts['accuracy']:.2%} of the test images are told; the classifier is in {out}")
