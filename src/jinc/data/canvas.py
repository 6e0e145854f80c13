"""A picture of any size as a model's image, and generated images pasted back into it."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from jinc.data.images import to_float, to_picture, to_uint8
from jinc.data.masks import Box, Mask, check_size
from jinc.data.pictures import Picture
from jinc.data.resize import FILTERS, check_fit, to_channels
from jinc.errors import JincError
from jinc.types import Images

Fitting = Literal["crop", "pad", "stretch"]

ENLARGE = "bicubic"
"""Filter that resizes generated images to the picture's size."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The mapping from a part of a picture to an image of a model's size, made by `fit`.

    Args:
        picture: the whole picture.
        size: height and width of the model's images.
        box: the part of the picture that is used.
        place: its rectangle in the model's image: all but the padding.
    """

    picture: Picture
    size: tuple[int, int]
    box: Box
    place: Box

    def image(self, channels: int, resize_filter: str = "bilinear") -> Images:
        """Return the part as a model's image, on its background where it is transparent.

        Args:
            channels: 1 or 3.
            resize_filter: "box", "bilinear", "bicubic" or "lanczos", antialiased.

        Returns:
            `[1, channels, height, width]`; padding repeats the edge.
        """
        seen = to_picture(self.picture.on(self.picture.background))
        if channels == 1:  # fewer channels to resize
            seen = seen.convert("L")
        part = to_channels(_resized(seen, self.box, self.place.size, resize_filter), channels)
        part = np.pad(part, (*self._margins, (0, 0)), "edge")
        return to_float(torch.from_numpy(np.ascontiguousarray(part))).permute(2, 0, 1)[None]

    def mask(self, mask: Mask) -> Tensor:
        """Return a mask of the picture for the model's image: 1 where to generate, else 0.

        A pixel is generated if any pixel of the picture that it overlaps is, and in the padding.

        Returns:
            float, `[1, 1, height, width]`.

        Raises:
            JincError: the mask has another size than the picture, or lies outside of the part.
        """
        self._check_mask(mask)
        inside = np.pad(mask.at_size(self.box, self.place.size), self._margins, constant_values=1)
        return torch.from_numpy(inside)[None, None].float()

    def holds(self, mask: Mask) -> bool:
        """Whether the part contains all of a mask of the picture."""
        inside = mask.generate[self.box.rows, self.box.columns]
        return int(inside.sum()) == int(mask.generate.sum())

    def paste_back(self, images: Images, mask: Mask | None = None) -> list[Picture]:
        """Paste each generated image into a copy of the picture.

        Pixels outside of the part, or of the mask, stay the same to the byte. Generated pixels are
        opaque; the result has colour if the picture or the image has.

        Args:
            images: `[B, 1 or 3, height, width]` of the model's size.
            mask: of the picture, with its feather; None replaces the whole part.

        Raises:
            JincError: images have another size, or as `mask`.
        """
        if images.ndim != 4 or images.shape[1] not in (1, 3) or images.shape[2:] != self.size:
            expected = f"[count, 1 or 3, {self.size[0]}, {self.size[1]}]"
            raise JincError(f"images {list(images.shape)} do not fit a canvas {expected}")
        weights = np.ones(self.box.size, np.float32)
        if mask is not None:
            self._check_mask(mask)
            weights = mask.weights(self.box)
        if self.picture.alpha is not None:  # nothing to blend with there
            seen = self.picture.alpha[self.box.rows, self.box.columns]
            weights = np.where((weights > 0) & (seen < 255), 1, weights)
        pixels = to_uint8(images).cpu().permute(0, 2, 3, 1).numpy()
        return [self._pasted(each, weights) for each in pixels]

    def _pasted(self, image: NDArray[np.uint8], weights: NDArray[np.float32]) -> Picture:
        channels = max(self.picture.channels, image.shape[2])
        inner = to_picture(image[self.place.rows, self.place.columns])  # without the padding
        resized = _resized(inner, Box.whole(self.place.size), self.box.size, ENLARGE)
        new = to_channels(resized, channels)
        pixels = to_channels(self.picture.pixels, channels).copy()
        alpha = None if self.picture.alpha is None else self.picture.alpha.copy()
        here = self.box.rows, self.box.columns
        old = pixels[here].astype(np.float32)
        mixed = old + weights[..., None] * (new - old)
        pixels[here] = np.rint(mixed).astype(np.uint8)
        if alpha is not None:
            alpha[here] = np.where(weights > 0, 255, alpha[here])
            alpha = None if bool((alpha == 255).all()) else alpha
        return Picture(pixels, alpha, self.picture.name)

    @property
    def _margins(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows before and after the place, and columns."""
        left, top, width, height = self.place
        return (top, self.size[0] - top - height), (left, self.size[1] - left - width)

    def _check_mask(self, mask: Mask) -> None:
        check_size(mask.size, self.picture, mask.name)
        if not mask.generate[self.box.rows, self.box.columns].any():
            reason = f"the mask lies outside of {self.box}, which is used of the picture"
            raise JincError(f"{mask.name}: {reason}")


