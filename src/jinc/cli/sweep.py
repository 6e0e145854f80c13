"""Shared parts of `jinc rotate` and `jinc shift`: options, generation and the last line."""

import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import torch
from cyclopts import Parameter

from jinc.cli.outputs import check_frames, check_out, write_out
from jinc.cli.results import with_progress
from jinc.cli.sampling import OWN, SAMPLING, SamplingOptions
from jinc.data import to_uint8
from jinc.diffusion import following, gentle, published, steady
from jinc.diffusion.samplers.motion import Pace
from jinc.errors import JincError, counted
from jinc.files import one_line
from jinc.models import Drawn, PixelModel, Sweep, grid_columns, sweep_images
from jinc.report import SweepSheet


@dataclass(frozen=True, kw_only=True)
class SweepOptions(SamplingOptions):
    """How the movement is spread over the sampling steps, and the output files.

    Args:
        out: output, one or several: .gif, .webp, .apng or .mp4 for an animation of all images; .png
            for a contact sheet, a row per image; no suffix for a folder of frames (000000.png …)
            and sheet.png.
        pace: how the movement is spread over the steps: steady, at constant speed; gentle, slower
            at both ends; published, (T−1)/T of it at constant speed, as in arXiv 2411.09174.
        back: undo the movement in the finished images, so that those of a perfectly equivariant
            model are all equal.
        fps: frames per second of animations.
        scale: integer zoom (default: the smallest for which the longer side has 128 pixels).
        boomerang: play animations forwards and backwards.
        json_: print JSON.
    """

    out: Annotated[tuple[Path, ...], OWN, Parameter(consume_multiple=True, negative=())]
    number: Annotated[int, Parameter(alias="-n")] = 4
    pace: Annotated[Literal["steady", "gentle", "published"], OWN] = "steady"
    back: Annotated[bool, OWN, Parameter(negative=())] = False
    fps: Annotated[float, OWN] = 12.0
    scale: Annotated[int | None, OWN] = None
    boomerang: Annotated[bool, OWN] = True
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False

    def pace_of(self, model: PixelModel) -> Pace:
        """Return how the movement is spread over the steps of a model."""
        paces: dict[str, Pace] = {
            "steady": steady,
            "gentle": gentle,
            "published": partial(published, T=model.timesteps),
        }
        return paces[self.pace]

    def check(self) -> None:
        """Check what can be checked without the model.

        Raises:
            JincError: a scale out of range, or an output that cannot be written.
        """
        if self.scale is not None and self.scale < 1:
            raise JincError(f"--scale: {self.scale} is not at least 1")
        if not self.out:
            raise JincError("--out: no file or folder given")
        for out in self.out:
            try:
                check_out(out, self.fps)
            except OSError as error:
                raise JincError(f"--out: {out}: {one_line(error)}") from None


Options: TypeAlias = Annotated[SweepOptions, Parameter(name="*", group=SAMPLING)]
"""All of them as options without a prefix."""


@dataclass(frozen=True)
class Amounts:
    """The amounts of a sweep.

    Args:
        facts: numbers by name, for JSON.
        words: a label for each amount.
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
    """Generate images at every amount, write the output, and report it.

    Args:
        model: what generates.
        sweep: the movements.
        amounts: their numbers and labels.
        options: which images, and the output.
        drawn: how fresh noise relates to the movement.

    Raises:
        JincError: options that do not fit the model, or files that cannot be written.
    """
    start, n = time.perf_counter(), options.number
    plan = options.for_model(model)
    prompts = plan.prompts
    across = grid_columns(prompts)
    check_frames(model.image_size, n, len(sweep), across, options.scale)
    run = sweep_images(model, sweep, plan, drawn=drawn, back=plan.back)
    run = with_progress(run, n * len(sweep), plan.count(model.timesteps), plan, "sampling")
    images = torch.cat([to_uint8(step.x_t).cpu() for _, step in run if step.t == -1])
    sheet = SweepSheet(
        images=images.view(n, len(sweep), *images.shape[1:]),
        rows=[prompts[i % len(prompts)] if prompts else str(i) for i in range(n)],
        columns=amounts.words,
        across=across,
        scale=options.scale,
        boomerang=options.boomerang,
    )
    for out in options.out:
        write_out(out, sheet, options.fps)
    written = [str(out) for out in options.out]
    if options.json_:
        facts = {"images": n, **amounts.facts, "frames": len(sheet.animation())}
        facts |= {"seconds": round(time.perf_counter() - start, 3), "written": written}
        print(json.dumps(facts, ensure_ascii=False))
        return
    first, *others = amounts.words
    span = f"{first} to {others[-1]} in {len(amounts.words)}" if others else first
    print(f"{counted(n, 'images')}, {span}: {', '.join(written)}")
