"""Measure what methods of rotation remove from noise, from images and from a sampler.

    python studies/rotation.py --mnist FOLDER [--images 128]
                               [--out results/rotation.json] [--pages docs/rotation]

All figures are exact except those of DDPM and of float32: a rotation is a linear map, and a
thousand of them are the thousandth power of its matrix. Powers refer to white noise of variance 1;
the top band contains the frequencies from 0.375 cycles per pixel to the corners of the spectrum.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from jinc.data import read_digits, read_mnist, to_float
from jinc.diffusion import Schedule, SeededNoise, ddpm, gaussian, rotating, sample, timesteps
from jinc.report import plot_error, plot_turns
from jinc.signal import error_by_radius, extend, rotate, top_band_power
from jinc.signal.rotate import METHODS, Pad, blobs
from jinc.signal.spectrum import radial_frequency

SIZE = 32
TURNS = (1, 10, 1000)
QUARTER = math.pi / 2
SCHEDULE = Schedule.linear()
RADII = (0.0, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
ERRORS: dict[str, tuple[int, float, str, Pad, int]] = {
    "spline, 32×32": (32, math.pi / 4, "spline", "none", 1),
    "bilinear, 32×32": (32, math.pi / 4, "bilinear", "none", 1),
    "lanczos, 32×32": (32, math.pi / 4, "lanczos", "none", 1),
    "unitary, 32×32": (32, math.pi / 4, "unitary", "none", 1),
    "unitary, 32×32, pad zeros": (32, math.pi / 4, "unitary", "zeros", 1),
    "unitary, 64×64": (64, math.pi / 4, "unitary", "none", 1),
    "unitary, 64×64, pad zeros": (64, math.pi / 4, "unitary", "zeros", 1),
    "unitary, 64×64, 1,000 turns of 0.09°": (64, QUARTER, "unitary", "none", 1000),
    "unitary, 128×128": (128, math.pi / 4, "unitary", "none", 1),
}
"""Size, angle, method, pad, steps; 45°, where shears are longest, except for one."""


def dots(size: int) -> Tensor:
    """Return all images with one bright pixel: a linear map of them gives its matrix."""
    return torch.eye(size**2, dtype=torch.float64).reshape(-1, 1, size, size)


def turned(method: str, count: int, images: Tensor, angle: float = QUARTER / 1000) -> Tensor:
    """Rotate images `[B, 1, 32, 32]` by a small angle, `count` times."""
    turn = rotate(dots(SIZE), angle, method).flatten(1)
    return (images.flatten(1) @ torch.linalg.matrix_power(turn, count)).view_as(images)


def of_noise(method: str) -> dict[str, dict[str, float]]:
    """Return the remaining power of white noise after rotations by 0.09°."""
    found = {}
    for count in TURNS:
        images = turned(method, count, dots(SIZE))
        # The sum over all dots is the mean over white noise.
        power, top = images.square().sum() / SIZE**2, top_band_power(images).sum()
        found[str(count)] = {"variance": power.item(), "top_band": top.item()}
    return found


def of_noise_in_float32(count: int = 1000, images: int = 64) -> float:
    """Rotate noise in float32 with `unitary`, and return the remaining share of the variance."""
    x = SeededNoise(0, range(images))(torch.zeros(images, 1, SIZE, SIZE))
    y = x
    for _ in range(count):
        y = rotate(y, QUARTER / 1000)
    return (y.square().mean() / x.square().mean()).item()


def quarter_turn_db(method: str, images: Tensor) -> list[float]:
    """Return the PSNR of 1,000 rotations by 0.09° against the quarter turn, images in [0, 1]."""
    error = turned(method, 1000, images) - images.rot90(1, (-2, -1))
    return (-10 * error.square().mean((1, 2, 3)).log10()).tolist()


def data_power(size: int) -> Tensor:
    """Return the power spectrum of the oracle's data: 1/f², as in photographs, of variance 1."""
    power = 1 / (radial_frequency(size, size) ** 2 + 0.05**2)
    return power / power.mean()


def oracle(x_t: Tensor, t: Tensor) -> Tensor:
    """Denoise exactly: `jinc.diffusion.gaussian` in the Fourier domain, where Σ is diagonal.

    Solving for a thousand pixels at every step would take hours.
    """
    alpha_bar = SCHEDULE.alpha_bar(t).view(-1, 1, 1, 1)
    power = data_power(x_t.shape[-1])
    gain = alpha_bar.sqrt() * power / (alpha_bar * power + 1 - alpha_bar)
    return torch.fft.ifft2(torch.fft.fft2(x_t) * gain).real.to(x_t)


def oracle_agrees() -> float:
    """Return the largest difference of the oracle from the library's, for a few images."""
    dot = torch.zeros(SIZE, SIZE, dtype=torch.float64)
    dot[0, 0] = 1
    line = torch.fft.ifft2(torch.fft.fft2(dot) * data_power(SIZE)).real
    rolled = [line.roll((y, x), (0, 1)).flatten() for y in range(SIZE) for x in range(SIZE)]
    mean = torch.zeros(1, SIZE, SIZE, dtype=torch.float64)
    x_t, t = SeededNoise(0, range(2))(mean.expand(2, -1, -1, -1)), torch.tensor([100, 700])
    expected = gaussian(SCHEDULE, mean, torch.stack(rolled))(x_t, t)
    return (oracle(x_t, t) - expected).abs().max().item()


