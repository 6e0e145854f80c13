"""Pictures that are brought to `jinc edit` and `jinc inpaint`, as the model sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Annotated, Self

import torch
from cyclopts import Parameter
from torch import Tensor

from jinc.cli.naming import named
from jinc.cli.pictures import ReadingOptions
from jinc.cli.sampling import SEVERAL
from jinc.cli.watching import WatchedOptions
from jinc.data import (
    Box,
    Canvas,
    Fitting,
    Mask,
    Picture,
    crop_with,
    fit,
    read_mask,
    window_about,
)
from jinc.errors import JincError
from jinc.models import CHUNK, PixelModel
from jinc.types import Images

MOST = 1000
"""Results of one call."""


@dataclass(frozen=True, kw_only=True)
class PictureOptions(WatchedOptions, ReadingOptions):
    """Which pictures, and how they are made.

    Args:
        images: pictures of any size and usual format.
        fit: how they come to the size of the model: the middle of them, moved until the mask is in
            it; all of them, with their edges repeated; or stretched. Results are put back in their
            place, at full size.
        mask: where to generate: the file of a mask, white where to; alpha for what is transparent;
            or a rectangle x,y,width,height, in pixels or per cent. All else stays as it is.
        grow: pixels that are added to the mask all around.
        feather: pixels over which what was generated fades in at the edge of the mask.
        around: of a picture with a mask, how much is shown to the model at each side of the mask,
            in its sizes; all that --fit takes, if not given.
        number: how many results for each picture.
        prompts: what to make of the pictures, dealt out in turn: classes by name or number, or
            texts; nothing in particular, if not given.
        json_: print JSON for machines.
    """

    images: Annotated[tuple[Path, ...], SEVERAL, Parameter(name="--image")]
    fit: Fitting = "crop"
    mask: str | None = None
    grow: int = 0
    feather: int = 0
    around: float | None = None
    number: Annotated[int, Parameter(alias="-n")] = 1
    prompts: Annotated[tuple[str, ...], SEVERAL, Parameter(name="--prompt", alias="--class")] = ()
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False

    def __post_init__(self) -> None:
        """Refuse numbers out of range, no picture, and options without effect."""
        super().__post_init__()
        if not self.images:
            raise JincError("--image: names nothing")
        check_count(self.number * len(self.images))
        unused = {"--grow": self.grow, "--feather": self.feather, "--around": self.around}
        for option, value in unused.items():
            if value and self.mask is None:
                raise JincError(f"{option}: needs --mask, there is no edge")
            if value is not None and not 0 <= value < float("inf"):
                raise JincError(f"{option}: {value} is not a finite number of at least 0")

    def for_pictures(self, model: PixelModel) -> Self:
        """Return the plan for all results of all pictures; errors are those of `for_model`."""
        count = self.number * len(self.images)
        plan = self.for_model(model, usual=())
        return replace(plan, number=count, batch=plan.batch or min(CHUNK, count))


def check_count(results: int) -> None:
    """Refuse more results than one call holds in memory and lays out on one sheet.

    Raises:
        JincError: there are too many.
    """
    if results > MOST:
        raise JincError(f"--number: {results:,} results of all pictures, {MOST:,} are the most")


@dataclass(frozen=True, eq=False)
class Brought:
    """Pictures as a model sees them.

    Args:
        names: of the pictures, without folder and ending.
        photos: `[N, C, H, W]`.
        canvases: how they were fitted, and how results go back.
        masks: of each picture; None where all is generated.
    """

    names: Sequence[str]
    photos: Images
    canvases: Sequence[Canvas]
    masks: Sequence[Mask] | None

    def mask_tensor(self) -> Tensor | None:
        """The masks as the model sees them, `[N, 1, H, W]`."""
        if self.masks is None:
            return None
        pairs = zip(self.canvases, self.masks, strict=True)
        return torch.cat([canvas.mask(mask) for canvas, mask in pairs])

    def pasted(self, which: int, image: Images) -> Picture:
        """Put one generated image `[C, H, W]` back into its picture."""
        mask = None if self.masks is None else self.masks[which]
        return self.canvases[which].paste_back(image[None], mask)[0]


def bring(model: PixelModel, options: PictureOptions) -> Brought:
    """Read and fit the pictures.

    Raises:
        JincError: a picture or a mask cannot be read, or does not fit.
    """
    pictures = options.read(options.images)
    masks = None
    if options.mask is not None:
        with named("mask", "grow", "feather"):
            masks = [
                read_mask(options.mask, each, options.grow, options.feather) for each in pictures
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
            reason = f"reaches beyond {canvas.box}, which is used of the picture"
            raise JincError(f"--mask: {mask.name} {reason}; --fit pad uses all of it")
    photos = torch.cat([image for image, _ in fitted])
    return Brought(names_of(options.images), photos, canvases, masks)


def result_names(pictures: Sequence[str], number: int, word: str = "") -> list[str]:
    """Return the files of results: of every picture the first, of every picture the second.

    Args:
        pictures: their names.
        number: how many results for each of them.
        word: what the names tell of them.

    >>> result_names(["a", "b"], 2, "-0.5")
    ['a-0.5-0.png', 'b-0.5-0.png', 'a-0.5-1.png', 'b-0.5-1.png']
    """
    return [f"{name}{word}-{copy}.png" for copy in range(number) for name in pictures]


def save_results(out: Path, brought: Brought, images: Images, word: str = "") -> list[str]:
    """Save results in their pictures' place, and return the files.

    Args:
        out: the folder.
        brought: the pictures.
        images: image i was made of picture i mod N, `[count, C, H, W]`.
        word: what the names of the files tell of them.
    """
    pictures = len(brought.names)
    names = result_names(brought.names, len(images) // pictures, word)
    files = [str(out / name) for name in names]
    for number, (file, image) in enumerate(zip(files, images, strict=True)):
        brought.pasted(number % pictures, image).save(file)
    return files


def names_of(files: Sequence[Path]) -> list[str]:
    """Tell files apart: by their names, and by numbers where these do not do."""
    stems = [file.stem for file in files]
    names: list[str] = []
    for stem in stems:
        free = (f"{stem}-{number}" for number in count())
        own = stem if stems.count(stem) == 1 else next(free)
        while own in names or (own != stem and own in stems):
            own = next(free)
        names.append(own)
    return names
