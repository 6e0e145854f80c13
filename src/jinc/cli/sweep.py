"""What `jinc rotate` and `jinc shift` share: options, generating, and telling what was written."""

import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from jinc.cli.finite import check_finite
from jinc.cli.outputs import SEEN, Swept, check_frame, check_out, make_place, write_out
from jinc.cli.sampling import SamplingOptions
from jinc.data import enlargement, to_uint8
from jinc.diffusion import following, gentle, published, steady
from jinc.diffusion.samplers.motion import Pace
from jinc.errors import JincError, counted
from jinc.files import one_line
from jinc.models import Drawn, PixelModel, Sweep, grid_columns, sweep_images

LARGEST = 2**30
"""Bytes of all frames together."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions(SamplingOptions):
    """How the way is divided, and where the images go.

    Args:
        out: where to: .gif, .webp, .apng or .mp4 for an animation of all images side by side;
            .png for a sheet, a row an image; without an ending a folder of frames, 000000.png
            and on, and sheet.png. It can be several.
        pace: how the way is divided over the steps: at one speed, starting and stopping slowly,
            or, as published, at one speed to (T−1)/T of it.
        back: move the finished images back, so that a perfectly consistent model stands still.
        fps: frames a second of animations.
        scale: how many times pixels are repeated; if not given, until images have 128 a side.
        boomerang: animations go there and back, so that they repeat smoothly.
        json_: print JSON for machines.
    """

    out: Annotated[tuple[Path, ...], Parameter(consume_multiple=True, negative=())]
    number: Annotated[int, Parameter(alias="-n")] = 4
    pace: Literal["steady", "gentle", "published"] = "steady"
    back: Annotated[bool, Parameter(negative=())] = False
    fps: float = 12.0
    scale: int | None = None
    boomerang: bool = True
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False

    def divided(self, model: PixelModel) -> Pace:
        """Return how the way is divided over the steps of a model."""
        paces: dict[str, Pace] = {
            "steady": steady,
            "gentle": gentle,
            "published": partial(published, T=model.timesteps),
        }
        return paces[self.pace]

    def check(self) -> None:
        """Check what can be checked without the model.

        Raises:
            JincError: a number that makes no sense, or a place that cannot be written.
        """
        if self.scale is not None and self.scale < 1:
            raise JincError(f"--scale: {self.scale} is not at least 1")
        if not self.out:
            raise JincError("--out: names nothing")
        for out in self.out:
            try:
                check_out(out, self.fps)
            except OSError as error:
                raise JincError(f"--out: {out}: {one_line(error)}") from None


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


def run_sweep(
    model: PixelModel,
    sweep: Sweep,
    amounts: Amounts,
    options: SweepOptions,
    drawn: Drawn = following,
) -> None:
    """Generate, write and tell.

    Args:
        model: what generates.
        sweep: what to move by.
        amounts: the same in words.
        options: which images, and where they go.
        drawn: how fresh noise relates to the movement.

    Raises:
        JincError: options that do not fit the model, or files that cannot be written.
    """
    start, n = time.perf_counter(), options.number
    plan = options.for_model(model)
    prompts = plan.prompts
    across = grid_columns(prompts)
    check_frame(model.image_size, n, across, options.scale)
    _check_frames(model, len(sweep), options)
    images = _generated(model, sweep, plan, drawn)
    swept = Swept(
        images=images.view(n, len(sweep), *images.shape[1:]),
        rows=[prompts[i % len(prompts)] if prompts else str(i) for i in range(n)],
        columns=amounts.words,
        across=across,
        scale=options.scale,
        fps=options.fps,
        boomerang=options.boomerang,
    )
    for out in options.out:
        make_place(out)
        write_out(out, swept)
    _tell(len(swept.animation()), amounts, options, time.perf_counter() - start)


def _check_frames(model: PixelModel, amounts: int, options: SweepOptions) -> None:
    """Refuse frames that would take all memory.

    Raises:
        JincError: they are too many or too large.
    """
    height, width = model.image_size
    scale = options.scale or enlargement((height, width), SEEN)
    size = options.number * amounts * 3 * height * width * scale**2
    if size > LARGEST:
        raise JincError(
            f"--scale, --number: {amounts} frames of {options.number} images would take "
            f"{size / 1e9:,.1f} GB, and {LARGEST / 1e9:.1f} GB is the most; ask for fewer"
        )


def _generated(model: PixelModel, sweep: Sweep, plan: SweepOptions, drawn: Drawn) -> Tensor:
    """All images by all amounts, uint8, `[N A, C, H, W]`, with a bar while they come to be."""
    walks = sweep_images(model, sweep, plan, drawn=drawn, back=plan.back)
    total = plan.number * len(sweep) * plan.count(model.timesteps)
    done: list[Tensor] = []
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("sampling", total=total)
        for rows, step in walks:
            bar.advance(task, len(rows))
            check_finite(step.x_t, plan.guidance, plan.clips)
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
    print(f"{counted(options.number, 'images')}, {way}: {', '.join(written)}")
