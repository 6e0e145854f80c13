"""Images in chunks of a fixed size, each image with noise of its own."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from jinc.diffusion import SeededNoise, Step
from jinc.errors import JincError
from jinc.models.pixel_model import PixelModel
from jinc.types import Images

CHUNK = 16
"""Images generated together. Fixed, for rounding depends on the size of a batch: image i is row
i mod 16 of its chunk however many are asked for, and comes out the same, byte for byte."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Images that are generated together.

    Args:
        numbers: of all its images within the run.
        asked: of those that are wanted; the others fill it up.
        noise: each image's own.
    """

    numbers: range
    asked: range
    noise: SeededNoise

    def start(self, model: PixelModel) -> Images:
        """Draw the noise that sampling starts from, `[CHUNK, C, H, W]`."""
        size = (len(self.numbers), model.channels, *model.image_size)
        return self.noise(torch.empty(size, device=model.device))

    def steps(self, walk: Iterator[Step]) -> Iterator[tuple[range, Step]]:
        """Yield the steps of a walk, with the numbers of the images that are wanted, and those."""
        n = len(self.asked)
        for step in walk:
            yield self.asked, step.first(n)


def chunks(count: int, seed: int, first: int = 0) -> Iterator[Chunk]:
    """Yield the chunks of images 0 … count − 1 of a seed.

    Args:
        count: number of images, ≥ 1.
        seed: with the number of an image it determines its noise, ≥ 0.
        first: leave out the images before, whole chunks of them.

    Raises:
        JincError: these are no whole chunks.
    """
    if first % CHUNK:
        raise JincError(f"first: {first} is not a multiple of {CHUNK}")
    for start in range(first, count, CHUNK):
        numbers = range(start, start + CHUNK)
        asked = range(start, min(count, start + CHUNK))
        yield Chunk(numbers, asked, SeededNoise(seed, numbers))
