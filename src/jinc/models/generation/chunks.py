"""Images in chunks of a fixed size, each image with noise of its own."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from jinc.diffusion import SeededNoise, Step
from jinc.errors import JincError
from jinc.models.pixel_model import PixelModel
from jinc.types import Images

CHUNK = 16
"""Images generated together, if nothing else is said. Rounding depends on the size of a batch, so
image i is row i mod 16 of a whole chunk however many are asked for: the same, byte for byte."""


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
        """Draw the noise that sampling starts from, `[batch, C, H, W]`."""
        size = (len(self.numbers), model.channels, *model.image_size)
        return self.noise(torch.empty(size, device=model.device))

    def steps(self, walk: Iterator[Step]) -> Iterator[tuple[range, Step]]:
        """Yield the steps of a walk, with the numbers of the images that are wanted, and those."""
        n = len(self.asked)
        for step in walk:
            yield self.asked, step.first(n)


def chunks(count: int, seed: int, first: int = 0, batch: int = CHUNK) -> Iterator[Chunk]:
    """Yield the chunks of images 0 … count − 1 of a seed.

    Args:
        count: number of images, ≥ 1.
        seed: with the number of an image it determines its noise, ≥ 0.
        first: leave out the images before, whole chunks of them.
        batch: images of a chunk, ≥ 1.

    Raises:
        JincError: these are no whole chunks.
    """
    if batch < 1:
        raise JincError(f"batch: {batch} is not at least 1")
    if first % batch:
        raise JincError(f"first: {first} is not a multiple of {batch}")
    for start in range(first, count, batch):
        numbers = range(start, start + batch)
        asked = range(start, min(count, start + batch))
        yield Chunk(numbers, asked, SeededNoise(seed, numbers))