def fit(
    picture: Picture,
    size: tuple[int, int],
    channels: int,
    how: Fitting = "crop",
    *,
    region: Box | None = None,
    resize_filter: str = "bilinear",
) -> tuple[Images, Canvas]:
    """Fit a picture to a model's size.

    Args:
        picture: of any size.
        size: height and width of the model's images.
        channels: 1 or 3.
        how: "crop" uses the largest centred part of the model's aspect ratio; "pad" all of it, with
            its edges replicated; "stretch" all of it, without keeping the aspect ratio.
        region: the part of the picture to fit; None for all of it.
        resize_filter: "box", "bilinear", "bicubic" or "lanczos", antialiased.

    Returns:
        `[1, channels, height, width]`; and the canvas that pastes results back.

    Raises:
        JincError: an argument is out of range.
    """
    check_fit(min(size), channels, resize_filter)
    if how not in get_args(Fitting):
        raise JincError(f"fit: {how!r} is not one of {', '.join(get_args(Fitting))}")
    box, place = Box.whole(picture.size) if region is None else region, Box.whole(size)
    if how == "crop":
        box = _middle(box, size)
    elif how == "pad":
        place = _middle(place, box.size)
    canvas = Canvas(picture, size, box, place)
    return canvas.image(channels, resize_filter), canvas


def crop_with(mask: Mask, size: tuple[int, int]) -> Box:
    """Return the largest crop of a model's aspect ratio that contains a mask, near the middle.

    Args:
        mask: of the picture.
        size: height and width of the model's images.

    Returns:
        the region for `fit`; it contains the mask unless that is larger.
    """
    box, bounds = _middle(Box.whole(mask.size), size), mask.bounds
    if bounds.width > box.width or bounds.height > box.height:
        return box
    left = max(min(box.left, bounds.left), bounds.left + bounds.width - box.width)
    top = max(min(box.top, bounds.top), bounds.top + bounds.height - box.height)
    return box._replace(left=left, top=top)


def window_about(mask: Mask, size: tuple[int, int], margin: float = 0.5) -> Box:
    """Return the surroundings of a mask, for generation at a higher resolution.

    Args:
        mask: of the picture.
        size: height and width of the model's images; the region gets their aspect ratio and, within
            the picture, at least their size.
        margin: context at each side, as a share of the mask's height and width, ≥ 0.

    Returns:
        the region for `fit`; it contains the mask unless the picture is too narrow.
    """
    (height, width), bounds = mask.size, mask.bounds
    high, wide = ((1 + 2 * margin) * side for side in bounds.size)
    scale = min(max(high / size[0], wide / size[1], 1), height / size[0], width / size[1])
    high, wide = max(1, round(scale * size[0])), max(1, round(scale * size[1]))
    left = round(bounds.left + (bounds.width - wide) / 2)
    top = round(bounds.top + (bounds.height - high) / 2)
    return Box(max(0, min(left, width - wide)), max(0, min(top, height - high)), wide, high)


def _middle(box: Box, shape: tuple[int, int]) -> Box:
    """Return the largest centred part of a box with the aspect ratio of a shape."""
    scale = min(box.height / shape[0], box.width / shape[1])
    height, width = (max(1, round(scale * side)) for side in shape)
    left, top = box.left + (box.width - width) // 2, box.top + (box.height - height) // 2
    return Box(left, top, width, height)


def _resized(
    image: Image.Image, box: Box, size: tuple[int, int], resize_filter: str
) -> NDArray[np.uint8]:
    """Resize a part of an image, antialiased: `[height, width, 1 or 3]`.

    The filter reaches beyond the edges of the part, as in `resize_square`.
    """
    left, top, width, height = box
    sides = left, top, left + width, top + height
    if box.size == size:
        part = image.crop(sides)
    else:
        part = image.resize(size[::-1], FILTERS[resize_filter], box=sides)
    return np.asarray(part).reshape(*size, -1)
