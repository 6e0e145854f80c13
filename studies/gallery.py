"""Draw the pictures of docs/editing.md with a class-conditional run of MNIST.

    python examples/mnist_classifier.py MNIST                         # once, trains the classifier
    python studies/gallery.py runs/mnist-class runs/classifier.safetensors SKETCHES
        [--mnist MNIST] [--only anagrams hybrids …] [--out docs/gallery]

For anagrams and hybrids the samples with the highest classifier probability are shown;
`studies/anagrams.py` measures how often anagrams succeed. The other pictures show unselected
samples. SKETCHES is a folder of drawings, dark on white.
"""

import argparse
import math
import runpy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from class_agreement import EXAMPLE, judge
from drawings import as_digit, loop, zigzag
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from jinc.data import contact_sheet, load_images, save_animation, save_png, to_float
from jinc.diffusion import (
    SeededNoise,
    View,
    ddim,
    forward,
    from_noise,
    generate,
    identity,
    low_pass,
    posterior,
    quarter_turns,
    repaint_levels,
    rotation,
    sample,
    sdedit_start,
    timesteps,
)
from jinc.metrics import levels_from, quick_answers
from jinc.models import (
    Anagram,
    Composition,
    Hybrid,
    PixelModel,
    SamplingPlan,
    edit_images,
    generate_images,
    images_of,
    open_model,
)
from jinc.report import Recorder

Sheet = NDArray[np.uint8]
MADE, SHOWN = 48, 8
"""Number of anagrams and hybrids generated, and number of the best shown."""
LIVELY = partial(sample, method=ddim(1.0))


@dataclass(frozen=True, eq=False)
class Gallery:
    """The inputs shared by all pictures.

    Args:
        model: generates the ten digits.
        classifier: recognises digits, trained independently of the model.
        drawings: files of drawings.
        mnist: data set of real digits.
        out: folder for animations.
    """

    model: PixelModel
    classifier: nn.Module
    drawings: Sequence[Path]
    mnist: Path
    out: Path

    def best(
        self,
        prompts: Sequence[str],
        composition: Composition,
        looks: Callable[[Tensor], Sequence[tuple[Tensor, int]]],
    ) -> Tensor:
        """Generate images, and return those with the highest classifier probability.

        Args:
            prompts: of the model.
            composition: combines them.
            looks: maps images to pairs of their views and the digits these should show.

        Returns:
            The best first, `[SHOWN, C, H, W]`.
        """
        plan = SamplingPlan(number=MADE, prompts=prompts, guidance=5)
        made = images_of(generate_images(self.model, plan, composition=composition))
        sure = [judge(self.classifier, seen)[:, digit] for seen, digit in looks(made)]
        return made[torch.stack(sure).amin(0).argsort(descending=True)[:SHOWN]]


def guidance(gallery: Gallery) -> Sheet:
    """All digits from the same noise, with γ = 0, 1, 5 and 10."""
    names, rows = gallery.model.class_names, {}
    for amount in (0, 1, 5, 10):
        plan = SamplingPlan(number=len(names), prompts=names, guidance=amount, eta=1.0)
        rows[f"γ = {amount}"] = images_of(generate_images(gallery.model, plan))
    return contact_sheet(torch.stack([*rows.values()]), [*rows], names, scale=3)


def anagrams(gallery: Gallery) -> Sheet:
    """Pairs of digits, through two views."""
    upside_down = quarter_turns(2)
    pairs: list[tuple[int, int, View, str]] = [
        (6, 9, upside_down, "upside down"),
        (4, 7, upside_down, "upside down"),
        (7, 9, rotation(math.radians(37)), "rotated by 37°"),
        (4, 2, rotation(math.radians(37)), "rotated by 37°"),
    ]
    rows: list[Tensor] = []
    labels: list[str] = []
    for first, second, view, words in pairs:
        both = Anagram(views=(identity(), view))
        prompts = (str(first), str(second))
        best = gallery.best(prompts, both, lambda x: [(x, first), (view(x), second)])  # noqa: B023
        rows += [best, view(best)]
        labels += [f"{first}", f"{words}: {second}"]
    return contact_sheet(torch.stack(rows), labels, [""] * SHOWN, scale=3)


def hybrids(gallery: Gallery) -> Sheet:
    """Full size, smaller, and with the blur that simulates distance."""
    rows: list[Tensor] = []
    labels: list[str] = []
    for far, near, std_px in ((1, 8, 1.5), (7, 2, 1.0)):
        blur = low_pass(std_px)
        looks = lambda x: [(x, near), (blurred(x, blur), far)]  # noqa: B023, E731
        best = gallery.best((str(far), str(near)), Hybrid(std_px=std_px), looks)
        rows += [enlarged(best, 3), small(best, 84), enlarged(blurred(best, blur), 3)]
        labels += [f"close by: {near}", "smaller", f"from afar: {far}"]
    return contact_sheet(torch.stack(rows), labels, [""] * SHOWN)


def blurred(images: Tensor, blur: Callable[[Tensor], Tensor]) -> Tensor:
    """Blur, and rescale the brightest pixel of each image to white."""
    light = blur(images) + 1
    return 2 * light / light.amax((1, 2, 3), keepdim=True) - 1


def enlarged(images: Tensor, times: int) -> Tensor:
    """Repeat pixels."""
    return images.repeat_interleave(times, -2).repeat_interleave(times, -1)


