"""Digits of a model with a frame, at several angles: the same digit, and still recognised?

    jinc train --data MNIST --channels 1 --image-size 28 --levels 2 --width 16 --conditional \
      --config R+plain@12 --frame --prediction spectral --padding circular --batch-size 32 \
      --learning-rate 1e-3 --lr-schedule cosine --ema-decay 0.995 --steps 3000 --out runs/frame
    jinc train … --init runs/frame --equivariance 5 --moves rotation --steps 900 \
      --learning-rate 5e-4 --ema-decay 0.99 --out runs/following     # with the options above
    python studies/frames.py runs/frame results/paper-small/judges/mnist [--number 200]
      [--guidance 3] [--out results/frames.json] [--film docs/turn.webp]

Digits of all classes in turn are generated at each angle and rotated back in one operation:

- frame: noise and frame are rotated before sampling;
- state: the noisy image is rotated a little after every step, without loss;
- published: the same by the cubic spline of arXiv 2411.09174.

`recognised` is the share that a classifier of upright digits finds to be what was asked for;
`consistency` is the PSNR in dB, of peak 2, against the digits at 0°, on the disc that rotations
leave whole. `floor` is the consistency of an exactly equivariant denoiser of images with the
spectrum of the generated digits: the limit set by pixel grid, clipping and rotation.

`limits` shows what keeps a frame from perfect consistency at 45°: the same without clipping, with
noise that has no corners of the spectrum (frequencies that no pixel grid holds at all angles), and
on a smaller disc, further from the corners of the square.

The film shows a full turn of six digits: by their frame above, as published below.
"""

import argparse
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from jinc.data import image_grid, save_animation
from jinc.diffusion import Rotation, SeededNoise, clip, isotropic, mismatch
from jinc.files import writing
from jinc.metrics import open_extractor
from jinc.metrics.decibels import decibels
from jinc.metrics.equivariance.measures import Sampling, moved_start
from jinc.models import (
    Model,
    SamplingPlan,
    Way,
    by_frame,
    by_state,
    images_of,
    joint_denoiser,
    sweep_images,
    turns,
)
from jinc.models.device import device_name
from jinc.models.trained import Frames
from jinc.signal import disc
from jinc.signal.rotate import UNTORN
from jinc.signal.spectrum import radial_frequency
from jinc.train import Run
from jinc.types import Denoiser, Images

