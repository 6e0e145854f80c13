"""What a button of the page starts: pictures that appear step by step, and how to repeat them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.app.recipes import Recipe
from jinc.cli.results import check_finite
from jinc.cli.sampling import SamplingOptions
from jinc.diffusion import SAMPLERS, Step
from jinc.errors import JincError, counted
from jinc.models import PixelModel, SamplingPlan, UpscalingModel
from jinc.types import Images

MOST = 64
"""Images of one job on the page."""

Picture: TypeAlias = NDArray[np.uint8] | Path
"""A picture: pixels while it is generated, then a file."""

Options = TypeVar("Options", bound=SamplingOptions)


class Shown(NamedTuple):
    """What the page shows after a step.

    Args:
        pictures: one for each place of the tab.
        line: how far it is.
    """

    pictures: tuple[Picture, ...]
    line: str


@dataclass(frozen=True)
class Job:
    """Work that has been checked and not begun yet.

    Args:
        recipe: how to repeat it.
        shown: does a step of the work for each item.
    """

    recipe: Recipe
    shown: Iterator[Shown]


@dataclass(frozen=True, eq=False)
class Context:
    """The model of a page, and where files go.

    Args:
        source: the model's name or folder, as typed.
        device: as typed.
        folder: of temporary files.
        model: generates images; None if `upscaler` is given.
        upscaler: enlarges images.
    """

    source: str
    device: str
    folder: Path
    model: PixelModel | None = None
    upscaler: UpscalingModel | None = None

    @property
    def generator(self) -> PixelModel:
        """The model of images.

        Raises:
            JincError: the page has an upscaler.
        """
        if self.model is None:
            raise JincError(f"{self.source}: is an upscaler, which generates no images of its own")
        return self.model

    @property
    def either(self) -> PixelModel | UpscalingModel:
        """The model, of whatever kind."""
        found = self.upscaler if self.model is None else self.model
        assert found is not None  # one of them is given
        return found

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Make a folder for the files of a job, and remove it at the end."""
        with TemporaryDirectory(dir=self.folder) as folder:
            yield Path(folder)

    def options(self, kind: Callable[..., Options], **given: Any) -> Options:
        """Make the options of a command from the values of widgets; None and "" are not given.

        Raises:
            JincError: a value is invalid, or there are more images than the page shows.
        """
        found = {name: value for name, value in given.items() if value not in (None, "", [])}
        entry = SAMPLERS.get(str(found.get("sampler", "ddim")))
        if entry is not None and "eta" not in entry.options:  # its slider is hidden
            found.pop("eta", None)
        prompts = found.get("prompts")
        if isinstance(prompts, (str, list)):
            found["prompts"] = (prompts,) if isinstance(prompts, str) else tuple(prompts)
        made = kind(**found, device=self.device)
        if made.number > MOST:
            raise JincError(f"--number: {made.number:,} is more than the {MOST} of this page")
        return made


def watched(
    run: Iterable[tuple[Sequence[int], Step]], total: int, steps: int, plan: SamplingPlan
) -> Iterator[tuple[Images, str]]:
    """Yield all images so far after every step, `[n, C, H, W]` on the CPU, and a line.

    Args:
        run: steps of batches.
        total: number of images.
        steps: of each image, at most.
        plan: by which they are generated.

    Raises:
        JincError: images are not finite.
    """
    start, done, count = time.perf_counter(), list[Images](), 0
    of = f" of {steps}" if plan.shared_level else ""
    for numbers, step in run:
        check_finite(step.x_t, plan)
        images, count = step.x_t.cpu(), count + 1
        where = f"images {numbers[0] + 1} to {numbers[-1] + 1} of {total}, " * (
            len(numbers) < total
        )
        line = f"{where}step {count}{of}"
        if step.t == -1:
            took = time.perf_counter() - start
            finished = len(numbers) + sum(map(len, done))
            line = f"{counted(finished, 'images')} in {took:.1f} s"
        yield torch.cat([*done, images]), line
        if step.t == -1:
            done, count = [*done, images], 0