def small(images: Tensor, size: int) -> Tensor:
    """Centre the images on a black canvas."""
    canvas = images.new_full((len(images), images.shape[1], size, size), -1)
    top, left = ((size - side) // 2 for side in images.shape[-2:])
    canvas[..., top : size - top, left : size - left] = images
    return canvas


def comparison(gallery: Gallery) -> Sheet:
    """A digit with increasing noise, denoised by several methods."""
    model, rows, words = gallery.model, [], []
    (photos, _), schedule = halves(gallery, (18,)), gallery.model.schedule
    denoiser = SamplingPlan(prompts=("3",)).denoiser(model, [0])
    for t in (75, 150, 225):
        noise = SeededNoise(0, [0])
        x_t = forward(schedule, photos, t, noise(photos))
        found = {"digit": photos} | quick_answers(denoiser, schedule, x_t, t)
        levels = levels_from(t, model.timesteps, 9)
        found["iterative"] = generate(
            denoiser, schedule, x_t, method=posterior(), steps=levels, noise=noise
        )
        rows.append(torch.cat([*found.values()]))
        words.append(f"t = {t}")
    return contact_sheet(torch.stack(rows), words, [*found], scale=4)


def inpainting(gallery: Gallery) -> Sheet:
    """The lower halves of real digits, by plain replacement and by RePaint, without prompts."""
    photos, mask = halves(gallery, (0, 4, 18))
    many = photos.repeat(3, 1, 1, 1)
    plain = timesteps(gallery.model.timesteps, 50)
    columns = {"digit": photos, "known": photos * (1 - mask)}
    for words, levels in (("replaced", plain), ("RePaint", repaint_levels(plain, 10, 10))):
        walks = edit_images(
            gallery.model,
            photos,
            SamplingPlan(number=len(many), eta=1.0),
            start=from_noise(levels),
            masks=mask.expand(3, -1, -1, -1),
        )
        made = images_of(walks).view(3, 3, *photos.shape[1:])
        columns |= {f"{words} {copy + 1}": made[copy] for copy in range(3)}
    return contact_sheet(torch.stack([*columns.values()], 1), [""] * 3, [*columns], scale=3)


def completions(gallery: Gallery) -> Sheet:
    """Upper halves, completed with different prompts."""
    photos, mask = halves(gallery, (4, 18, 0))
    names, rows = ("0", "2", "3", "4", "5", "7", "8", "9"), []
    levels = repaint_levels(timesteps(gallery.model.timesteps, 50), 10, 5)
    for photo in photos.split(1):
        walks = edit_images(
            gallery.model,
            photo,
            SamplingPlan(number=len(names), prompts=names, guidance=5, eta=1.0),
            start=from_noise(levels),
            masks=mask,
        )
        rows.append(torch.cat([photo * (1 - mask), images_of(walks)]))
    return contact_sheet(torch.stack(rows), [""] * len(rows), ["known", *names], scale=3)


def halves(gallery: Gallery, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return some test digits of MNIST, and the mask of the lower half."""
    images = load_images(gallery.mnist, split="test")
    mask = torch.zeros(1, 1, *gallery.model.image_size)
    mask[..., gallery.model.image_size[0] // 2 :, :] = 1
    return to_float(images.batch(np.array(numbers))), mask


def sketches(gallery: Gallery) -> Sheet:
    """Drawings become digits, the more so the more noise is added."""
    drawn = [zigzag(), loop(), *(Image.open(file) for file in gallery.drawings)]
    seen = torch.stack([as_digit(drawing) for drawing in drawn])
    columns = {"drawing": seen}
    plan = SamplingPlan(number=len(seen), prompts=("2", "9", "2", "9"), guidance=3)
    for strength in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        start = partial(sdedit_start, strength=strength)
        walks = edit_images(gallery.model, seen, plan, start=start)
        columns[f"{strength:g}"] = images_of(walks)
    rows = [f"as {prompt}" for prompt in plan.prompts]
    return contact_sheet(torch.stack([*columns.values()], 1), rows, [*columns], scale=3)


def denoising(gallery: Gallery) -> Sheet:
    """Trajectories of two digits, states and predictions; all of them as a GIF."""
    prompts = ("3", "8", "0", "5")
    recorder = Recorder(50, 24, len(prompts))
    plan = SamplingPlan(number=len(prompts), prompts=prompts, guidance=5)
    walks = generate_images(gallery.model, plan)
    for _ in recorder.watch(step for _, step in walks):
        pass
    seen = recorder.trajectory()
    frames = [coarse(frame) for frame in seen.frames(columns=4, scale=3)]
    save_animation(gallery.out / "denoising.gif", frames + frames[-1:] * 12, fps=10)
    few = seen.thinned(9)
    rows = [states[:, image] for image in range(2) for states in (few.x_t, few.x0_hat)]
    words = ["clean" if t == -1 else f"t = {t}" for t in few.levels]
    return contact_sheet(torch.stack(rows), ["state", "prediction"] * 2, words, scale=3)


def coarse(frame: Sheet) -> Sheet:
    """Quantise to 16 greys, to keep the file of noisy frames small."""
    return (frame // 17 * 17).astype(np.uint8)


PAGES = (comparison, guidance, anagrams, hybrids, inpainting, completions, sketches, denoising)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("sketches", type=Path)
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=[page.__name__ for page in PAGES])
    parser.add_argument("--out", type=Path, default=Path("docs/gallery"))
    options = parser.parse_args()
    gallery = Gallery(
        open_model(options.run),
        runpy.run_path(str(EXAMPLE))["load"](options.classifier),
        sorted(options.sketches.glob("*.png")),
        options.mnist,
        options.out,
    )
    for page in PAGES:
        if options.only is None or page.__name__ in options.only:
            file = options.out / f"{page.__name__}.png"
            save_png(file, page(gallery))
            print(f"{file}: {file.stat().st_size // 1024} KB", flush=True)


if __name__ == "__main__":
    main()