FRAMES = 36
ANGLES = (0, 15, 30, 45, 90, 137)
WAYS: dict[str, tuple[Way, str]] = {
    "frame": (by_frame, "unitary"),
    "state": (by_state, "unitary"),
    "published": (by_state, "spline"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("results/frames.json"))
    parser.add_argument("--film", type=Path)
    options = parser.parse_args()
    run = Run.open(options.run)
    model, judge = run.model(), open_extractor(options.classifier)
    plan = SamplingPlan(
        number=options.number,
        prompts=model.class_names,
        steps=options.steps,
        guidance=options.guidance,
    )
    asked = torch.arange(options.number) % len(model.class_names)
    radians = [math.radians(angle) for angle in ANGLES]
    found = {}
    for name, (way, method) in WAYS.items():
        walk = sweep_images(model, turns(radians, method), plan, way=way, back=True)
        images = images_of(walk)
        images = images.view(options.number, len(ANGLES), *images.shape[1:])
        recognised, consistency = [], []
        inside = disc(images.shape[-1], UNTORN)
        for at in images.unbind(1):
            _, logits = judge(at)
            assert logits is not None
            recognised.append(float((logits.argmax(-1).cpu() == asked).float().mean()))
            consistency.append(decibels(float(mismatch(at, images[:, 0], inside).mean())))
        found[name] = {"recognised": recognised, "consistency": consistency[1:]}
        print(name, {kind: [round(v, 3) for v in each] for kind, each in found[name].items()})
    result = {
        "what": "digits generated at several angles and rotated back; see studies/frames.py",
        "angles": ANGLES,
        "digits": options.number,
        "sampler": f"DDIM, {options.steps} steps, guidance {options.guidance:g}",
        "trained": f"{run.read_log()[-1]['step']} steps of batch {run.config.batch_size}",
        "config": {n: v for n, v in run.config.settings().items() if n != "data"},
        **found,
        "limits": limits(model, plan),
        "floor": {"consistency": floor(model, images[:, 0], options.steps)},
        "machine": device_name(model.device.type),
    }
    with writing(options.out) as file:
        file.write((json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode())
    if options.film:
        film(model, replace(plan, number=6), options.film)


def film(model: Model, plan: SamplingPlan, path: Path) -> None:
    """Save a full turn of a few digits, from −180° to 180°, as an animation."""
    radians = [2 * math.pi * (frame / FRAMES - 0.5) for frame in range(FRAMES)]
    rows = []
    for name in ("frame", "published"):
        way, method = WAYS[name]
        images = images_of(sweep_images(model, turns(radians, method), plan, way=way))
        rows.append(images.unflatten(0, (plan.number, FRAMES)))
    at_each = torch.cat(rows).transpose(0, 1)
    save_animation(path, [image_grid(at, plan.number, scale=6) for at in at_each])


def limits(model: Model, plan: SamplingPlan) -> dict[str, dict[str, float]]:
    """Return the consistency at 45° without one possible cause of errors after another."""
    height, width = model.image_size
    like = torch.empty(plan.number, model.channels, height, width)
    turn, back = (
        Rotation(torch.full((plan.number,), angle, dtype=torch.float64))
        for angle in (math.pi / 4, -math.pi / 4)
    )
    found: dict[str, dict[str, float]] = {}
    for clips in (True, False):
        now = replace(plan, clip=clips)
        sampling = Sampling(
            joint_denoiser(model, now),
            model.schedule,
            like,
            steps=now.levels(model.schedule),
            in_frames=partial(in_frames, model, now),
        )
        for kind, change in (("white noise", as_it_is), ("noise without corners", without_corners)):
            noise = change(SeededNoise(plan.seed, range(plan.number))(like))
            still = generate(sampling, noise)
            returned = back(generate(sampling.moved(turn), turn(noise)))
            found[f"{kind}, {'clipped' if clips else 'not clipped'}"] = {
                f"disc of {radius:.2f}": decibels(
                    float(mismatch(still, returned, disc(width, radius)).mean())
                )
                for radius in (UNTORN, 0.6)
            }
    return found


def in_frames(model: Model, plan: SamplingPlan, frames: Frames) -> Denoiser:
    """Return the denoiser of a plan in other frames."""
    return joint_denoiser(model.in_frames(frames), plan)


def generate(sampling: Sampling, noise: Images) -> Images:
    """Generate images from noise; DDIM draws no other."""
    return sampling.run(lambda like: noise)


def as_it_is(noise: Images) -> Images:
    """Return white noise."""
    return noise


def without_corners(noise: Images) -> Images:
    """Remove frequencies above 0.5 cycles per pixel, in any direction."""
    inside = radial_frequency(*noise.shape[-2:]) <= 0.5
    filtered: Images = torch.fft.ifft2(torch.fft.fft2(noise) * inside).real
    return filtered


def floor(model: Model, digits: torch.Tensor, steps: int) -> list[float]:
    """Return the consistency of an exactly equivariant denoiser of such images, by angle."""
    exact = clip(isotropic.fit(model.schedule, digits))
    sampling = Sampling(exact, model.schedule, digits, steps=steps)
    moves = [
        Rotation(torch.full((len(digits),), math.radians(angle), dtype=torch.float64))
        for angle in ANGLES[1:]
    ]
    return moved_start(sampling, lambda: SeededNoise(0, range(len(digits))), moves)


if __name__ == "__main__":
    main()
