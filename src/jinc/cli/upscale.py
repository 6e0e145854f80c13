"""`jinc upscale`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import torch
from cyclopts import Parameter

from jinc.cli.edit_inputs import ReadingOptions, names_of, result_names
from jinc.cli.model_argument import RunOrModel, results_folder
from jinc.cli.naming import named
from jinc.cli.results import ResultOptions, Results
from jinc.cli.sampling import OWN, SAMPLING, SEVERAL
from jinc.data import save_png, to_float, to_uint8
from jinc.errors import JincError, counted
from jinc.metrics import decibels
from jinc.models import Enlargement, SmallImage, upscale_in_turn
from jinc.report import upscaling_sheet
from jinc.types import Images


@dataclass(frozen=True, kw_only=True)
class UpscaleOptions(ResultOptions, ReadingOptions):
    """Input images, and how they are upscaled.

    Args:
        images: images of any size, in common formats; transparent areas become white, or black
            where the image would hardly be visible on white.
        number: results per image.
        prompts: what the images show, assigned to results in turn: classes by name or number, or
            texts (default: unconditional).
        level: noise added to the input, in steps, for inputs that another model generated: more
            noise gives the upscaler more freedom.
        agree: constrain results to average back to the input (default: if --level is 0).
        shrink: reduce the images first, and measure how close (PSNR) results come to the originals.
    """

    images: Annotated[tuple[Path, ...], SEVERAL, OWN, Parameter(name="--image")]
    number: Annotated[int, Parameter(alias="-n")] = 1
    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    level: Annotated[int, OWN] = 0
    agree: Annotated[bool | None, OWN] = None
    shrink: Annotated[bool, OWN, Parameter(negative=())] = False

    def __post_init__(self) -> None:
        """Refuse no image, and a batch."""
        super().__post_init__()
        if not self.images:
            raise JincError("--image: no file given")
        if self.batch is not None:
            raise JincError("--batch: images are upscaled one at a time; leave it out")


def upscale(
    source: RunOrModel,
    /,
    *,
    out: Path | None = None,
    options: Annotated[UpscaleOptions, Parameter(name="*", group=SAMPLING)],
) -> None:
    """Upscale images with a diffusion model. Details are generated, and differ with every seed.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models) of an upscaler.
        out: folder for the results, sheet.png, which shows them beside bicubic enlargements, and
            provenance.json (default: out/MODEL/upscale).
        options: input images, and how they are upscaled.
    """
    inputs = names_of(options.images)
    files = result_names(inputs, options.number)
    names = ["sheet.png", *files, *options.trajectories]
    out = out or results_folder(source, "upscale")
    results = Results(out, "enlargements", options, names, options.images)
    model = options.open_upscaler(source, options.embeddings)
    with named("shrink"):
        small = [
            SmallImage.of(each, model, options.shrink) for each in options.read(options.images)
        ]
    steps = len(options.levels(model.schedule))
    first = Enlargement(model, small[0].low, options.level, lambda: torch.zeros_like)
    plan = options.for_model(first, usual=())
    results.describe(source, options, steps, batch=1)
    lows = [each.low for each in small] * options.number
    run = upscale_in_turn(model, lows, plan, level=options.level, agree=options.agree)
    images: list[Images] = []
    for numbers, image in results.finished(run, len(files), steps, "upscaling"):
        images.append(small[numbers.start % len(small)].crop(image.cpu()))
        save_png(results.folder() / files[numbers.start], images[-1])
    save_png(out / "sheet.png", upscaling_sheet(inputs, small, images))
    facts: dict[str, Any] = {"images": len(images), "factor": small[0].factor}
    number = counted(len(images), "results")
    line = f"{number}: {out}, beside bicubic enlargements in {out / 'sheet.png'}"
    if options.shrink:
        facts["psnr"] = psnr = _mean_psnr(small, images)
        line += "\nPSNR: {upscaled:.2f} dB, bicubic {bicubic:.2f} dB".format(**psnr)
    results.report(line, facts)


def _mean_psnr(small: Sequence[SmallImage], images: Sequence[Images]) -> dict[str, float]:
    """Return the mean PSNR of results and of bicubic enlargements, dB."""

    def psnr(image: Images, real: Images | None) -> float:
        assert real is not None  # --shrink keeps it
        return decibels(float((to_float(to_uint8(image)) - real).square().mean()))

    pairs = [(small[place % len(small)], image) for place, image in enumerate(images)]
    return {
        "upscaled": fmean(psnr(image, each.real) for each, image in pairs),
        "bicubic": fmean(psnr(each.bicubic, each.real) for each, _ in pairs),
    }
