"""Shared parts of `jinc rotate` and `jinc shift`: options, generation and output files."""

import json
import math
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

import torch
from cyclopts import Parameter
from torch import Tensor

from jinc.cli.model_argument import results_folder
from jinc.cli.places import check_file, make_folder
from jinc.cli.provenance import begin_results, check_results
from jinc.cli.results import with_progress
from jinc.cli.sampling import OWN, SAMPLING, SamplingOptions
from jinc.data import (
    ANIMATIONS,
    check_animation,
    enlargement,
    numbered_name,
    save_animation,
    save_png,
    to_uint8,
)
from jinc.diffusion import gentle, published, steady
from jinc.diffusion.samplers.motion import Pace
from jinc.errors import JincError, counted, unknown
from jinc.files import one_line
from jinc.models import (
    Model,
    PixelModel,
    Sweep,
    Way,
    by_both,
    by_frame,
    by_state,
    grid_columns,
    sweep_images,
)
from jinc.report import SweepSheet
from jinc.report.sheets import SEEN

KINDS = (*ANIMATIONS, ".png")
WAYS: dict[str, Way] = {"state": by_state, "frame": by_frame, "both": by_both}
SHEET_FILE = "sheet.png"
"""In a folder of frames."""
LONGEST = 16_383
"""Longest side of a frame, pixels; the limit of WebP and H.264."""
LARGEST = 2**30
"""Most bytes of all frames together."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions(SamplingOptions):
    """How the movement is spread over the sampling steps, and the output files.

    Args:
        out: output, one or several: .gif, .webp, .apng or .mp4 for an animation of all images; .png
            for a contact sheet, a row per image; no suffix for a folder of frames (000000.png …)
            and sheet.png (default: out/MODEL/rotate.gif and .png, or shift).
        by: what moves: state, the noisy image, a little after every step; frame, the coordinates
            that the model takes as where up is, and the noise, once before sampling; or both, step
            by step (default: frame for models trained with --frame, state for others).
        pace: how the movement is spread over the steps: steady, at constant speed; gentle, slower
            at both ends; published, (T−1)/T of it at constant speed, as in arXiv 2411.09174.
        back: undo the movement in the finished images, so that those of a perfectly equivariant
            model are all equal.
        fps: frames per second of animations.
        scale: integer zoom (default: the smallest for which the longer side has 128 pixels).
        boomerang: play animations forwards and backwards.
        json_: print JSON.
    """

    out: Annotated[tuple[Path, ...], OWN, Parameter(consume_multiple=True, negative=())] = ()
    number: Annotated[int, Parameter(alias="-n")] = 4
    by: Annotated[Literal["state", "frame", "both"] | None, OWN] = None
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

    def way_of(self, model: PixelModel) -> Way:
        """Return how the images of a model move.

        Raises:
            JincError: the model has no frame, or options do not apply to a moved frame.
        """
        has_frame = isinstance(model, Model) and model.frames is not None
        by = self.by or ("frame" if has_frame else "state")
        if by != "state" and not has_frame:
            raise JincError(
                f"--by: {by} needs a model with a frame, trained with --frame and --config R@12; "
                "choose state"
            )
        if by == "frame" and self.pace != "steady":
            raise JincError(f"--pace: {self.pace} needs moves during sampling; add --by both")
        return WAYS[by]

    def placed(self, source: Path, command: str) -> Self:
        """Return the options with an output, and check what can be checked without the model.

        Args:
            source: the model's folder.
            command: its name.

        Raises:
            JincError: a scale out of range, or an output that cannot be written.
        """
        usual = results_folder(source, command)
        chosen = replace(
            self, out=self.out or (usual.with_suffix(".gif"), usual.with_suffix(".png"))
        )
        chosen._check()
        return chosen

    def _check(self) -> None:
        if self.scale is not None and self.scale < 1:
            raise JincError(f"--scale: {self.scale} is not at least 1")
        for out in self.out:
            try:
                check_out(out, self.fps)
            except OSError as error:
                raise JincError(f"--out: {out}: {one_line(error)}") from None


Options: TypeAlias = Annotated[SweepOptions, Parameter(name="*", group=SAMPLING)]
"""All of them as options without a prefix."""

DEFAULTS = SweepOptions()


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
    way: Way,
) -> None:
    """Generate images at every amount, write the output, and report it.

    Args:
        model: what generates.
        sweep: the movements.
        amounts: their numbers and labels.
        options: which images, and the output.
        way: how images move.

    Raises:
        JincError: options that do not fit the model, or files that cannot be written.
    """
    start, n = time.perf_counter(), options.number
    plan = plan_of(model, sweep, options)
    run = sweep_images(model, sweep, plan, way=way, back=plan.back)
    run = with_progress(run, n * len(sweep), plan.count(model.timesteps), plan, "sampling")
    images = torch.cat([to_uint8(step.x_t).cpu() for _, step in run if step.t == -1])
    sheet = sheet_of(images, plan, amounts.words)
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


def plan_of(model: PixelModel, sweep: Sweep, options: SweepOptions) -> SweepOptions:
    """Return the plan of a sweep.

    Raises:
        JincError: the model cannot follow the options, or frames would be too large.
    """
    plan = options.for_model(model)
    if not plan.shared_level and plan.together > 1:
        reason = f"{plan.sampler} gives each image its own noise level"
        raise JincError(f"--sampler: {reason}; add --batch 1, or choose another sampler")
    across = grid_columns(plan.prompts)
    check_frames(model.image_size, plan.number, len(sweep), across, plan.scale)
    return plan


def sheet_of(images: Tensor, plan: SweepOptions, words: list[str]) -> SweepSheet:
    """Lay out the images of a sweep.

    Args:
        images: in the order of `sweep_images`, `[N·A, C, H, W]`.
        plan: by which they were generated.
        words: a label for each amount, `[A]`.
    """
    number, prompts = len(images) // len(words), plan.prompts
    return SweepSheet(
        images=images.view(number, len(words), *images.shape[1:]),
        rows=[prompts[i % len(prompts)] if prompts else str(i) for i in range(number)],
        columns=words,
        across=grid_columns(prompts),
        scale=plan.scale,
        boomerang=plan.boomerang,
    )


def check_out(out: Path, fps: float) -> None:
    """Check before the work that a file or folder can be written.

    Raises:
        JincError: an unknown suffix, a place that cannot be written, or a missing package.
    """
    if _is_folder(out):
        check_results(out, "frames", [SHEET_FILE])
        return
    suffix = out.suffix.lower()
    if suffix not in KINDS:
        raise unknown(f"--out: unknown file type {suffix} of {out}", suffix, [*KINDS, "folders"])
    if suffix in ANIMATIONS:
        check_animation(out, fps)
    check_file(out)


def check_frames(
    size: tuple[int, int], number: int, amounts: int, across: int | None, scale: int | None
) -> None:
    """Check before the work that frames can be written and held in memory.

    Args:
        size: height and width of an image, pixels.
        number: images in a frame.
        amounts: frames.
        across: images in a row of a frame; None for about a square.
        scale: repetitions of each pixel; None for a visible size.

    Raises:
        JincError: they are too large.
    """
    scale = scale or enlargement(size, SEEN)
    columns = min(number, math.ceil(math.sqrt(number)) if across is None else across)
    grid = -(-number // columns), columns
    height, width = (n * side * scale for n, side in zip(grid, size, strict=True))
    if max(height, width) > LONGEST:
        reason = f"frames of {height:,}×{width:,} pixels exceed the maximum of {LONGEST:,} a side"
        raise JincError(f"--scale, --number: {reason}; choose smaller ones")
    total = number * amounts * 3 * math.prod(size) * scale**2
    if total > LARGEST:
        reason = f"{amounts} frames of {number} images take {total / 1e9:,.1f} GB"
        raise JincError(
            f"--scale, --number: {reason}, more than {LARGEST / 1e9:.1f} GB; choose fewer"
        )


def write_out(out: Path, sweep: SweepSheet, fps: float) -> None:
    """Write an animation, a contact sheet, or a folder of frames and a sheet."""
    make_folder(out if _is_folder(out) else out.parent)
    if _is_folder(out):
        names = [numbered_name(number) for number in range(len(sweep.frames))]
        facts = {"rows": sweep.rows, "columns": sweep.columns}
        begin_results(out, "frames", facts, [*names, SHEET_FILE])
        for name, frame in zip(names, sweep.frames, strict=True):
            save_png(out / name, frame)
        save_png(out / SHEET_FILE, sweep.sheet())
    elif out.suffix.lower() == ".png":
        save_png(out, sweep.sheet())
    else:
        save_animation(out, sweep.animation(), fps)


def _is_folder(out: Path) -> bool:
    return not out.suffix or out.is_dir()
