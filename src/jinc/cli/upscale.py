"""`jinc upscale`: pictures made larger, and what they do not show made up."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from cyclopts import Parameter
from numpy.typing import NDArray

from jinc.cli.brought import names_of, result_names
from jinc.cli.naming import named
from jinc.cli.outputs import enlarged_sheet
from jinc.cli.pictures import ReadingOptions
from jinc.cli.provenance import begin_results, check_results, generation_facts
from jinc.cli.sampling import SEVERAL
from jinc.cli.watching import Watch, WatchedOptions
from jinc.data import Picture, save_png, to_channels, to_float, to_uint8
from jinc.diffusion import Step
from jinc.errors import JincError
from jinc.metrics import decibels
from jinc.models import (
    Enlargement,
    UpscalingModel,
    factor_of,
    keep_freed_memory,
    open_upscaler,
    upscale_images,
)
from jinc.signal import bicubic, block_mean
from jinc.types import Images

SEEN = 256
"""Pixels a side of what the sheet shows of each picture, at most."""


@dataclass(frozen=True, kw_only=True)
class UpscaleOptions(WatchedOptions, ReadingOptions):
    """Which pictures, and how they are made larger.

    Args:
        images: pictures of any size and usual format; where they are transparent, on white, or on
            black where they would hardly be seen on white.
        number: how many results for each picture.
        prompts: what they show, dealt out in turn: classes by name or number, or texts; nothing in
            particular, if not given.
        level: steps of noise on the pictures, for those that another model made: the more, the
            less they are taken at their word.
        agree: make sure that results are the pictures again when they are made smaller; if not
            given, where there is no noise on them.
        shrink: make the pictures smaller first, and say how near to them the results come.
        json_: print JSON for machines.
    """

    images: Annotated[tuple[Path, ...], SEVERAL, Parameter(name="--image")]
    number: Annotated[int, Parameter(alias="-n")] = 1
    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    level: int = 0
    agree: bool | None = None
    shrink: Annotated[bool, Parameter(negative=())] = False
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False

    def __post_init__(self) -> None:
        """Refuse no picture, and a batch."""
        super().__post_init__()
        if not self.images:
            raise JincError("--image: names nothing")
        if self.batch is not None:
            raise JincError("--batch: pictures are made larger one at a time")


def upscale(
    source: Path,
    /,
    *,
    out: Path,
    options: Annotated[UpscaleOptions, Parameter(name="*")],
) -> None:
    """Make pictures larger. What they do not show is made up, another with every seed.

    Args:
        source: a run folder or a model folder of an upscaler.
        out: folder for the results; sheet.png, where they are beside bicubic enlargements; and
            provenance.json, what they were made with.
        options: which pictures, and how.
    """
    pictured = names_of(options.images)
    files = result_names(pictured, options.number)
    names = ["sheet.png", *files, *options.pictures]
    check_results(out, "enlargements", names, options.images)
    keep_freed_memory()
    with named("embeddings", "variant", "device"):
        model = open_upscaler(
            source, embeddings=options.embeddings, variant=options.variant, device=options.device
        )
    read = options.read(options.images)
    pictures = [_Picture.of(picture, model, options.shrink) for picture in read]
    steps = len(options.levels(model.schedule))
    facts = generation_facts(source, options, steps) | {"batch": 1}
    walks = _walks(model, pictures, options)
    watch = Watch(options, steps, options.number * len(pictures), "upscaling")
    results: list[_Result] = []
    for numbers, images in watch.finished(walks):
        if not results:
            begin_results(out, "enlargements", facts, names)
        which = numbers.start % len(pictures)
        result = _Result(pictured[which], pictures[which], pictures[which].cut(images.cpu()))
        save_png(out / files[numbers.start], result.image)
        results.append(result)
    save_png(out / "sheet.png", _sheet(results, options))
    watch.write(out)
    found: dict[str, Any] = {"images": len(results), "factor": pictures[0].factor}
    if options.shrink:
        found["psnr"] = _nearness(results)
    if options.json_:
        print(json.dumps(found | {"written": [str(out / name) for name in names]}))
        return
    print(f"{len(results)} results: {out}, beside bicubic ones in {out / 'sheet.png'}")
    if options.shrink:
        print("PSNR: {upscaled:.2f} dB, bicubic {bicubic:.2f} dB".format(**found["psnr"]))


@dataclass(frozen=True, eq=False)
class _Picture:
    """A picture that is made larger.

    Args:
        low: as the model gets it, `[1, C, h, w]`: no smaller than the model knows.
        size: height and width of the part that counts, pixels.
        factor: how many times larger it becomes.
        real: what it is the smaller form of, `[1, C, H, W]`, where that is known.
    """

    low: Images
    size: tuple[int, int]
    factor: int
    real: Images | None

    @classmethod
    def of(cls, picture: Picture, model: UpscalingModel, shrink: bool) -> Self:
        """Prepare it for a model.

        Raises:
            JincError: it is too small to be made smaller.
        """
        pixels = to_channels(picture.on(picture.background), model.channels)
        image = to_float(torch.from_numpy(np.array(pixels))).permute(2, 0, 1)[None]
        factor, real = factor_of(model), None
        if shrink:
            height, width = (side // factor * factor for side in image.shape[2:])
            if not height or not width:
                raise JincError(f"--shrink: {picture.name} has no {factor}×{factor} pixels")
            real = image[..., :height, :width]
            image = to_float(to_uint8(block_mean(real, factor)))  # as a file would have it
        height, width = image.shape[2:]
        beyond = [max(0, n - side) for n, side in zip(model.low_size, (height, width), strict=True)]
        low = F.pad(image, (0, beyond[1], 0, beyond[0]), mode="replicate")
        return cls(low, (height, width), factor, real)

    @property
    def bicubic(self) -> Images:
        """It, made larger without making anything up, `[1, C, factor·h, factor·w]`."""
        return self.cut(bicubic(self.low, self.factor))

    def cut(self, images: Images) -> Images:
        """Cut off what was put beyond its edges."""
        height, width = (self.factor * side for side in self.size)
        return images[..., :height, :width]


@dataclass(frozen=True, eq=False)
class _Result:
    """What was made of a picture.

    Args:
        name: of the picture.
        picture: what it was made of.
        image: `[1, C, H, W]`.
    """

    name: str
    picture: _Picture
    image: Images


def _walks(
    model: UpscalingModel, pictures: Sequence[_Picture], options: UpscaleOptions
) -> Iterator[tuple[range, Step]]:
    """Return the steps, one picture after another.

    Raises:
        JincError: prompts, guidance or a level that the model does not take.
    """
    first = Enlargement(model, pictures[0].low, options.level, lambda: torch.zeros_like)
    plan = options.for_model(first, usual=())

    def walks() -> Iterator[tuple[range, Step]]:
        for number in range(options.number * len(pictures)):
            made = upscale_images(
                model,
                pictures[number % len(pictures)].low,
                plan,
                numbers=[number],
                level=options.level,
                agree=options.agree,
            )
            for step in made:
                yield range(number, number + 1), step

    return walks()


def _nearness(results: Sequence[_Result]) -> dict[str, float]:
    """Return the mean PSNR of results and of bicubic enlargements, dB."""

    def psnr(image: Images, real: Images | None) -> float:
        assert real is not None  # that is what shrinking is for
        seen = to_float(to_uint8(image))
        return decibels(float((seen - real).square().mean()))

    pairs = [(each.picture, each.image) for each in results]
    return {
        "upscaled": fmean(psnr(image, picture.real) for picture, image in pairs),
        "bicubic": fmean(psnr(picture.bicubic, picture.real) for picture, _ in pairs),
    }


def _sheet(results: Sequence[_Result], options: UpscaleOptions) -> NDArray[np.uint8]:
    """Lay the middles of pictures out beside what was made of them, at one scale."""
    pictures = {each.name: each.picture for each in results}
    side = min(SEEN, *(min(each.image.shape[2:]) for each in results))

    def middle(image: Images) -> Images:
        top, left = ((n - side) // 2 for n in image.shape[2:])
        return image[0, :, top : top + side, left : left + side]

    rows = []
    for name, picture in pictures.items():
        shown = [picture.bicubic, *(each.image for each in results if each.name == name)]
        shown += [] if picture.real is None else [picture.real]
        rows.append(torch.stack([middle(each) for each in shown]))
    columns = ["bicubic", *(str(copy) for copy in range(options.number))]
    columns += ["real"] if options.shrink else []
    return enlarged_sheet(torch.stack(rows), [*pictures], columns)
