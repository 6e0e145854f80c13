"""Images from a trained model, each with noise of its own, whatever is generated beside it."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import torch

from jinc.diffusion import Step, Walk, ddim, sample, warn_of_signal
from jinc.models.generation.chunks import CHUNK, chunks
from jinc.models.generation.shaping import Asking, Shaping
from jinc.models.pixel_model import PixelModel
from jinc.types import Images

PLAIN = Shaping()
DDIM: Walk = partial(sample, method=ddim())


def generate_images(
    model: PixelModel,
    count: int,
    *,
    shaping: Asking = PLAIN,
    walk: Walk = DDIM,
    steps: int | Sequence[int] = 50,
    seed: int = 0,
    first: int = 0,
    batch: int = CHUNK,
) -> Iterator[tuple[range, Step]]:
    """Generate images 0 … count − 1 of a seed, chunk by chunk.

    Args:
        model: what generates.
        count: number of images, ≥ 1.
        shaping: what is asked of the model, and how its answers are shaped.
        walk: how to get from noise to images, such as `partial(sample, method=ddim(1.0))`.
        steps: as the walk takes them.
        seed: with the number of an image it determines its noise, ≥ 0.
        first: leave out the images before, whole chunks of them.
        batch: images that are worked on together, ≥ 1; with another number they come out the same
            up to rounding.

    Yields:
        After every step of every chunk, the numbers of its images and the step, `[n, C, H, W]`.
    """
    warn_of_signal(model.schedule)
    for chunk in chunks(count, seed, first, batch):
        denoiser, x_T = shaping.denoiser(model, chunk.numbers), chunk.start(model)
        yield from chunk.steps(walk(denoiser, model.schedule, x_T, steps=steps, noise=chunk.noise))


def images_of(walks: Iterable[tuple[range, Step]]) -> Images:
    """Wait for the images of `generate_images`, `edit_images` or `sweep_images`, and no more.

    Args:
        walks: what these yield.

    Returns:
        `[N, C, H, W]`, on the CPU.
    """
    return torch.cat([step.x_t.cpu() for _, step in walks if step.t == -1])


def grid_columns(prompts: Sequence[str]) -> int | None:
    """Return how many columns give every prompt its own, where they are not too many for that.

    Args:
        prompts: as they are dealt out to images.

    Returns:
        The number of columns, or None where the grid is better square.
    """
    return len(prompts) if 2 <= len(prompts) <= 20 else None
