"""Generation of the images of a plan, in chunks of a fixed size, each image with its own noise."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from jinc.diffusion import SeededNoise, Step, warn_of_signal
from jinc.errors import JincError
from jinc.models.generation.plan import CHUNK, Composition, SamplingPlan, rows_together
from jinc.models.pixel_model import PixelModel
from jinc.models.trained import Model
from jinc.types import Denoiser, Images, Steps


def generate_images(
    model: PixelModel, plan: SamplingPlan, *, composition: Composition | None = None, first: int = 0
) -> Iterator[tuple[range, Step]]:
    """Generate the images of a plan, batch by batch.

    Args:
        model: generates the images.
        plan: which images, and how.
        composition: combines the prompts of the plan into each image.
        first: number of images to skip, whole batches of them.

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


def images_of(steps: Iterable[tuple[range, Step]]) -> Images:
    """Collect the final images of `generate_images`, `edit_images` or `sweep_images`.

    Returns:
        `[N, C, H, W]`, on the CPU.
    """
    return torch.cat([step.x_t.cpu() for _, step in steps if step.t == -1])


def joint_denoiser(model: PixelModel, plan: SamplingPlan) -> Denoiser:
    """Return one denoiser of all images of a plan, which calls the network for parts of them."""
    size = rows_together(model.image_size)
    all_rows = [slice(first, first + size) for first in range(0, plan.number, size)]
    parts = [plan.denoiser(_of_rows(model, r), range(plan.number)[r]) for r in all_rows]

    def denoiser(x_t: Images, t: Steps) -> Images:
        split = zip(parts, x_t.split(size), t.split(size), strict=True)  # type: ignore[no-untyped-call]
        return torch.cat([part(x, level) for part, x, level in split])

    return denoiser


def _of_rows(model: PixelModel, rows: slice) -> PixelModel:
    """Return the model of some images of a batch, with their frames."""
    if not isinstance(model, Model) or model.frames is None:
        return model
    frames = model.frames
    return model.in_frames(lambda t: frames(t).rows(rows))


def grid_columns(prompts: Sequence[str]) -> int | None:
    """Return the number of columns that gives every prompt its own; None for a square grid."""
    return len(prompts) if 2 <= len(prompts) <= 20 else None


@dataclass(frozen=True, eq=False)
class Chunk:
    """Images that are generated together.

    Args:
        numbers: of all its images within the run.
        wanted: the numbers of those that are wanted; the others fill the chunk up.
        noise: each image's own.
    """

    numbers: range
    wanted: range
    noise: SeededNoise

    def start(self, model: PixelModel) -> Images:
        """Draw the noise that sampling starts from, `[batch, C, H, W]`."""
        size = (len(self.numbers), model.channels, *model.image_size)
        return self.noise(torch.empty(size, device=model.device))

    def steps(self, steps: Iterator[Step]) -> Iterator[tuple[range, Step]]:
        """Yield the wanted images of every step, with their numbers."""
        for step in steps:
            yield self.wanted, step.first(len(self.wanted))


def chunks(count: int, seed: int, first: int = 0, batch: int = CHUNK) -> Iterator[Chunk]:
    """Yield the chunks of images 0 … count − 1 of a seed.

    Args:
        count: number of images, ≥ 1.
        seed: with the number of an image it determines its noise, ≥ 0.
        first: number of images to skip, a multiple of `batch`.
        batch: images of a chunk, ≥ 1.

    Raises:
        JincError: these are not whole chunks.
    """
    if batch < 1:
        raise JincError(f"batch: {batch} is not at least 1")
    if first % batch:
        raise JincError(f"first: {first} is not a multiple of {batch}")
    for start in range(first, count, batch):
        numbers = range(start, start + batch)
        wanted = range(start, min(count, start + batch))
        yield Chunk(numbers, wanted, SeededNoise(seed, numbers))
