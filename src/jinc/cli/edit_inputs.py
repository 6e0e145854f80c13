"""Input images and masks of `jinc edit` and `jinc inpaint`, and their results at full size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Annotated, Self

import torch
from cyclopts import Parameter
from rich.console import Console
from torch import Tensor

from jinc.cli.naming import named
from jinc.cli.results import ResultOptions
from jinc.cli.sampling import OWN, SEVERAL
from jinc.data import (
    MAX_PIXELS,
    Box,
    Canvas,
    Fitting,
    Mask,
    Picture,
    crop_with,
    fit,
    read_mask,
    read_picture,
    window_about,
)
from jinc.errors import JincError
from jinc.models import CHUNK, PixelModel
from jinc.types import Images

MOST = 1000
"""Results of one call."""


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How input images are read.

    Args:
        max_pixels: maximum pixels of an input image, checked before decoding.
    """

    max_pixels: Annotated[int, OWN] = MAX_PIXELS

    def read(self, files: Iterable[Path]) -> list[Picture]:
        """Read images, and print which transparent ones get a background other than white.

        Raises:
            JincError: a file is not an image, is damaged, or is too large.
        """
        pictures = [read_picture(file, self.max_pixels) for file in files]
        console = Console(stderr=True)
        for each in pictures:
            if each.background != "white":
                words = f"{each.name}: {each.background} background, as it is too light for white"
                console.print(words, highlight=False, markup=False, emoji=False, soft_wrap=True)
        return pictures


@dataclass(frozen=True, kw_only=True)
class EditOptions(ResultOptions, ReadingOptions):
    """Input images and masks, and how results are generated.

    Args:
        images: images of any size, in common formats.
        fit: how images get the model's size: crop takes the middle, moved to include the mask; pad
            takes all and repeats the edges; stretch resizes both sides. Results are pasted back at
            full size.
        mask: where to generate: a mask file (white = generate); alpha, for transparent areas; or a
            rectangle x,y,width,height in pixels or percent. The rest of the image is unchanged.
        grow: dilate the mask by this many pixels.
        feather: blend over this many pixels at the mask's edge.
        around: context shown to the model on each side of the mask, in multiples of the mask's
            size (default: all that --fit takes).
        number: results per image.
        prompts: what to generate, assigned to results in turn: classes by name or number, or texts
            (default: unconditional).
    """

    images: Annotated[tuple[Path, ...], SEVERAL, OWN, Parameter(name="--image")]
    fit: Annotated[Fitting, OWN] = "crop"
    mask: Annotated[str | None, OWN] = None
    grow: Annotated[int, OWN] = 0
    feather: Annotated[int, OWN] = 0
    around: Annotated[float | None, OWN] = None
    number: Annotated[int, Parameter(alias="-n")] = 1
    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()

    def __post_init__(self) -> None:
        """Refuse numbers out of range, no image, and options without effect."""
        super().__post_init__()
        if not self.images:
            raise JincError("--image: no file given")
        check_count(self.number * len(self.images))
        unused = {"--grow": self.grow, "--feather": self.feather, "--around": self.around}
        for option, value in unused.items():
            if value and self.mask is None:
                raise JincError(f"{option}: has no effect without --mask")
            if value is not None and not 0 <= value < float("inf"):
                raise JincError(f"{option}: {value} is not a finite number of at least 0")

    def for_images(self, model: PixelModel) -> Self:
        """Return the plan for all results of all images; errors are those of `for_model`."""
        count = self.number * len(self.images)
        plan = self.for_model(model, usual=())
        return replace(plan, number=count, batch=plan.batch or min(CHUNK, count))

    def refuse_own_levels(self) -> None:
        """Refuse samplers in which no common level exists at which known pixels are put back."""
        if not self.shared_level:
            reason = "gives each image its own noise level and cannot restore known pixels"
            raise JincError(f"--sampler: {self.sampler} {reason}; choose another")


def check_count(results: int) -> None:
    """Refuse more results than fit in memory and on one sheet."""
    if results > MOST:
        raise JincError(f"--number: {results:,} results exceed the maximum of {MOST:,}")


@dataclass(frozen=True, eq=False)
class EditInputs:
    """Input images at a model's size.

    Args:
        names: of the images, without folder and suffix.
        photos: `[N, C, H, W]`.
        canvases: how they were fitted, and how results are pasted back.
        masks: of each image; None to generate everywhere.
    """

    names: Sequence[str]
    photos: Images
    canvases: Sequence[Canvas]
    masks: Sequence[Mask] | None

    @classmethod
    def read(cls, model: PixelModel, options: EditOptions) -> Self:
        """Read images and masks, and fit them to a model.

        Raises:
            JincError: an image or a mask cannot be read, or does not fit.
        """
        pictures = options.read(options.images)
        masks = None
        if options.mask is not None:
            with named("mask", "grow", "feather"):
                masks = [
                    read_mask(options.mask, each, options.grow, options.feather)
                    for each in pictures
                ]
        regions: list[Box | None] = [None] * len(pictures)
        if masks is not None and options.around is not None:
            regions = [window_about(mask, model.image_size, options.around) for mask in masks]
        elif masks is not None and options.fit == "crop":
            regions = [crop_with(mask, model.image_size) for mask in masks]
        fitted = [
            fit(picture, model.image_size, model.channels, options.fit, region=region)
            for picture, region in zip(pictures, regions, strict=True)
        ]
        canvases = [canvas for _, canvas in fitted]
        for canvas, mask in zip(canvases, masks or (), strict=False):
            if not canvas.holds(mask):
                reason = f"extends beyond {canvas.box}, the part of the image that is used"
                raise JincError(f"--mask: {mask.name} {reason}; --fit pad uses the whole image")
        return cls(names_of(options.images), torch.cat([x for x, _ in fitted]), canvases, masks)

    def mask_tensor(self) -> Tensor | None:
        """Return the masks at the model's size, `[N, 1, H, W]`."""
        if self.masks is None:
            return None
        pairs = zip(self.canvases, self.masks, strict=True)
        return torch.cat([canvas.mask(mask) for canvas, mask in pairs])

    def save(self, out: Path, images: Images, suffix: str = "") -> None:
        """Paste results into their images and save them.

        Args:
            out: the folder.
            images: image i belongs to input i mod N, `[count, C, H, W]`.
            suffix: as of `result_names`.
        """
        inputs = len(self.names)
        names = result_names(self.names, len(images) // inputs, suffix)
        for number, (name, image) in enumerate(zip(names, images, strict=True)):
            mask = None if self.masks is None else self.masks[number % inputs]
            canvas = self.canvases[number % inputs]
            canvas.paste_back(image[None], mask)[0].save(out / name)


def result_names(names: Sequence[str], number: int, suffix: str = "") -> list[str]:
    """Return file names of results: the first of every image, then the second of every image.

    Args:
        names: of the images.
        number: results per image.
        suffix: follows the image's name.

    >>> result_names(["a", "b"], 2, "-0.5")
    ['a-0.5-0.png', 'b-0.5-0.png', 'a-0.5-1.png', 'b-0.5-1.png']
    """
    return [f"{name}{suffix}-{copy}.png" for copy in range(number) for name in names]


def names_of(files: Sequence[Path]) -> list[str]:
    """Return a unique name for each file: its stem, numbered where stems repeat."""
    stems = [file.stem for file in files]
    names: list[str] = []
    for stem in stems:
        free = (f"{stem}-{number}" for number in count())
        own = stem if stems.count(stem) == 1 else next(free)
        while own in names or (own != stem and own in stems):
            own = next(free)
        names.append(own)
    return names
