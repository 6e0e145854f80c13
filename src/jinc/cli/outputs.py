"""Output files of a sweep: an animation, a contact sheet, or a folder of frames."""

import math
from pathlib import Path

from jinc.cli.places import check_file, make_folder
from jinc.cli.provenance import begin_results, check_results
from jinc.data import (
    ANIMATIONS,
    check_animation,
    enlargement,
    numbered_name,
    save_animation,
    save_png,
)
from jinc.errors import JincError, unknown
from jinc.report import SweepSheet
from jinc.report.sheets import SEEN

KINDS = (*ANIMATIONS, ".png")
SHEET_FILE = "sheet.png"
"""In a folder of frames."""
LONGEST = 16_383
"""Longest side of a frame, pixels; the limit of WebP and H.264."""
LARGEST = 2**30
"""Most bytes of all frames together."""


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
