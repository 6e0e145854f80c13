"""Run all of part A of CS180's project 5 (Berkeley) on a model of your choice.

    python examples/cs180.py DeepFloyd/IF-I-M-v1.0 --second DeepFloyd/IF-II-M-v1.0 --variant fp16
        --photo tower.jpg --own mine.jpg another.jpg --web image.png --sketch one.png two.png
        --mask 25%,10%,40%,40% [one mask per photo] [--edits "a rocket ship" "a pencil" …]
        [--anagram "an old man" "a campfire"]… [--hybrid "a skull" "waterfalls"]…
        [--embeddings prompts.safetensors] [--out out/cs180]
    python examples/cs180.py runs/mnist-class --photo digit.png --prompts 6 9 8

The model is the first stage of DeepFloyd IF, or any other that `open_model` opens. For Jinc runs,
prompts are classes, and the levels of the course are scaled to their T. Existing pictures are not
generated again, so an interrupted call can simply be repeated.

Part B is two commands: `jinc denoise train` and `jinc train --preset mnist-class`.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor

from jinc.data import contact_sheet, crop_with, fit, read_mask, read_picture, save_png
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
    Composition,
    Hybrid,
    PixelModel,
    PromptedModel,
    PromptedUpscaler,
    SamplingPlan,
    UpscalingModel,
    open_model,
    open_upscaler,
    upscale_images,
)
from jinc.signal import gaussian_blur
from jinc.types import Images

PROMPTS = (
    "an oil painting of an old man",
    "an oil painting of people around a campfire",
    "an oil painting of a snowy mountain village",
)
HYBRIDS = (
    ("a lithograph of a skull", "a lithograph of waterfalls"),
    ("a photo of a dog", "a photo of a man"),
    ("a pencil", "a rocket ship"),
)
"""Prompts for the view from afar and from close by."""
QUALITY = "a high quality photo"
GUIDANCE = 7.0
BEGIN = 10
"""Index of the level at which iterative denoising begins: 690 of 1,000."""
SHOWN_EVERY = 5
"""Steps between the displayed states of iterative denoising: 690, 540, 390, 240, 90."""
INDICES = (1, 3, 5, 7, 10, 20)
"""Start indices of SDEdit."""
COUNTS = (20, 100)
"""Numbers of sampling steps, for both stages."""

Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Course:
    """The inputs shared by all parts.

    Args:
        model: generates images.
        second: upscales them; None without a second stage.
        prompts: two or more; empty for unconditional models.
        plain: the prompt for no particular subject; a class, for a model that always needs one.
        photos: by name, that of the course first, each `[1, C, H, W]`.
        others: web images and sketches, likewise.
        masks: 1 in the region to inpaint, `[1, 1, H, W]`, one per photo.
        edits: prompts of text-conditional SDEdit, assigned to the photos in turn.
        anagrams: prompts for the upright and the flipped view.
        hybrids: prompts for the view from afar and from close by.
    """

    model: PixelModel
    second: UpscalingModel | None
    prompts: Sequence[str]
    plain: str
    photos: dict[str, Images]
    others: dict[str, Images]
    masks: Sequence[Tensor]
    edits: Sequence[str]
    anagrams: Sequence[Pair]
    hybrids: Sequence[Pair]

    @property
    def photo(self) -> Images:
        """The first photo."""
        return next(iter(self.photos.values()))

    @property
    def stride(self) -> int:
        """30 for 1,000 levels, scaled to T."""
        return max(1, round(0.03 * self.model.timesteps))

    def plan(self, *prompts: str, guidance: float = GUIDANCE) -> SamplingPlan:
        """Plan with prompts, assigned to images in turn, and guidance if the model supports it."""
        return SamplingPlan(prompts=prompts, guidance=guidance if self.model.guidable else 1.0)

    def walk(
        self,
        plan: SamplingPlan,
        x_t: Images,
        levels: list[int],
        after: After | None = None,
        composition: Composition | None = None,
    ) -> list[Step]:
        """Sample, and return every step."""
        denoiser = plan.denoiser(self.model, range(len(x_t)), composition)
        noise = noise_for(len(x_t), 1)
        walk = partial(sample, denoiser, self.model.schedule, x_t, method=posterior())
        steps = walk(steps=levels, noise=noise, after=after)
        return [*watched(steps, "denoising", len(levels))]

    def made(
        self,
        plan: SamplingPlan,
        count: int,
        steps: int | None = None,
        after: After | None = None,
        composition: Composition | None = None,
    ) -> Images:
        """Generate images, `[count, C, H, W]`, in `steps` steps, or those of the course."""
        T = self.model.timesteps
        levels = strided(T, self.stride) if steps is None else timesteps(T, min(steps, T))
        x_T = noise_for(count)(self.photo.expand(count, -1, -1, -1))
        return self.walk(plan, x_T, levels, after, composition)[-1].x_t.cpu()

    @cached_property
    def first(self) -> list[Images]:
        """One image per prompt, for both numbers of steps."""
        plan = self.plan(*self.prompts)
        return [self.made(plan, len(self.prompts), steps) for steps in COUNTS]

    @cached_property
    def noised(self) -> tuple[Tensor, Images]:
        """The levels 250, 500 and 750 of 1,000, and the photo noised to them, `[3, C, H, W]`."""
        t = torch.tensor([round(share * self.model.timesteps) for share in (0.25, 0.5, 0.75)])
        t, photos = t.to(self.photo.device), self.photo.expand(3, -1, -1, -1)
        return t, forward(self.model.schedule, photos, t, noise_for(3)(photos))


def noise_for(count: int, seed: int = 0) -> SeededNoise:
    """Noise, the same in every part."""
    return SeededNoise(seed, range(count))


def watched(steps: Iterable[Step], what: str, total: int) -> Iterable[Step]:
    """Show a progress bar on a terminal; notebooks show the pictures alone."""
    console = Console(stderr=True, force_jupyter=False)
    return track(steps, what, total, console=console, transient=True)


def blurred(x: Images) -> Images:
    """Blur, with the edge handling of the course."""
    return gaussian_blur(x, taps=3, std_px=0.8, padding="mirror")


def sheet(rows: dict[str, Images], columns: Sequence[object]) -> NDArray[np.uint8]:
    """Rows of images with labels."""
    images = torch.stack([row.cpu() for row in rows.values()])
    return contact_sheet(images, [*rows], [str(word) for word in columns], scale=None)


def first_stage(course: Course) -> NDArray[np.uint8]:
    """The first stage, with 20 and with 100 steps."""
    rows = zip(course.prompts, torch.stack(course.first, 1), strict=True)
    return sheet(dict(rows), [f"{n} steps" for n in COUNTS])


def second_stage(course: Course) -> NDArray[np.uint8]:
    """The second stage, likewise, applied to the images of the first."""
    model, made = course.second, []
    assert model is not None
    # IF was trained on noisy small images; a quarter of the levels is the usual amount of noise.
    level = len(model.noising) // 4 if isinstance(model, PromptedUpscaler) else 0
    prompted = {"prompts": course.prompts, "guidance": 4.0} if model.guidable else {}
    for count, low in zip(COUNTS, course.first, strict=True):
        n = min(count, model.timesteps)
        plan = SamplingPlan(sampler="posterior", steps=n, **prompted)
        steps = upscale_images(model, low, plan, level=level)
        made.append([*watched(steps, "upscaling", n)][-1].x_t)
    rows = zip(course.prompts, torch.stack(made, 1), strict=True)
    return sheet(dict(rows), [f"{n} steps" for n in COUNTS])


def forward_process(course: Course) -> NDArray[np.uint8]:
    """The photo with increasing noise."""
    t, x_t = course.noised
    return sheet({"": torch.cat([course.photo, x_t])}, ["photo", *(f"t = {n}" for n in t.tolist())])


def blur(course: Course) -> NDArray[np.uint8]:
    """The noisy photo after a Gaussian blur."""
    t, x_t = course.noised
    return sheet({"noisy": x_t, "blurred": blurred(x_t)}, [f"t = {n}" for n in t.tolist()])


@torch.no_grad()
def one_step(course: Course) -> NDArray[np.uint8]:
    """The noisy photo, denoised in one step."""
    t, x_t = course.noised
    found = course.plan(course.plain).denoiser(course.model, range(3))(x_t, t)
    return sheet({"noisy": x_t, "one step": found}, [f"t = {n}" for n in t.tolist()])


def iterative(course: Course) -> NDArray[np.uint8]:
    """The photo at t = 690, denoised iteratively, in one step, and with a blur."""
    schedule, noise = course.model.schedule, noise_for(1)
    x_t, levels = sdedit_start_index(schedule, course.photo, BEGIN, noise, course.stride)
    steps = course.walk(course.plan(course.plain), x_t, levels)
    states = [(levels[0], x_t), *((step.t, step.x_t) for step in steps[:-1])]
    seen = {"photo": course.photo} | {f"t = {t}": x for t, x in states[::SHOWN_EVERY]}
    seen |= {"clean": steps[-1].x_t, "one step": steps[0].x0_hat, "blurred": blurred(x_t)}
    return sheet({"": torch.cat([*seen.values()])}, [*seen])


def samples(course: Course) -> NDArray[np.uint8]:
    """Images of no particular subject (of any class), without and with guidance, if it has any."""
    prompts = [course.plain] if course.plain else [*course.prompts] or [""]
    amounts = {"unguided": 1.0} | ({"γ = 7": GUIDANCE} if course.model.guidable else {})
    plans = {word: course.plan(*prompts, guidance=amount) for word, amount in amounts.items()}
    rows = {word: course.made(plan, 5) for word, plan in plans.items()}
    words = [""] * 5 if course.plain else [prompts[i % len(prompts)] for i in range(5)]
    return sheet(rows, words)


def edited(course: Course, plan: SamplingPlan, pictures: dict[str, Images]) -> NDArray[np.uint8]:
    """Images after SDEdit, from more and from less noise."""
    columns, schedule = [torch.cat([*pictures.values()])], course.model.schedule
    for index in INDICES:
        noise = noise_for(len(pictures))
        x_t, levels = sdedit_start_index(schedule, columns[0], index, noise, course.stride)
        columns.append(course.walk(plan, x_t, levels)[-1].x_t)
    return sheet(dict(zip(pictures, torch.stack(columns, 1), strict=True)), ["", *INDICES])


def sdedit(course: Course) -> NDArray[np.uint8]:
    """SDEdit of photos, web images and sketches."""
    return edited(course, course.plan(course.plain), course.photos | course.others)


def sdedit_text(course: Course) -> NDArray[np.uint8]:
    """SDEdit of photos, each with its own prompt."""
    prompts = [course.edits[i % len(course.edits)] for i in range(len(course.photos))]
    named = [f"{name}: {prompt}" for name, prompt in zip(course.photos, prompts, strict=True)]
    photos = dict(zip(named, course.photos.values(), strict=True))
    return edited(course, course.plan(*prompts), photos)


def inpainting(course: Course) -> NDArray[np.uint8]:
    """A part of every photo, inpainted three times."""
    rows = {}
    for (name, photo), mask in zip(course.photos.items(), course.masks, strict=True):
        keep = replace(course.model.schedule, photo, mask, noise_for(3, 2))
        made = course.made(course.plan(course.plain), 3, after=keep)
        rows[name] = torch.cat([photo.cpu(), photo.cpu() * (1 - mask), made])
    return sheet(rows, ["photo", "known", *"123"])


def anagrams(course: Course) -> NDArray[np.uint8]:
    """Images that show something else upside down."""
    rows, views = {}, (identity(), vflip())
    for up, down in course.anagrams:
        made = course.made(course.plan(up, down), 4, composition=Anagram(views=views))
        rows |= {f"{up} (flipped: {down})": made, f"{down} (flipped: {up})": vflip()(made)}
    return sheet(rows, [""] * 4)


def hybrids(course: Course) -> NDArray[np.uint8]:
    """Images that show something else from afar: a Gaussian low-pass of 33 taps, σ = 2."""
    rows = {}
    for far, near in course.hybrids:
        made = course.made(course.plan(far, near), 4, composition=Hybrid(std_px=2.0))
        rows |= {f"{far} (near: {near})": low_pass(2.0, taps=33)(made)}
        rows |= {f"{near} (afar: {far})": made}
    return sheet(rows, [""] * 4)


def deliverables(course: Course) -> list[Callable[[Course], NDArray[np.uint8]]]:
    """The parts that the model supports."""
    of_any = [forward_process, blur, one_step, iterative, samples, sdedit, inpainting]
    of_prompts = [first_stage, sdedit_text, anagrams, hybrids] if course.prompts else []
    return [*of_any, *of_prompts, *([second_stage] if course.second else [])]


def read_pictures(
    options: argparse.Namespace, model: PixelModel
) -> tuple[dict[str, Images], dict[str, Images], list[Tensor]]:
    """Read photos, other images, and a mask per photo, at the size of the model."""
    photos, others, masks = {}, {}, []
    for k, file in enumerate([options.photo, *options.own]):
        picture = read_picture(file)
        mask = read_mask(options.mask[k % len(options.mask)], picture)
        region = crop_with(mask, model.image_size)
        x0, canvas = fit(picture, model.image_size, model.channels, region=region)
        photos[f"own {k}" if k else "photo"] = x0.to(model.device)
        masks.append(canvas.mask(mask))
    for word in ("web", "sketch"):
        for k, file in enumerate(getattr(options, word), 1):
            x0, _ = fit(read_picture(file), model.image_size, model.channels)
            others[f"{word} {k}"] = x0.to(model.device)
    return photos, others, masks


def read_course(options: argparse.Namespace) -> Course:
    """Open the models and images, and check that the model accepts all prompts."""
    files = {"embeddings": options.embeddings, "variant": options.variant}
    model, second = open_model(options.source, **files, device=options.device), None
    worded = isinstance(model, PromptedModel)
    if options.second:
        files |= {"embeddings": model.embed} if worded else {}
        second = open_upscaler(options.second, **files, device=options.device)
    prompts = options.prompts or (PROMPTS if worded else model.class_names[:3])
    pairs = [*combinations(prompts, 2)][:3]
    own_hybrids = HYBRIDS if worded and not options.prompts else pairs
    plain = QUALITY if worded else "" if model.guidable or not prompts else prompts[0]
    course = Course(
        *(model, second, prompts, plain, *read_pictures(options, model)),
        edits=options.edits or prompts,
        anagrams=options.anagram or pairs,
        hybrids=options.hybrid or own_hybrids,
    )
    for pair in (*course.anagrams, *course.hybrids, (*prompts, *course.edits, course.plain)):
        course.plan(*pair).check_model(model)
    return course


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add, several = parser.add_argument, {"nargs": "+", "default": []}
    pair = {"nargs": 2, "action": "append", "default": []}
    add("source")
    add("--second", help="the second stage, or an upscaler trained with Jinc")
    add("--out", type=Path, default=Path("out/cs180"))
    add("--photo", required=True, help="the photo used in every part")
    add("--own", **several, help="more photos to edit and to inpaint")
    add("--web", **several, help="images to edit")
    add("--sketch", **several, help="drawings to edit")
    add("--mask", **several | {"default": ["25%,25%,50%,50%"]}, help="one, or one per photo")
    add("--prompts", **several, help="two or more")
    add("--edits", **several, help="prompts of text-conditional SDEdit, one per photo")
    add("--anagram", **pair, metavar=("UP", "DOWN"), help="may be given several times")
    add("--hybrid", **pair, metavar=("FAR", "NEAR"), help="may be given several times")
    add("--embeddings", type=Path, help="prompt embeddings, instead of a text encoder")
    add("--variant", help="variant of the pipeline's files, such as fp16")
    add("--device", default="auto")
    options = parser.parse_args()
    if len(options.prompts) == 1:
        parser.error("--prompts: anagrams and hybrids need two")

    course = read_course(options)
    for deliverable in deliverables(course):
        file = options.out / f"{deliverable.__name__.replace('_', '-')}.png"
        if not file.exists():
            save_png(file, deliverable(course))
        print(file, flush=True)


if __name__ == "__main__":
    main()
