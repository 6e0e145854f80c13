"""Images from a trained model, each with noise of its own, whatever is generated beside it."""

from collections.abc import Iterable, Iterator, Sequence

import torch

from jinc.diffusion import Step, warn_of_signal
from jinc.models.generation.chunks import chunks
from jinc.models.generation.plan import Composition, SamplingPlan
from jinc.models.pixel_model import PixelModel
from jinc.types import Images


def generate_images(
    model: PixelModel, plan: SamplingPlan, *, composition: Composition | None = None, first: int = 0
) -> Iterator[tuple[range, Step]]:
    """Generate the images of a plan, batch by batch.

    Args:
        model: what generates.
        plan: which images, and how.
        composition: combines the prompts of the plan into each image.
        first: leave out the images before, whole batches of them.

    Yields:
        After every step of every batch, the numbers of its images and the step, `[n, C, H, W]`.
    """
    warn_of_signal(model.schedule)
    levels = plan.levels(model.schedule)
    for chunk in chunks(plan.number, plan.seed, first, plan.together):
        denoiser, x_T = plan.denoiser(model, chunk.numbers, composition), chunk.start(model)
        yield from chunk.steps(
            plan.sample(denoiser, model.schedule, x_T, steps=levels, noise=chunk.noise)
        )


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
