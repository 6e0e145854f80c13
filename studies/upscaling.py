"""How close are upscaled images to the originals, compared with bicubic interpolation?

    jinc train --preset faces-sr-small --data FACES --out runs/faces-sr          # once
    python studies/upscaling.py runs/faces-sr FACES
        [--samples 8] [--steps 20] [--device auto]
        [--out results/upscaling.json] [--picture upscaling.png]

Images that were not used for training, from the test split or held out, are downscaled, rounded to
bytes as in a file, and upscaled again. A sample is one of the images that fit the small one, and
its error is up to 3 dB larger than that of their mean, which is blurred. The script reports both,
with their detail: the power of what the means of pixel blocks do not show, relative to the
originals. One step from noise is the network's own estimate of that mean.
"""

import argparse
import json
from functools import partial
from pathlib import Path

import torch

from jinc.data import ImageSet, contact_sheet, load_images, save_png, to_float, to_uint8
from jinc.diffusion import consistent
from jinc.errors import JincError
from jinc.files import writing
from jinc.metrics import decibels
from jinc.models import SamplingPlan, Upscaler, choose_device, device_name, upscale_images
from jinc.signal import bicubic, block_mean, repeat_pixels
from jinc.train import Run
from jinc.train.batches import hold_out
from jinc.types import Images

SHOWN = 8
"""Number of images in the picture."""


def unseen(run: Run, data: str, model: Upscaler) -> tuple[ImageSet, str]:
    """Return images that were not used for training: the test split, or those held out."""
    config, (size, _) = run.config, model.image_size
    read = partial(
        load_images,
        data,
        image_size=size,
        channels=model.channels,
        resize_filter=config.resize_filter,
    )
    try:
        return read(split="test"), "of the test split"
    except JincError:
        images = read(split=config.split)
        _, held_out = hold_out(len(images), config.holdout, config.seed)
        return images.subset(held_out), "held out"


def detail(x: Images, factor: int) -> Images:
    """Return an image without its block means."""
    return x - repeat_pixels(block_mean(x, factor), factor)


def judged(made: Images, real: Images, factor: int) -> dict[str, float]:
    """Return the mean PSNR over images, its standard error, and the share of detail."""
    seen = to_float(to_uint8(made))
    each = torch.tensor([decibels(float(d)) for d in (seen - real).square().mean((1, 2, 3))])
    power, whole = (float(detail(x, factor).square().mean()) for x in (seen, real))
    return {
        "psnr": round(float(each.mean()), 2),
        "standard_error": round(float(each.std() / len(each) ** 0.5), 2),
        "detail": round(power / whole, 3),
    }


def upscaled(
    model: Upscaler, low: Images, agree: bool, samples: int, steps: int
) -> tuple[Images, list[Images]]:
    """Return the first prediction from noise, and `samples` samples of every image."""
    first, made = low, []
    for seed in range(samples):
        begun = False
        plan = SamplingPlan(steps=steps, seed=seed)
        for step in upscale_images(model, low, plan, agree=agree):
            if seed == 0 and not begun:
                first, begun = step.x0_hat.cpu(), True
            if step.t == -1:
                made.append(step.x_t.cpu())
        print(f"{seed + 1} of {samples} samples, {'' if agree else 'not '}consistent", flush=True)
    return first, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("results/upscaling.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/gallery/upscaling.png"))
    options = parser.parse_args()
    run = Run.open(options.run)
    model = run.upscaler()
    model.to(choose_device(options.device))
    images, which = unseen(run, options.data, model)
    factor, (height, width) = model.factor, model.image_size
    real = to_float(images.batch(range(len(images))))
    low = to_float(to_uint8(block_mean(real, factor)))
    enlarged = bicubic(low, factor)

    found = {"bicubic": judged(enlarged, real, factor)}
    last = torch.zeros(len(real), dtype=torch.long)
    held = consistent(lambda x_t, t: enlarged, low, factor)(real, last)
    found["bicubic, agreeing"] = judged(held, real, factor)
    for agree, word in ((False, ""), (True, ", agreeing")):
        first, made = upscaled(model, low, agree, options.samples, options.steps)
        found[f"one step{word}"] = judged(first, real, factor)
        each = [judged(one, real, factor) for one in made]
        found[f"a sample{word}"] = {
            name: round(sum(one[name] for one in each) / len(each), 3) for name in each[0]
        }
        mean = torch.stack(made).mean(0)
        found[f"mean of {len(made)} samples{word}"] = judged(mean, real, factor)
    for name, values in found.items():
        print(f"{name}: {values}")

    places = torch.linspace(0, len(real) - 1, min(SHOWN, len(real))).long()
    rows = {
        f"{height // factor}×{width // factor}": repeat_pixels(low, factor),
        "bicubic": enlarged,
        "a sample": made[0],
        "the mean": mean,
        "real": real,
    }
    shown = torch.stack([each[places] for each in rows.values()])
    save_png(options.picture, contact_sheet(shown, [*rows], [""] * len(places), scale=2))
    result = {
        "what": f"{len(real)} images {which} of {images.name}, {height}×{width}, downscaled by "
        f"{factor} and upscaled again: mean PSNR in dB, and the share of detail",
        "network": model.network.arguments(),
        "trained": {"steps": run.read_log()[-1]["step"], "batch_size": run.config.batch_size},
        "sampler": f"DDIM, {options.steps} steps",
        "found": found,
        "machine": f"{device_name(options.device)}, torch {torch.__version__}",
    }
    with writing(options.out) as file:
        file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
