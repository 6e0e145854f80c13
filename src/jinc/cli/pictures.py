"""Pictures that files hold, of any size, as several commands read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from jinc.data import MAX_PIXELS, Picture, read_picture


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How pictures are read.

    Args:
        max_pixels: the most pixels that a picture may have, checked before it is decoded.
    """

    max_pixels: int = MAX_PIXELS

    def read(self, files: Iterable[Path]) -> list[Picture]:
        """Read pictures, and say which of them lie on black because they are light drawings.

        Raises:
            JincError: a file is no image, is damaged, or is too large.
        """
        pictures = [read_picture(file, self.max_pixels) for file in files]
        console = Console(stderr=True)
        for each in pictures:
            if each.background != "white":
                words = f"{each.name}: lies on {each.background}; on white it would hardly be seen"
                console.print(words, highlight=False, markup=False, emoji=False, soft_wrap=True)
        return pictures
