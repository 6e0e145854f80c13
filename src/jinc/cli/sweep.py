"""What `jinc rotate` and `jinc shift` share: options, generating, and telling what was written."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from jinc.cli.memory import keep_freed_memory
from jinc.cli.models import class_labels
from jinc.cli.outputs import Swept, check_frame, check_out, make_place, write_out
from jinc.cli.sampling import (
    MethodName,
    check_guidance,
    check_number_and_seed,
    sampling_levels,
    sampling_method,
)
from jinc.data import to_uint8
from jinc.diffusion import gentle, published, steady
from jinc.errors import JincError
from jinc.files import one_line
from jinc.models import Model, Sweep, choose_device, grid_columns, sweep_images

PACES = {"steady": steady, "gentle": gentle, "published": published}


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Which images, how they are generated, and where they go.

    Args:
        out: where to: .gif, .webp, .apng or .mp4 for an animation of all images side by side;
            .png for a sheet, a row an image; without an ending a folder of frames, 000000.png
            and on, and sheet.png. It can be several.
        number: how many images.
        sampler: DDIM; DDPM, the published sampler; or the strided posterior.
        steps: how many steps: 50 for ddim and posterior, all for ddpm, if not given.
        eta: of DDIM: 0 draws no fresh noise, 1 as much as DDPM.
        seed: other seeds give other images.
        classes: classes to generate, by name or number, dealt out in turn; all if not given.
        guidance: γ of classifier-free guidance, for models whose labels were hidden in training:
            0 forgets the classes, 1 is the model as it is, 5 insists.
        clip: keep predictions in the range of images.
        calibrate: correct the amplitude of the predicted noise; if not given, for networks that
            cannot know it.
        pace: how the way is divided over the steps: at one speed, starting and stopping slowly,
            or, as published, at one speed to 0.999 of it.
        back: move the finished images back, so that a perfectly consistent model stands still.
        fps: frames a second of animations.
        scale: how many times pixels are repeated; if not given, until images have 128 a side.
        boomerang: animations go there and back, so that they repeat smoothly.
        device: cpu, cuda, mps, or auto for the best there is.
        json_: print JSON for machines.
    """

    out: Annotated[tuple[Path, ...], Parameter(consume_multiple=True, negative=())]
    number: Annotated[int, Parameter(alias="-n")] = 4
    sampler: MethodName = "ddim"
    steps: int | None = None
    eta: float = 0.0
    seed: int = 0
    classes: Annotated[
        tuple[str, ...], Parameter(name="--class", consume_multiple=True, negative=())
    ] = ()
    guidance: float = 1.0
    clip: bool = True
    calibrate: bool | None = None
    pace: Literal["steady", "gentle", "published"] = "steady"
    back: Annotated[bool, Parameter(negative=())] = False
    fps: float = 12.0
    scale: int | None = None
    boomerang: bool = True
    device: str = "auto"
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False


Options: TypeAlias = Annotated[SweepOptions, Parameter(name="*")]
"""All of them as options without a prefix."""


@dataclass(frozen=True)
class Amounts:
    """What a sweep moves by, in words.

    Args:
        facts: for machines, numbers by name.
        words: for people, one for each amount.
    """

    facts: dict[str, list[float]]
    words: list[str]


def check_options(options: SweepOptions) -> None:
    """Check what can be checked without the model.

    Raises:
        JincError: a number that makes no sense, or a place that cannot be written.
    """
    check_number_and_seed(options.number, options.seed)
    sampling_method(options.sampler, options.eta)
    if options.scale is not None and options.scale < 1:
        raise JincError(f"--scale: {options.scale} is not at least 1")
    if not options.out:
        raise JincError("--out: names nothing")
    for out in options.out:
        try:
            check_out(out, options.fps)
        except OSError as error:
            raise JincError(f"--out: {out}: {one_line(error)}") from None


def run_sweep(model: Model, sweep: Sweep, amounts: Amounts, options: SweepOptions) -> None:
    """Generate, write and tell.

    Raises:
        JincError: options that do not fit the model, or files that cannot be written.
    """
    start, n = time.perf_counter(), options.number
    labels = class_labels(model, options.classes)
    check_guidance(model, options.guidance)
    check_frame(model.image_size, n, grid_columns(labels), options.scale)
    images = _generated(model, sweep, options, labels)
    swept = Swept(
        images=images.view(n, len(sweep), *images.shape[1:]),
        rows=[model.class_names[labels[i % len(labels)]] if labels else str(i) for i in range(n)],
        columns=amounts.words,
        across=grid_columns(labels),
        scale=options.scale,
        fps=options.fps,
        boomerang=options.boomerang,
    )
    for out in options.out:
        write_out(out, swept)
    _tell(len(swept.animation()), amounts, options, time.perf_counter() - start)


def _generated(
    model: Model, sweep: Sweep, options: SweepOptions, labels: list[int] | None
) -> Tensor:
    """All images by all amounts, uint8, `[N A, C, H, W]`, with a bar while they come to be."""
    model.network.to(choose_device(options.device))
    levels = sampling_levels(model, options.sampler, options.steps)
    walks = sweep_images(
        model,
        sweep,
        options.number,
        method=sampling_method(options.sampler, options.eta),
        steps=levels,
        seed=options.seed,
        labels=labels,
        guidance=options.guidance,
        clipped=options.clip,
        calibrated=options.calibrate,
        back=options.back,
    )
    for out in options.out:
        make_place(out)
    keep_freed_memory()
    done: list[Tensor] = []
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("sampling", total=options.number * len(sweep) * len(levels))
        for rows, step in walks:
            bar.advance(task, len(rows))
            done += [to_uint8(step.x_t).cpu()] if step.t == -1 else []
    return torch.cat(done)


def _tell(frames: int, amounts: Amounts, options: SweepOptions, seconds: float) -> None:
    written = [str(out) for out in options.out]
    if options.json_:
        facts = {"images": options.number, **amounts.facts, "frames": frames}
        facts |= {"seconds": round(seconds, 3), "written": written}
        print(json.dumps(facts, ensure_ascii=False))
        return
    first, *others = amounts.words
    way = f"{first} to {others[-1]} in {len(amounts.words)}" if others else first
    images = "1 image" if options.number == 1 else f"{options.number} images"
    print(f"{images}, {way}: {', '.join(written)}")
