"""Editing of photographs (SDEdit) and inpainting (RePaint)."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from jinc.diffusion import Schedule, Step, replace
from jinc.errors import JincError
from jinc.models.generation.generate import chunks
from jinc.models.generation.plan import SamplingPlan
from jinc.models.pixel_model import PixelModel
from jinc.types import Images, Noise


class Start(Protocol):
    """Makes the start of sampling from photographs: `partial(sdedit_start, strength=0.6)`."""

    def __call__(
        self, schedule: Schedule, photo: Images, *, noise: Noise
    ) -> tuple[Images, list[int]]:
        """Return x_t and the levels to visit, of which the first is that of x_t."""


def edit_images(
    model: PixelModel,
    photos: Images,
    plan: SamplingPlan,
    *,
    start: Start,
    masks: Tensor | None = None,
) -> Iterator[tuple[range, Step]]:
    """Generate the images of a plan from noisy photographs.

    Args:
        model: generates the images.
        photos: clean images, `[N, C, H, W]`; image i starts from photograph i mod N.
        plan: which images, and how; the levels are those of `start`.
        start: adds noise to the photographs, and lists the levels from there.
        masks: 1 where to generate, 0 where the photograph stays, `[N, 1, H, W]`; None to generate
            everywhere. With masks, levels may rise (RePaint), for samplers that allow it.

    Yields:
        After every step of every chunk, the numbers of its images and the step, `[n, C, H, W]`.

    Raises:
        JincError: photographs of another size than the model's, or masks that do not fit them.

    Source: SDEdit (arXiv 2108.01073); RePaint (arXiv 2201.09865).
    """
    size = (model.channels, *model.image_size)
    if photos.ndim != 4 or photos.shape[1:] != size:
        raise JincError(f"photos: {list(photos.shape)} is not [N, {', '.join(map(str, size))}]")
    for chunk in chunks(plan.number, plan.seed, batch=plan.together):
        places = torch.tensor([i % len(photos) for i in chunk.numbers])
        photo = photos[places].to(model.device)
        x_t, levels = start(model.schedule, photo, noise=chunk.noise)
        after = None
        if masks is not None:
            after = replace(model.schedule, photo, masks[places].to(photo), chunk.noise)
        steps = plan.sample(
            plan.denoiser(model, chunk.numbers),
            model.schedule,
            x_t,
            steps=levels,
            noise=chunk.noise,
            after=after,
        )
        yield from chunk.steps(steps)
