"""What `jinc compare` compares: clean images, and what is made of them once they are noisy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from jinc.cli.finite import check_finite
from jinc.cli.naming import named
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.data import Picture, fit, save_png
from jinc.diffusion import SeededNoise, Step, forward
from jinc.metrics import ITERATIVE, ONE_STEP, psnr_of_each, quick_answers
from jinc.models import PixelModel, SamplingPlan, in_parts
from jinc.report import Recorder, Trajectory, comparison_sheet, forward_sheet
from jinc.signal.padding import Edges
from jinc.train import clean_images
from jinc.types import Images

SHOWN = 4
"""Images in the pictures."""

FRAMES = 40
"""States of iterative denoising in a GIF, at most."""

STRIP = 8
"""States of iterative denoising in a strip, at most."""


@dataclass(frozen=True, eq=False)
class Clean:
    """What is made noisy, and to be found again.

    Args:
        x0: `[N, C, H, W]`.
        prompts: what each of them shows, `[N]`; none if that is not known.
        names: of each, `[N]`; may be empty words.
        words: which images they are.
    """

    x0: Images
    prompts: tuple[str, ...]
    names: list[str]
    words: str


def find_clean(
    source: Path,
    model: PixelModel,
    images: Sequence[Picture],
    data: str | None,
    number: int,
    seed: int,
) -> Clean:
    """Take files, or images evenly from a set.

    Args:
        source: a run folder, or a model folder.
        model: the model in it.
        images: pictures; all are taken.
        data: a set; that of the run, if neither is given.
        number: how many of a set.
        seed: of how a set is augmented, where the run's own is.

    Raises:
        JincError: neither is given and there is none, or one cannot be read.
    """
    if images:
        fitted = [fit(each, model.image_size, model.channels)[0] for each in images]
        words = f"{len(images)} image{'s' if len(images) > 1 else ''}"
        return Clean(torch.cat(fitted), (), [Path(each.name).stem for each in images], words)
    console = Console(stderr=True)
    with decoding_progress(console) as report, named("data"):
        found = clean_images(source, model, data, number, seed, report)
    say_what_was_read(console, found.summary)
    return Clean(found.x0, found.prompts, [*found.prompts] or [""] * len(found.x0), found.words)


@dataclass(frozen=True, eq=False)
class Answers:
    """What was made of images at one level.

    Args:
        t: the level.
        x_t: the first noisy images, `[S, C, H, W]`.
        images: what was made of these, by way, `[S, C, H, W]`.
        psnr: of all images, by way, dB, `[N]`.
        trajectory: how the first images came to be, iteratively.
    """

    t: int
    x_t: Images
    images: dict[str, Images]
    psnr: dict[str, Tensor]
    trajectory: Trajectory


@dataclass(frozen=True, eq=False)
class Denoising:
    """How images are denoised at every level.

    Args:
        model: who denoises.
        plan: how to denoise iteratively; each image has its own noise, the same at all levels.
        restored: whether filters get images at the contrast of clean ones.
        edges: what filters see beyond the edges, as in `extend`.
    """

    model: PixelModel
    plan: SamplingPlan
    restored: bool
    edges: Edges

    def of(self, x0: Images, paths: Sequence[list[int]]) -> list[Answers]:
        """Noise images to the first level of each path and denoise them, with a bar meanwhile.

        Args:
            x0: clean images, `[N, C, H, W]`.
            paths: falling levels, those that iterative denoising visits.

        Raises:
            JincError: what the model predicts is not finite.
        """
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task("denoising", total=sum(map(len, paths)))
            return [self._from(x0, path, lambda: bar.advance(task)) for path in paths]

    @torch.no_grad()
    def _from(self, x0: Images, path: list[int], moved: Callable[[], None]) -> Answers:
        t, schedule = path[0], self.model.schedule
        noise = SeededNoise(self.plan.seed, range(len(x0)))
        clean = x0.to(self.model.device)
        x_t = forward(schedule, clean, t, noise(clean))
        denoiser = in_parts(self.model, self.plan)
        images = quick_answers(denoiser, schedule, x_t, t, self.restored, self.edges)
        self._check(images[ONE_STEP])
        recorder = Recorder(len(path) + 1, FRAMES, SHOWN)
        walk = self.plan.sample(denoiser, schedule, x_t, steps=path, noise=noise)
        for step in chain([Step(t, x_t, x_t)], walk):
            self._check(step.x_t)
            recorder.see(step)
            images[ITERATIVE] = step.x_t
            moved()
        psnr = {way: psnr_of_each(answer, clean) for way, answer in images.items()}
        first = {way: answer[:SHOWN].cpu() for way, answer in images.items()}
        return Answers(t, x_t[:SHOWN].cpu(), first, psnr, recorder.trajectory())

    def _check(self, images: Images) -> None:
        check_finite(images, self.plan.guidance, self.plan.clips)


def draw(out: Path, clean: Clean, found: Sequence[Answers], pictures: Sequence[str]) -> None:
    """Draw the comparison, the forward process, and how images came to be from the highest level.

    Args:
        out: the folder; it has been made ready.
        clean: the images.
        found: what was made of them, level by level.
        pictures: which of strip.png and denoising.gif: states beside or after one another.
    """
    x0, names, levels = clean.x0[:SHOWN], clean.names[:SHOWN], [each.t for each in found]
    ways = found[0].images
    images = {way: torch.stack([each.images[way] for each in found]) for way in ways}
    psnr = {way: torch.stack([each.psnr[way][:SHOWN] for each in found]) for way in ways}
    noisy = torch.stack([each.x_t for each in found])
    save_png(out / "comparison.png", comparison_sheet(x0, images, psnr, levels, names))
    save_png(out / "forward.png", forward_sheet(x0, noisy, levels, names))
    highest = max(found, key=lambda each: each.t).trajectory
    if "strip.png" in pictures:
        highest.thinned(STRIP).save(out / "strip.png")
    if "denoising.gif" in pictures:
        highest.save(out / "denoising.gif")
