"""Photographs made anew: from where they start, and which of their pixels stay."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from jinc.diffusion import Schedule, Step, Walk, replace
from jinc.errors import JincError
from jinc.models.generation.chunks import CHUNK, chunks
from jinc.models.generation.generate import DDIM, PLAIN
from jinc.models.generation.shaping import Shaping
from jinc.models.pixel_model import PixelModel
from jinc.types import Images, Noise


class Start(Protocol):
    """Where to start from, and the levels from there: `partial(sdedit_start, strength=0.6)`."""

    def __call__(
        self, schedule: Schedule, photo: Images, *, noise: Noise
    ) -> tuple[Images, list[int]]:
        """Return x_t and the levels to visit, the first being that of x_t.

        Args:
            schedule: of the model.
            photo: clean images, `[B, C, H, W]`.
            noise: white noise on demand.
        """
        ...


def edit_images(
    model: PixelModel,
    photos: Images,
    count: int,
    *,
    start: Start,
    masks: Tensor | None = None,
    shaping: Shaping = PLAIN,
    walk: Walk = DDIM,
    seed: int = 0,
    batch: int = CHUNK,
) -> Iterator[tuple[range, Step]]:
    """Make images 0 … count − 1 of a seed from photographs, dealt out in turn.

    Args:
        model: what generates.
        photos: clean images, `[N, C, H, W]`; image i is made from photograph i mod N.
        count: number of images, ≥ 1.
        start: how they become noisy, and where they go from there.
        masks: 1 where to generate, 0 where the photograph stays, `[N, 1, H, W]`; None to generate
            everywhere. With masks, levels may rise (RePaint), for walks that can.
        shaping: what is asked of the model, and how its answers are shaped.
        walk: how to get from the start to images.
        seed: with the number of an image it determines its noise, ≥ 0.
        batch: images that are worked on together, ≥ 1; with another number they come out the same
            up to rounding.

    Yields:
        After every step of every chunk, the numbers of its images and the step, `[n, C, H, W]`.

    Raises:
        JincError: photographs that are not of the model's size, or masks that do not fit them.

    Source: SDEdit (arXiv 2108.01073); RePaint (arXiv 2201.09865).
    """
    size = (model.channels, *model.image_size)
    if photos.ndim != 4 or photos.shape[1:] != size:
        raise JincError(f"photos: {list(photos.shape)} is not [N, {', '.join(map(str, size))}]")
    for chunk in chunks(count, seed, batch=batch):
        places = torch.tensor([i % len(photos) for i in chunk.numbers])
        photo = photos[places].to(model.device)
        x_t, levels = start(model.schedule, photo, noise=chunk.noise)
        after = None
        if masks is not None:
            after = replace(model.schedule, photo, masks[places].to(photo), chunk.noise)
        steps = walk(
            shaping.denoiser(model, chunk.numbers),
            model.schedule,
            x_t,
            steps=levels,
            noise=chunk.noise,
            after=after,
        )
        yield from chunk.steps(steps)
