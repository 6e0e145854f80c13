"""Generated images in a folder, a PNG file each, named by their numbers."""

import re
from pathlib import Path

from torch import Tensor

from jinc.data.images import as_tiles, save_png
from jinc.data.listing import Listing

_NAME = re.compile(r"[0-9]{6,}\.png")


def numbered_name(number: int) -> str:
    """Return the name of an image's file: `000000.png` and so on."""
    return f"{number:06d}.png"


def save_images(folder: str | Path, images: Tensor, start: int = 0) -> list[Path]:
    """Save each image as a PNG file named by its number, grey ones as grey.

    Args:
        folder: where to; made if need be.
        images: `[count, 1 or 3, height, width]`, uint8, or float in [-1, 1].
        start: the number of the first.

    Returns:
        The files: `000000.png` and so on.

    Raises:
        JincError: a file cannot be written.
    """
    tiles = as_tiles(images)
    files = [Path(folder) / numbered_name(start + index) for index in range(len(tiles))]
    for path, tile in zip(files, tiles, strict=True):
        save_png(path, tile)
    return files


def remove_images(folder: Path) -> None:
    """Remove the images that were saved by their numbers; what lies beside them stays."""
    for file in numbered_files(folder):
        file.unlink()


def list_numbered(folder: Path) -> Listing | None:
    """List the images that were saved by their numbers, without the pictures beside them.

    Args:
        folder: where they are.

    Returns:
        The files in order; None for folders of other images, which have no number 0.
    """
    if not (folder / numbered_name(0)).is_file():
        return None
    files = tuple(sorted(numbered_files(folder), key=lambda file: int(file.stem)))
    return Listing(folder, files, None, ())


def numbered_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are named by numbers, whoever made them."""
    return [file for file in folder.iterdir() if is_numbered(file.name)]


def is_numbered(name: str) -> bool:
    """Whether a file has the name of an image by its number."""
    return _NAME.fullmatch(name) is not None
