"""Part A of CS180's project 5 (Berkeley): all its prescribed runs, on a model of your choice.

    python examples/cs180.py DeepFloyd/IF-I-M-v1.0 --second DeepFloyd/IF-II-M-v1.0 --variant fp16
        --photo tower.jpg [--web image.png] [--sketch mine.png] [--mask 25%,10%,40%,40%]
        [--prompts "an oil painting of an old man" …] [--embeddings prompts.safetensors]
        [--out out/cs180]
    python examples/cs180.py runs/mnist-class --photo digit.png --prompts 6 9

The model is the first stage of DeepFloyd IF, or whatever else `open_model` opens: runs of ours take
classes as prompts, and levels are those of the course as shares of T. Pictures that are there
already are not made again, so that what was interrupted goes on.

Part B is two commands: `jinc denoise train` and `jinc train --preset mnist-class`.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor

from jinc.data import contact_sheet, fit, read_mask, read_picture, save_png
from jinc.diffusion import (
    SeededNoise,
    Step,
    forward,
    identity,
    low_pass,
    posterior,
    replace,
    sample,
    sdedit_start_index,
    strided,
    timesteps,
    vflip,
)
from jinc.diffusion.samplers.sample import After
from jinc.models import (
    Anagram,
    Hybrid,
    PixelModel,
    PromptedModel,
    PromptedUpscaler,
    Shaping,
    UpscalingModel,
    open_model,
    open_upscaler,
    upscale_images,
)
from jinc.models.generation.shaping import Asking
from jinc.signal import gaussian_blur
from jinc.types import Images

PROMPTS = ("an oil painting of an old man", "an oil painting of people around a campfire")
QUALITY = "a high quality photo"
GUIDANCE = 7.0
BEGIN = 10
"""The place in the list of levels at which iterative denoising begins: 690 of 1,000."""
INDICES = (1, 3, 5, 7, 10, 20)
"""The same of SDEdit."""
COUNTS = (20, 100)
"""Steps of both stages."""


@dataclass(frozen=True, eq=False)
class Course:
    """What its runs have in common.

    Args:
        model: makes pictures.
        second: makes them larger; None if there is no second stage.
        prompts: two or more, or none for models that understand none.
        plain: the prompt for nothing in particular.
        pictures: by name, the photograph first, each `[1, C, H, W]`.
        mask: 1 where the photograph is to be made anew, `[1, 1, H, W]`.
    """

    model: PixelModel
    second: UpscalingModel | None
    prompts: Sequence[str]
    plain: str
    pictures: dict[str, Images]
    mask: Tensor

    @property
    def photo(self) -> Images:
        """The photograph."""
        return next(iter(self.pictures.values()))

    @property
    def stride(self) -> int:
        """30 of 1,000 levels."""
        return max(1, round(0.03 * self.model.timesteps))

    def told(self, *prompts: str, guidance: float = GUIDANCE) -> Shaping:
        """What is asked of the model."""
        return Shaping(prompts=prompts, guidance=guidance if self.model.guidable else 1.0)

    def walk(
        self, asking: Asking, x_t: Images, levels: list[int], after: After | None = None
    ) -> list[Step]:
        """Every step down."""
        denoiser, noise = asking.denoiser(self.model, range(len(x_t))), noise_for(len(x_t), 1)
        walk = partial(sample, denoiser, self.model.schedule, x_t, method=posterior())
        steps = walk(steps=levels, noise=noise, after=after)
        return [*watched(steps, "denoising", len(levels))]

    def made(
        self, asking: Asking, count: int, steps: int | None = None, after: After | None = None
    ) -> Images:
        """Pictures made of noise, `[count, C, H, W]`, in so many steps, or those of the course."""
        T = self.model.timesteps
        levels = strided(T, self.stride) if steps is None else timesteps(T, min(steps, T))
        x_T = noise_for(count)(self.photo.expand(count, -1, -1, -1))
        return self.walk(asking, x_T, levels, after)[-1].x_t.cpu()

    @cached_property
    def first(self) -> list[Images]:
        """A picture of every prompt, by both numbers of steps."""
        asking = self.told(*self.prompts)
        return [self.made(asking, len(self.prompts), steps) for steps in COUNTS]

    @cached_property
    def noised(self) -> tuple[Tensor, Images]:
        """The levels 250, 500 and 750 of 1,000, and the photograph at these, `[3, C, H, W]`."""
        t = torch.tensor([round(share * self.model.timesteps) for share in (0.25, 0.5, 0.75)])
        t, photos = t.to(self.photo.device), self.photo.expand(3, -1, -1, -1)
        return t, forward(self.model.schedule, photos, t, noise_for(3)(photos))


def noise_for(count: int, seed: int = 0) -> SeededNoise:
    """The same noise for every run."""
    return SeededNoise(seed, range(count))


def watched(steps: Iterable[Step], what: str, total: int) -> Iterable[Step]:
    """A bar while one waits."""
    return track(steps, what, total, console=Console(stderr=True), transient=True)


def sheet(rows: dict[str, Images], columns: Sequence[object]) -> NDArray[np.uint8]:
    """Rows of pictures, with words."""
    images = torch.stack([row.cpu() for row in rows.values()])
    return contact_sheet(images, [*rows], [str(word) for word in columns], scale=None)


def first_stage(course: Course) -> NDArray[np.uint8]:
    """The first stage, by 20 and by 100 steps."""
    rows = zip(course.prompts, torch.stack(course.first, 1), strict=True)
    return sheet(dict(rows), [f"{n} steps" for n in COUNTS])


def second_stage(course: Course) -> NDArray[np.uint8]:
    """The second stage, likewise, of what the first has made."""
    model, made = course.second, []
    assert model is not None
    # IF was shown noisy small pictures, and usually gets a quarter of the noise there is.
    level = len(model.noising) // 4 if isinstance(model, PromptedUpscaler) else 0
    asking = Shaping(prompts=course.prompts, guidance=4.0) if model.guidable else Shaping()
    walk = partial(sample, method=posterior())
    for count, low in zip(COUNTS, course.first, strict=True):
        n = min(count, model.timesteps)
        steps = upscale_images(model, low, shaping=asking, walk=walk, steps=n, level=level)
        made.append([*watched(steps, "enlarging", n)][-1].x_t)
    rows = zip(course.prompts, torch.stack(made, 1), strict=True)
    return sheet(dict(rows), [f"{n} steps" for n in COUNTS])


def forward_process(course: Course) -> NDArray[np.uint8]:
    """The photograph, ever noisier."""
    t, x_t = course.noised
    return sheet({"": torch.cat([course.photo, x_t])}, ["photo", *(f"t = {n}" for n in t.tolist())])


def blur(course: Course) -> NDArray[np.uint8]:
    """What a Gaussian blur makes of that."""
    t, x_t = course.noised
    blurred = gaussian_blur(x_t, taps=3, std_px=0.8)
    return sheet({"noisy": x_t, "blurred": blurred}, [f"t = {n}" for n in t.tolist()])


@torch.no_grad()
def one_step(course: Course) -> NDArray[np.uint8]:
    """What the model makes of it in one step."""
    t, x_t = course.noised
    found = course.told(course.plain).denoiser(course.model, range(3))(x_t, t)
    return sheet({"noisy": x_t, "one step": found}, [f"t = {n}" for n in t.tolist()])


def iterative(course: Course) -> NDArray[np.uint8]:
    """What it makes of the photograph at t = 690 step by step, beside one step and a blur."""
    schedule, noise = course.model.schedule, noise_for(1)
    x_t, levels = sdedit_start_index(schedule, course.photo, BEGIN, noise, course.stride)
    steps = course.walk(course.told(course.plain), x_t, levels)
    seen = {"photo": course.photo, f"t = {levels[0]}": x_t}
    seen |= {f"t = {step.t}": step.x_t for step in steps[:-1:5]}
    seen |= {"clean": steps[-1].x_t, "one step": steps[0].x0_hat, "blurred": gaussian_blur(x_t)}
    return sheet({"": torch.cat([*seen.values()])}, [*seen])


def samples(course: Course) -> NDArray[np.uint8]:
    """Pictures of nothing in particular (of any class), without guidance and with."""
    prompts = [course.plain] if course.plain else [*course.prompts] or [""]
    amounts = {"unguided": 1.0, "γ = 7": GUIDANCE} if course.prompts else {"unguided": 1.0}
    asked = {word: course.told(*prompts, guidance=amount) for word, amount in amounts.items()}
    rows = {word: course.made(asking, 5) for word, asking in asked.items()}
    return sheet(
        rows, [prompts[i % len(prompts)] for i in range(5)] if not course.plain else [""] * 5
    )


def sdedit(course: Course, prompt: str | None = None) -> NDArray[np.uint8]:
    """Photograph, web image and drawing made anew, from more and from less noise."""
    asking = course.told(course.plain if prompt is None else prompt)
    photos = torch.cat([*course.pictures.values()])
    columns, schedule = [photos], course.model.schedule
    for index in INDICES:
        noise = noise_for(len(photos))
        x_t, levels = sdedit_start_index(schedule, photos, index, noise, course.stride)
        columns.append(course.walk(asking, x_t, levels)[-1].x_t)
    rows = dict(zip(course.pictures, torch.stack(columns, 1), strict=True))
    return sheet(rows, [prompt or "", *INDICES])


def sdedit_text(course: Course) -> NDArray[np.uint8]:
    """The same, made into what the first prompt says."""
    return sdedit(course, course.prompts[0])


def inpainting(course: Course) -> NDArray[np.uint8]:
    """A part of the photograph made anew."""
    keep = replace(course.model.schedule, course.photo, course.mask, noise_for(3, 2))
    made = course.made(course.told(course.plain), 3, after=keep)
    known = course.photo.cpu() * (1 - course.mask)
    return sheet({"": torch.cat([course.photo.cpu(), known, made])}, ["photo", "known", *"123"])


def flip_anagram(course: Course) -> NDArray[np.uint8]:
    """Something else upside down."""
    up, down = course.prompts[:2]
    asking = Anagram(views=(identity(), vflip()), shaping=course.told(up, down))
    made = course.made(asking, 4)
    return sheet({f"upright: {up}": made, f"flipped: {down}": vflip()(made)}, [""] * 4)


def hybrid(course: Course) -> NDArray[np.uint8]:
    """Something else from afar: a Gaussian low-pass of 33 taps, σ = 2."""
    far, near = course.prompts[:2]
    made = course.made(Hybrid(shaping=course.told(far, near), std_px=2.0), 4)
    rows = {f"afar: {far}": low_pass(2.0, taps=33)(made), f"near: {near}": made}
    return sheet(rows, [""] * 4)


def deliverables(course: Course) -> list[Callable[[Course], NDArray[np.uint8]]]:
    """All that can be asked of the model."""
    of_any = [forward_process, blur, one_step, iterative, samples, sdedit, inpainting]
    of_prompts = [first_stage, sdedit_text, flip_anagram, hybrid] if course.prompts else []
    return [*of_any, *of_prompts, *([second_stage] if course.second else [])]


def read_course(options: argparse.Namespace) -> Course:
    """Open the model, and bring the pictures to its size."""
    files = {"embeddings": options.embeddings, "variant": options.variant}
    model, second = open_model(options.source, **files, device=options.device), None
    worded = isinstance(model, PromptedModel)
    if options.second:
        files |= {"embeddings": model.embed} if worded else {}
        second = open_upscaler(options.second, **files, device=options.device)
    photo = read_picture(options.photo)
    x0, canvas = fit(photo, model.image_size, model.channels)
    pictures = {"photo": x0.to(model.device)}
    for word in ("web", "sketch"):
        if file := getattr(options, word):
            seen, _ = fit(read_picture(file), model.image_size, model.channels)
            pictures[word] = seen.to(model.device)
    prompts = options.prompts or (PROMPTS if worded else model.class_names[:2])
    mask = canvas.mask(read_mask(options.mask, photo))
    return Course(model, second, prompts, QUALITY if worded else "", pictures, mask)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("--second", help="the second stage, or an upscaler of ours")
    parser.add_argument("--out", type=Path, default=Path("out/cs180"))
    parser.add_argument("--prompts", nargs="+", help="two or more; the first two in one picture")
    parser.add_argument("--photo", required=True)
    parser.add_argument("--web")
    parser.add_argument("--sketch")
    parser.add_argument("--mask", default="25%,25%,50%,50%", help="what to make anew in the photo")
    parser.add_argument("--embeddings", type=Path, help="of prompts, in place of a text encoder")
    parser.add_argument("--variant", help="of a pipeline's files, such as fp16")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    if options.prompts and len(options.prompts) < 2:
        parser.error("--prompts: anagrams and hybrids are made of two")

    course = read_course(options)
    for deliverable in deliverables(course):
        file = options.out / f"{deliverable.__name__.replace('_', '-')}.png"
        if not file.exists():
            save_png(file, deliverable(course))
        print(file, flush=True)


if __name__ == "__main__":
    main()
