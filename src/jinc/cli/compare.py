"""`jinc compare`: the ways to denoise of the CS180 course, beside one another."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from jinc.cli.compared import Answers, Clean, Denoising, draw, find_clean
from jinc.cli.pictures import ReadingOptions
from jinc.cli.provenance import begin_results, check_results, generation_facts
from jinc.cli.sampling import SEVERAL, SamplerName
from jinc.cli.watching import WatchedOptions
from jinc.diffusion import timesteps
from jinc.errors import JincError
from jinc.files import write_json
from jinc.metrics import levels_from

MOST = 2000
"""Images of one call, each of which is held once for every way to denoise it."""

QUARTERS = ("25%", "50%", "75%")


@dataclass(frozen=True, kw_only=True)
class CompareOptions(WatchedOptions, ReadingOptions):
    """How many images, and how they are denoised iteratively.

    Args:
        number: how many images of a set; of `--images` all are taken.
        prompts: what the images show, dealt out in turn: classes by name or number, or texts; if
            not given, the classes that a set tells, or nothing.
        sampler: of iterative denoising: the strided posterior, as in the course, or another.
        steps: levels of iterative denoising, evenly from each of `--levels`, not by a stride.
        strip: draw how the first images came to be from the highest level, in strip.png.
        gif: the same as denoising.gif.
    """

    number: Annotated[int, Parameter(alias="-n")] = 16
    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    sampler: SamplerName = "posterior"
    steps: int | None = None

    def __post_init__(self) -> None:
        """Refuse more images than are held in memory at once."""
        super().__post_init__()
        if self.number > MOST:
            raise JincError(f"--number: {self.number:,} is not from 1 to {MOST:,}")


def compare(
    source: Path,
    /,
    *,
    out: Path,
    images: Annotated[tuple[Path, ...], SEVERAL, Parameter(alias="--image")] = (),
    data: str | None = None,
    levels: Annotated[tuple[str, ...], SEVERAL] = QUARTERS,
    stride: int | None = None,
    restore: bool = True,
    edges: Literal["reflect", "mirror"] = "reflect",
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    options: Annotated[CompareOptions, Parameter(name="*")] = CompareOptions(),
) -> None:
    """Denoise images by filters, in one step and iteratively, and compare with the clean ones.

    Args:
        source: a run folder, or a model folder.
        out: folder for comparison.png, forward.png, comparison.json and provenance.json.
        images: pictures of any size, of which the middle is taken.
        data: a set of images; that of the run, if neither is given: its test split, or what it
            held out.
        levels: how noisy: levels t, such as 250, or shares of all of them, such as 25% or 0.25.
        stride: iterative denoising visits its multiples; 3% of all levels, if not given.
        restore: give filters the images at the contrast of clean ones, x_t/√ᾱ_t; the course gives
            them x_t.
        edges: what filters see beyond the edges of an image: `reflect` repeats the outermost
            pixels, `mirror` does not, as the course and torchvision (the words are SciPy's).
        json_: print JSON for machines.
        options: how many images, what they show, and how they are denoised.
    """
    if images and data is not None:
        raise JincError("--data: is not read where --images names files; give one of them")
    if options.spacing is not None or options.sigma_min is not None:
        raise JincError("--spacing, --sigma-min: levels are those of --stride or --steps, evenly")
    pictures = ["comparison.png", "forward.png", *options.pictures]
    names = [*pictures, "comparison.json"]
    check_results(out, "comparisons", names, images)
    model = options.open(source)
    starts = dict.fromkeys(parse_level(word, model.timesteps) for word in levels)
    paths = [_path(t, model.timesteps, stride, options.steps) for t in starts]
    if not paths:
        raise JincError("--levels: names nothing")
    options.for_model(model)  # refuses before images are read what no images can change
    clean = find_clean(source, model, options.read(images), data, options.number, options.seed)
    plan = options.for_model(model, usual=clean.prompts)
    made_with = generation_facts(source, plan, options.steps)
    made_with |= {"images": images, "data": clean.words, "levels": [*starts]}
    made_with |= {"stride": stride, "restored": restore, "edges": edges}
    denoising = Denoising(model, replace(plan, number=len(clean.x0)), restore, edges)
    found = denoising.of(clean.x0, paths)
    facts = _facts(clean, paths, found) | {"sampler": options.sampler, "restored": restore}
    facts |= {"edges": edges, "guidance": options.guidance, "seed": options.seed}
    begin_results(out, "comparisons", made_with, names)
    write_json(out / "comparison.json", facts)
    draw(out, clean, found, options.pictures)
    written = [str(out / name) for name in pictures]
    if json_:
        print(json.dumps(facts | {"written": written}, ensure_ascii=False, allow_nan=False))
        return
    _print_table(facts)
    print(f"{clean.words}: {', '.join(written)}")


def parse_level(word: str, T: int) -> int:
    """Read a level: a whole number, or a share of all, such as 25% or 0.25.

    Raises:
        JincError: it is neither, or the schedule does not have it.

    >>> parse_level("250", 1000), parse_level("25%", 300), parse_level("0.5", 300)
    (250, 75, 150)
    """
    number, percent, rest = word.partition("%")
    try:
        if rest:
            raise ValueError
        share = float(number) / (100 if percent else 1)
        t = round(share * T) if percent or "." in number else int(number)
    except (ValueError, OverflowError):
        reason = "is no level, such as 250, 25% or 0.25"
        raise JincError(f"--levels: {word!r} {reason}") from None
    if not 0 <= t < T:
        raise JincError(f"--levels: {word!r} is not in 0 … {T - 1}, the levels of this model")
    return t


def _path(t: int, T: int, stride: int | None, steps: int | None) -> list[int]:
    """Return the levels that iterative denoising visits from one of them on."""
    for option, number in (("--stride", stride), ("--steps", steps)):
        if number is not None and number < 1:
            raise JincError(f"{option}: {number} is not at least 1")
    if steps is None:
        return levels_from(t, T, max(1, round(0.03 * T)) if stride is None else stride)
    if stride is not None:
        raise JincError("--stride: says what --steps says too; take one of them")
    return timesteps(t + 1, min(steps, t + 1))


def _facts(clean: Clean, paths: Sequence[list[int]], found: Sequence[Answers]) -> dict[str, Any]:
    """Return what was measured, ready for JSON."""
    means = {way: [float(each.psnr[way].mean()) for each in found] for way in found[0].psnr}
    return {
        "what": "peak signal-to-noise ratio, dB, mean over images",
        "data": clean.words,
        "images": len(clean.x0),
        "levels": [each.t for each in found],
        "visited": list(paths),
        "psnr": {
            way: [None if math.isnan(mean) else round(mean, 3) for mean in row]
            for way, row in means.items()
        },
    }


def _print_table(facts: dict[str, Any]) -> None:
    table = Table(title=f"PSNR in dB, mean of {facts['images']} images")
    table.add_column("t", justify="right")
    for way in facts["psnr"]:
        table.add_column(way, justify="right")
    for place, t in enumerate(facts["levels"]):
        row = (column[place] for column in facts["psnr"].values())
        table.add_row(str(t), *("not finite" if db is None else f"{db:.1f}" for db in row))
    Console().print(table)
