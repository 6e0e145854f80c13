"""Input images of any size, as several commands read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from jinc.data import MAX_PIXELS, Picture, read_picture


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How input images are read.

    Args:
        max_pixels: maximum pixels of an input image, checked before decoding.
    """

    max_pixels: int = MAX_PIXELS

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