def theory(t: int, size: int) -> float:
    """Return the power of noised data at level t: mean of ᾱ S + 1 − ᾱ over the top band."""
    alpha_bar = SCHEDULE.alpha_bar(torch.tensor(t)).item()
    top = data_power(size)[radial_frequency(size, size) >= 0.375].mean().item()
    return alpha_bar * top + 1 - alpha_bar


def of_ddim(method: str | None, size: int, steps: int = 50) -> list[tuple[int, float]]:
    """Run DDIM, rotating the state by 90°: exact top-band power at every level."""
    levels = timesteps(len(SCHEDULE), steps)
    after = rotating(QUARTER, levels, method) if method else None
    walk = sample(oracle, SCHEDULE, dots(size), steps=steps, after=after)
    return [(step.t, top_band_power(step.x_t).sum().item()) for step in walk]


def of_ddpm(method: str | None, size: int, images: int) -> list[tuple[int, float]]:
    """Run ancestral sampling in 1,000 steps: mean top-band power over images."""
    after = rotating(QUARTER, range(len(SCHEDULE) - 1, -1, -1), method) if method else None
    noise = SeededNoise(0, range(images))
    x_T = noise(torch.zeros(images, 1, size, size))
    walk = sample(oracle, SCHEDULE, x_T, method=ddpm(), noise=noise, after=after)
    return [(step.t, top_band_power(step.x_t).mean().item()) for step in walk]


def against(
    run: list[tuple[int, float]], still: list[tuple[int, float]], size: int
) -> dict[str, float]:
    """Compare a run with theory midway and at the end, and with the run without rotation."""
    half = [t for t, _ in run if t >= 0 and SCHEDULE.alpha_bar(torch.tensor(t)) <= 0.5]
    ratios = [p / q for (t, p), (_, q) in zip(run, still, strict=True) if t in half]
    middle = run[len(run) // 2 - 1]
    return {
        "midway_over_theory": middle[1] / theory(middle[0], size),
        "end_over_theory": run[-1][1] / theory(run[-1][0], size),
        "least_over_still_where_alpha_bar_is_up_to_half": min(ratios),
        "most_over_still_where_alpha_bar_is_up_to_half": max(ratios),
    }


def digits(folder: Path, count: int = 100) -> tuple[str, Tensor]:
    """Read digits as 32×32 in [0, 1], float64: MNIST's test set, or else the bundled ones."""
    file = folder / "t10k-images-idx3-ubyte.gz"
    name, images = ("MNIST test", read_mnist(file)) if file.exists() else ("digits", read_digits())
    x = (to_float(torch.tensor(images.images[:count]).permute(0, 3, 1, 2)).double() + 1) / 2
    margin = (SIZE - x.shape[-1]) // 2
    return name, extend(x, margin, margin, "zeros")


def sampling(
    run: Callable[[str | None, int], list[tuple[int, float]]],
) -> dict[str, dict[str, dict[str, float]]]:
    """Run a sampler without rotation and with every operator, for two sizes."""
    found = {}
    for size in (16, SIZE):
        still = run(None, size)
        rows = {"none": against(still, still, size)}
        for method in METHODS:
            rows[method] = against(run(method, size), still, size)
            print(size, method, rows[method]["midway_over_theory"])
        found[f"{size}×{size}"] = rows
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--images", type=int, default=128, help="images for DDPM")
    parser.add_argument("--out", type=Path, default=Path("results/rotation.json"))
    parser.add_argument("--pages", type=Path, default=Path("docs/rotation"))
    options = parser.parse_args()

    source, pictures = digits(options.mnist)
    blob = blobs(SIZE, 6.0, torch.zeros(1))
    digits_db = {method: quarter_turn_db(method, pictures) for method in METHODS}
    radius = {
        name: error_by_radius(size, angle, method, pad, radii=RADII, steps=steps).tolist()
        for name, (size, angle, method, pad, steps) in ERRORS.items()
    }
    result = {
        "what": __doc__.split("\n\n")[2].replace("\n", " ").strip(),
        "noise_after_turns_of_0.09_degrees": {method: of_noise(method) for method in METHODS},
        "noise_after_1000_turns_in_float32_unitary": of_noise_in_float32(),
        "quarter_turn_in_1000_steps_db": {
            method: {
                "blob, std 2 px at radius 6": quarter_turn_db(method, blob)[0],
                f"digits: {source}, mean of {len(pictures)}": sum(each) / len(each),
                f"digits: {source}, worst": min(each),
                f"digits: {source}, first": each[0],
            }
            for method, each in digits_db.items()
        },
        "error_by_radius_db, by 45 degrees": {"radii": RADII, **radius},
        "oracle_differs_from_the_library's_by": oracle_agrees(),
        "DDIM-50": sampling(of_ddim),
        f"DDPM-1000, {options.images} images": sampling(
            lambda method, size: of_ddpm(method, size, options.images)
        ),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")

    noise = SeededNoise(0, range(1))(torch.zeros(1, 1, SIZE, SIZE, dtype=torch.float64))
    for name, image in (("noise", noise / 3), ("digit", 2 * pictures[:1] - 1)):
        after = {m: torch.cat([turned(m, count, image) for count in TURNS]) for m in METHODS}
        words = [f"{count:,} rotation{'s' * (count > 1)}" for count in TURNS]
        plot_turns(image[0], after, words, options.pages / f"{name}.png")
    plot_error(RADII, radius, options.pages / "radius.png")


if __name__ == "__main__":
    main()
