"""`jinc denoise`: the single-step denoiser of the CS180 course."""

import json
import math
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from torch import Tensor

from jinc.cli.options import DEFAULTS, Options
from jinc.cli.places import check_folder, claim
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.cli.resuming import ChangedSettings
from jinc.cli.sampling import SEVERAL
from jinc.cli.train import train as train_run
from jinc.data import Split, to_float
from jinc.diffusion.noise import check_seed
from jinc.errors import JincError
from jinc.files import write_json
from jinc.metrics import denoise_at
from jinc.models import SingleStep, choose_device
from jinc.report import plot_denoising
from jinc.train import Run, load_data

SIGMAS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)
SHOWN = 2
"""Images in the plot."""

app = App(name="denoise", help="Train and test the single-step denoiser of the CS180 course.")


@app.command
def train(
    *,
    out: Path | None = None,
    resume: bool = False,
    dry_run: bool = False,
    set_: ChangedSettings = (),
    config: Options = DEFAULTS,
) -> None:
    """Train a network to undo z = x + σ ε: `jinc train` with the preset mnist-denoiser.

    Args:
        out: the run folder, for config.yaml, log.jsonl, checkpoints/, samples/ and model/.
        resume: continue from the newest checkpoint, or start if there is none.
        dry_run: print memory, time and settings, and write nothing.
        set_: with --resume, settings to change from here on, such as learning_rate=1e-4.
        config: the settings.
    """
    if config.noise_std is None:
        raise JincError("--noise-std: missing; give the σ of the noise, such as 0.5")
    train_run(out=out, resume=resume, dry_run=dry_run, set_=set_, config=config)


@app.command(name="test")
def evaluate(
    run: Path,
    /,
    *,
    out: Path,
    data: str | None = None,
    split: Split = "test",
    number: Annotated[int, Parameter(alias="-n")] = 1000,
    sigmas: Annotated[tuple[float, ...], SEVERAL] = SIGMAS,
    seed: int = 0,
    device: str = "auto",
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Measure a denoiser at several noise levels, beside a Gaussian blur and a median filter.

    Args:
        run: the run folder of `jinc denoise train`.
        out: folder for denoising.png and denoising.json.
        data: test images (default: the data set of the run).
        split: part of the data set.
        number: how many images.
        sigmas: standard deviations σ of the noise, for images in [0, 1].
        seed: of the noise, at least 0.
        device: cpu, cuda, mps, or auto for the fastest available.
        json_: print JSON.
    """
    denoiser = SingleStep.load(Run.open(run).path / "model")
    if number < 1:
        raise JincError(f"--number: {number} is not at least 1")
    check_seed("--seed", seed)
    if any(not 0 <= sigma < math.inf for sigma in sigmas):
        raise JincError(f"--sigmas: {min(sigmas)} is not a finite number of at least 0")
    denoiser.network.to(choose_device(device))
    check_folder(out)
    claim(out)
    clean = _test_images(Run.open(run), data, split, number)
    images, errors = denoise_at(denoiser, clean, sigmas, seed, SHOWN)
    facts = {
        "what": "mean squared error of images in [0, 1]",
        "images": len(clean),
        "trained_at": denoiser.noise_std,
        "sigma": list(sigmas),
        "mse": errors,
    }
    scores = {name: [f"{error:.4f}" for error in row] for name, row in errors.items()}
    plot_denoising(images, sigmas, out / "denoising.png", scores)
    write_json(out / "denoising.json", facts)
    if json_:
        print(json.dumps(facts, ensure_ascii=False))
        return
    _print_table(facts)
    print(f"picture: {out / 'denoising.png'}")


def _test_images(run: Run, data: str | None, split: Split, number: int) -> Tensor:
    """Return evenly spaced test images in [0, 1], `[number, C, H, W]`."""
    console = Console(stderr=True)
    with decoding_progress(console) as report:
        images = load_data(run.config, report, source=data or run.config.data, split=split)
    say_what_was_read(console, images.summary())
    places = torch.linspace(0, len(images) - 1, min(number, len(images))).long()
    return (to_float(images.batch(places)) + 1) / 2


def _print_table(facts: dict[str, Any]) -> None:
    table = Table(title=f"{facts['what']}, {facts['images']} of them")
    table.add_column("σ", justify="right")
    for name in facts["mse"]:
        table.add_column(name, justify="right")
    for place, sigma in enumerate(facts["sigma"]):
        table.add_row(f"{sigma:g}", *(f"{row[place]:.4f}" for row in facts["mse"].values()))
    Console().print(table)
