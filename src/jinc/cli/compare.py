"""`jinc compare`."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from jinc.cli.edit_inputs import ReadingOptions
from jinc.cli.model_argument import RunOrModel, results_folder
from jinc.cli.naming import named
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.cli.results import FRAMES, ResultOptions, Results, check_finite
from jinc.cli.sampling import SAMPLING, SEVERAL, SamplerName
from jinc.cli.spans import parse_level
from jinc.data import Picture, fit
from jinc.diffusion import timesteps
from jinc.errors import JincError, counted
from jinc.files import write_json
from jinc.metrics import ONE_STEP, Denoised, LevelComparison, levels_from
from jinc.models import PixelModel
from jinc.report import Recorder, draw_comparison
from jinc.train import clean_images
from jinc.types import Images

MOST = 2000
"""Images of one call, held in memory once for every method."""
SHOWN = 4
"""Images in the pictures."""
QUARTERS = ("25%", "50%", "75%")


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ResultOptions, ReadingOptions):
    """How many images, and how they are denoised iteratively.

    Args:
        number: images taken from the data set, 1 to 2,000; has no effect with --images.
        prompts: what the images show, assigned in turn: classes by name or number, or texts
            (default: their classes in the set, if any).
        sampler: of iterative denoising; posterior is that of the course.
        steps: number of levels of iterative denoising, evenly spaced below each of --levels
            (default: by --stride).
        strip: also write strip.png: iterative denoising from the highest level.
        gif: also write denoising.gif, an animation of these states.
    """

    number: Annotated[int, Parameter(alias="-n")] = 16
    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    sampler: SamplerName = "posterior"
    steps: int | None = None

    def __post_init__(self) -> None:
        """Refuse more images than fit in memory, and spacings of levels."""
        super().__post_init__()
        if self.number > MOST:
            raise JincError(f"--number: {self.number:,} is not from 1 to {MOST:,}")
        if self.spacing is not None or self.sigma_min is not None:
            option = "--spacing" if self.spacing is not None else "--sigma-min"
            raise JincError(f"{option}: has no effect here; --stride or --steps set the levels")


def compare(
    source: RunOrModel,
    /,
    *,
    out: Path | None = None,
    images: Annotated[tuple[Path, ...], SEVERAL, Parameter(alias="--image")] = (),
    data: str | None = None,
    levels: Annotated[tuple[str, ...], SEVERAL] = QUARTERS,
    stride: int | None = None,
    restore: bool = True,
    edges: Literal["reflect", "mirror"] = "reflect",
    options: Annotated[CompareOptions, Parameter(name="*", group=SAMPLING)] = CompareOptions(),
) -> None:
    """Compare denoising by classical filters, in one step and iteratively.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        out: folder for comparison.png, forward.png, comparison.json and provenance.json
            (default: out/MODEL/compare).
        images: image files of any size, cropped to the centre.
        data: a data set (default: the run's: its test split, or what it held out).
        levels: noise levels: t, such as 250, or shares of T, such as 25% or 0.25.
        stride: iterative denoising visits multiples of it (default: 3% of T).
        restore: rescale noisy images by 1/√ᾱ_t, to the contrast of clean ones, before filtering;
            --no-restore filters x_t, as in the course.
        edges: padding of the filters: reflect repeats the outermost pixel, mirror does not (as in
            the course).
        options: how many images, and how they are denoised.
    """
    if images and data is not None:
        raise JincError("--data: has no effect with --images; give one of them")
    shown = ["comparison.png", "forward.png", *options.trajectories]
    out = out or results_folder(source, "compare")
    results = Results(out, "comparisons", options, [*shown, "comparison.json"], images)
    model = options.open(source)
    paths = _paths(levels, model.timesteps, stride, options.steps)
    options.for_model(model)  # refuses bad options before images are read
    clean = _Clean.read(source, model, options.read(images), data, options)
    plan = replace(options.for_model(model, usual=clean.prompts), number=len(clean.x0))
    facts: dict[str, Any] = {"levels": [t for t, *_ in paths], "stride": stride}
    facts |= {"restored": restore, "edges": edges}
    results.describe(source, plan, options.steps, images=images, data=clean.words, **facts)
    x0 = clean.x0.to(model.device)
    comparisons = (LevelComparison(model, plan, x0, path, restore, edges) for path in paths)
    found = _denoise(comparisons, sum(map(len, paths)), results)
    measured = _measured(clean, paths, found) | {"sampler": options.sampler, "restored": restore}
    measured |= {"edges": edges, "guidance": options.guidance, "seed": options.seed}
    write_json(results.folder() / "comparison.json", measured)
    draw_comparison(out, clean.x0[:SHOWN], clean.names[:SHOWN], found)
    if not options.json_:
        _print_table(measured)
    files = ", ".join(str(out / name) for name in shown)
    results.report(f"{clean.words}: {files}", measured, shown)


@dataclass(frozen=True, eq=False)
class _Clean:
    """Clean images `[N, C, H, W]`, their prompts (if known) and names, and a description."""

    x0: Images
    prompts: tuple[str, ...]
    names: list[str]
    words: str

    @classmethod
    def read(
        cls,
        source: Path,
        model: PixelModel,
        images: Sequence[Picture],
        data: str | None,
        options: CompareOptions,
    ) -> "_Clean":
        """Take files, or images evenly from a set."""
        if images:
            fitted = [fit(each, model.image_size, model.channels)[0] for each in images]
            names = [Path(each.name).stem for each in images]
            return cls(torch.cat(fitted), (), names, counted(len(images), "images"))
        console = Console(stderr=True)
        with named("data"), decoding_progress(console) as report:
            found = clean_images(source, model, data, options.number, options.seed, report)
        say_what_was_read(console, found.summary)
        names = [*found.prompts] or [""] * len(found.x0)
        return cls(found.x0, found.prompts, names, found.words)


def _paths(levels: Sequence[str], T: int, stride: int | None, steps: int | None) -> list[list[int]]:
    """Return the levels that iterative denoising visits, from each noise level down."""
    for option, number in (("--stride", stride), ("--steps", steps)):
        if number is not None and number < 1:
            raise JincError(f"{option}: {number} is not at least 1")
    if stride is not None and steps is not None:
        raise JincError("--stride: excludes --steps; give one of them")
    starts = dict.fromkeys(parse_level("--levels", word, T) for word in levels)
    if not starts:
        raise JincError("--levels: no level given")
    if steps is not None:
        return [timesteps(t + 1, min(steps, t + 1)) for t in starts]
    stride = max(1, round(0.03 * T)) if stride is None else stride
    return [levels_from(t, T, stride) for t in starts]


def _denoise(
    comparisons: Iterable[LevelComparison], calls: int, results: Results
) -> list[Denoised]:
    """Denoise at every level with a progress bar, and record the highest."""
    found: list[Denoised] = []
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("denoising", total=calls)
        for each in comparisons:
            recorder = Recorder(len(each.path) + 1, FRAMES, SHOWN)
            for step in each.denoise():
                check_finite(step.x_t, each.plan)
                recorder.see(step)
                bar.advance(task)
            check_finite(each.images[ONE_STEP], each.plan)
            if all(each.path[0] > other.t for other in found):
                results.recorder = recorder
            found.append(each.first(SHOWN))
    return found


def _measured(
    clean: _Clean, paths: Sequence[list[int]], found: Sequence[Denoised]
) -> dict[str, Any]:
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
