"""Inpaint parts of unseen faces, and measure how well they fit.

    jinc train --settings studies/faces.yaml --data FACES --out runs/faces
    python studies/face_inpainting.py runs/faces FACES
        [--number 34] [--times 5] [--device auto] [--out results/face-inpainting.json]
        [--picture docs/gallery/faces.png]

The script inpaints the right half and the mouth of each face of the test split, by plain
replacement and by RePaint, and compares two results without a network: the mirrored half, and the
mean of the training faces. It reports the PSNR of the inpainted part, which favours means, and the
step at the edge of the mask: the squared difference of neighbours across it relative to the
original image, which shows how well the part fits the rest.
"""

import argparse
import json
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from jinc.data import contact_sheet, load_images, save_png, to_float
from jinc.diffusion import ddim, from_noise, repaint_levels, sample, timesteps
from jinc.files import writing
from jinc.metrics import decibels
from jinc.models import PixelModel, SamplingPlan, choose_device, device_name, edit_images, images_of
from jinc.train import Run
from jinc.types import Images

STEPS, JUMP = 50, 10
LIVELY = partial(sample, method=ddim(1.0))
SHOWN = 6
"""Number of faces in the picture."""


def parts(height: int, width: int) -> dict[str, Tensor]:
    """Return masks `[1, 1, H, W]`, 1 in the region to inpaint: right half, and mouth."""
    half, mouth = torch.zeros(2, 1, 1, height, width)
    half[..., width // 2 :] = 1
    mouth[
        ..., round(0.6 * height) : round(0.9 * height), round(0.25 * width) : round(0.75 * width)
    ] = 1
    return {"right half": half, "mouth": mouth}


def step_at_edge(x: Images, mask: Tensor) -> float:
    """Return the mean square difference of neighbours across the edge of the mask."""
    total, count = 0.0, 0.0
    for axis in (-2, -1):
        size = x.shape[axis] - 1
        ends = [mask.narrow(axis, start, size) for start in (0, 1)]
        edge = (ends[0] != ends[1]).expand(len(x), x.shape[1], -1, -1)
        total += float(x.diff(dim=axis)[edge].square().sum())
        count += int(edge.sum())
    return total / count


def judged(made: Images, real: Images, mask: Tensor) -> dict[str, float]:
    """Return the mean PSNR in the mask, and the step at its edge relative to the original."""
    errors = ((made - real).square() * mask).sum((1, 2, 3)) / (mask.sum() * real.shape[1])
    psnr = sum(decibels(float(error)) for error in errors) / len(errors)
    ratio = step_at_edge(made, mask) / step_at_edge(real, mask)
    return {"psnr": round(psnr, 2), "step_at_edge": round(ratio, 2)}


def made_anew(model: PixelModel, real: Images, mask: Tensor, times: int) -> Images:
    """Inpaint a part of every image by RePaint, or by plain replacement if `times` is 1."""
    plain = timesteps(model.timesteps, STEPS)
    levels = repaint_levels(plain, JUMP, times) if times > 1 else plain
    walks = edit_images(
        model,
        real,
        SamplingPlan(number=len(real), eta=1.0),
        start=from_noise(levels),
        masks=mask.expand(len(real), -1, -1, -1),
    )
    return images_of(walks).cpu()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data")
    parser.add_argument("--number", type=int, default=34)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("results/face-inpainting.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/gallery/faces.png"))
    options = parser.parse_args()
    run = Run.open(options.run)
    model = run.model()
    model.to(choose_device(options.device))
    read = partial(
        load_images, options.data, image_size=model.image_size[0], channels=model.channels
    )
    seen, unseen = (read(split=split) for split in ("train", "test"))
    places = torch.linspace(0, len(unseen) - 1, min(options.number, len(unseen))).long()
    real = to_float(unseen.batch(places))
    mean = to_float(seen.batch(range(len(seen)))).mean(0, keepdim=True)

    found, columns = {}, {"picture": real}
    for part, mask in parts(*model.image_size).items():
        known = real * (1 - mask)
        simple = known.flip(-1) if part == "right half" else mean
        made = {
            "mirrored" if part == "right half" else "mean face": known + mask * simple,
            "replaced": made_anew(model, real, mask, 1),
            "RePaint": made_anew(model, real, mask, options.times),
        }
        found[part] = {word: judged(images, real, mask) for word, images in made.items()}
        print(part, found[part], flush=True)
        columns |= {f"{part}: known": known}
        columns |= {f"{part}: {word}": images for word, images in made.items()}

    few = torch.linspace(0, len(real) - 1, SHOWN).long()
    shown = torch.stack([images[few] for images in columns.values()], 1)
    save_png(options.picture, contact_sheet(shown, [""] * SHOWN, [*columns], scale=2))
    result = {
        "what": f"{len(real)} faces of the test split of {unseen.name}, one part inpainted: its "
        "PSNR in dB, and the step at its edge relative to the original",
        "network": model.network.arguments(),
        "trained": {"steps": run.read_log()[-1]["step"], "batch_size": run.config.batch_size},
        "sampler": f"DDIM, η = 1, {STEPS} steps, RePaint {options.times} times over {JUMP}",
        "found": found,
        "machine": f"{device_name(options.device)}, torch {torch.__version__}",
    }
    with writing(options.out) as file:
        file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
