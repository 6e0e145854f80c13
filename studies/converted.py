"""Can a trained U-Net of diffusers be made alias-free with a fifth of its training?

    python studies/converted.py --data CIFAR10_FOLDER --features resnet20-12fca82f.th

A `UNet2DModel` is trained on CIFAR-10 at 16×16 by diffusers' own loop, and saved as a pipeline: its
convolutions are padded circularly, or with zeros as usual (--padding). From there it is trained on
with 20 % of the steps: as it is; converted to D@12 with circular padding, at once, blended, with
the original as teacher, and with both; to a lower cutoff; with the equivariance loss, converted or
not; and with a lighter one, blended. Interrupted runs are resumed; figures that --out has are not
made again.
"""

import argparse
import json
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch
import torch.nn.functional as F
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel
from torch import Tensor

from jinc import convert
from jinc.data import ImageSet, load_images, to_float
from jinc.files import write_json, writing
from jinc.models import Model, SamplingPlan
from jinc.signal.padding import Padding
from jinc.study import training_scorer
from jinc.study.measured import measure
from jinc.train import Run, TrainConfig, Trainer, as_original, load_data, open_original

SIZE, BATCH, RATE, WARMUP = 16, 32, 3e-4, 200
SAVE_EVERY = 250

WAYS: Mapping[str, Mapping[str, Any]] = {
    "unconverted": {"config": "A"},
    "at once": {},
    "blended": {"blend": 0.5},
    "with teacher": {"teacher": 1.0},
    "blended, with teacher": {"blend": 0.5, "teacher": 1.0},
    "cutoff 0.2": {"config": "D@12/0.2"},
    "equivariance loss": {"equivariance": 5.0},
    "blended, equivariance loss 1": {"blend": 0.5, "equivariance": 1.0},
    "unconverted, equivariance loss": {"config": "A", "equivariance": 5.0},
}
"""How the steps after the base training are used; else by D@12."""

FIGURES = ("score", "eps_error", "equivariance", "half_pixel_sampled", "eq_t_frac")
"""Fréchet distance and test loss, lower being better; equivariance of predicted noise, and of
generated images, dB."""


def make_unet() -> UNet2DModel:
    """Make the network of DDPM for CIFAR-10, with fewer channels: 2.7 million parameters."""
    return UNet2DModel(
        sample_size=SIZE,
        block_out_channels=(32, 64, 128),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_num_groups=16,
        norm_eps=1e-6,
        attention_head_dim=None,
    )


def batch_of(x0: Tensor, step: int, timesteps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw images, half of them mirrored, noise and t, all by the number of a step."""
    generator = torch.Generator().manual_seed(step)
    picked = x0[torch.randint(len(x0), (BATCH,), generator=generator)]
    mirrored = torch.rand(BATCH, 1, 1, 1, generator=generator) < 0.5
    images = torch.where(mirrored, picked.flip(-1), picked)
    noise = torch.randn(images.shape, generator=generator)
    return images, noise, torch.randint(timesteps, (BATCH,), generator=generator)


def train_base(data: str, out: Path, steps: int, padding: Padding) -> None:
    """Train with diffusers alone, resuming from `state.pt`, and save a pipeline."""
    torch.manual_seed(0)
    unet, scheduler = make_unet(), DDPMScheduler()
    if padding != "zeros":
        convert(unet, "A", padding=padding)
    ema = EMAModel(unet.parameters(), decay=0.999)
    optimiser = torch.optim.AdamW(unet.parameters(), lr=RATE, weight_decay=0.0)
    images = load_images(data, image_size=SIZE)
    x0 = to_float(images.batch(range(len(images))))
    first, state = 0, out / "state.pt"
    if state.is_file():
        saved = torch.load(state, weights_only=True)
        first = saved["step"]
        for name, each in (("unet", unet), ("ema", ema), ("optimiser", optimiser)):
            each.load_state_dict(saved[name])
    losses: list[float] = []
    for step in range(first, steps):
        clean, noise, t = batch_of(x0, step, len(scheduler.betas))
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARMUP)
        output = unet(scheduler.add_noise(clean, noise, t), t).sample
        loss = F.mse_loss(output, noise)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimiser.step()
        ema.step(unet.parameters())
        losses.append(loss.item())
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            print(f"step {step + 1}: loss {statistics.fmean(losses):.4f}", flush=True)
            losses.clear()
            parts = {"unet": unet, "ema": ema, "optimiser": optimiser}
            with writing(state) as file:
                tensors = {name: part.state_dict() for name, part in parts.items()}
                torch.save({"step": step + 1} | tensors, file)
    ema.copy_to(unet.parameters())
    DDPMPipeline(unet, scheduler).save_pretrained(out / "pipeline")


def settings(way: str, seed: int, pipeline: Path, options: argparse.Namespace) -> TrainConfig:
    """Return the settings of fine-tuning the pipeline in one of the `WAYS`."""
    asked = TrainConfig(
        data=options.data,
        original=str(pipeline),
        augment=("hflip",),
        steps=options.steps // 5,
        batch_size=BATCH,
        learning_rate=RATE,
        lr_schedule="cosine",
        weight_decay=0.0,
        clip_gradient=1.0,
        ema_decay=(0.999,),
        sample_every=0,
        checkpoint_every=SAVE_EVERY,
        score_features=options.features,
        score_images=options.images,
        seed=seed,
        padding=options.padding if WAYS[way].get("config") == "A" else "circular",
        **{"config": "D@12"} | WAYS[way],
    )
    return as_original(asked, open_original(str(pipeline)))


def train_on(path: Path, config: TrainConfig) -> Run:
    """Fine-tune, or resume it."""
    started = path.exists()
    run = Run.open(path) if started else Run.create(path, config)
    for done in Trainer(run, load_data(config), resume=started).steps():
        if done.step % SAVE_EVERY == 0:
            print(f"{path.name}: step {done.step}", flush=True)
    return run


def figures_of(model: Model, config: TrainConfig, test: ImageSet) -> dict[str, Any]:
    """Score a model and measure it."""
    found: dict[str, Any] = {}
    for figures in training_scorer(config, load_data(config))(model):
        found |= figures or {}
    plan = SamplingPlan(number=32, steps=25)
    return found | {name: figure.value for name, figure in measure(model, test, (), plan)}


def cell(name: str, pipeline: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a fine-tuned model, or of one before fine-tuning, from its file.

    Without a file it is trained and measured first.
    """
    file = options.results / f"{name}.json"
    if not file.is_file():
        if not pipeline.exists():
            train_base(options.data, options.out / "base", options.steps, options.padding)
        test = load_images(options.data, image_size=SIZE, split="test")
        way, _, seed = name.partition(", seed ")
        config = settings(way if seed else "unconverted", int(seed or 0), pipeline, options)
        if seed:
            model = train_on(options.out / name, config).model()
        else:
            model = open_original(str(pipeline))
            if name == "converted":
                model = replace(model, network=model.network.redesigned("D@12", "circular"))
        write_json(file, figures_of(model, config, test))
    found: dict[str, Any] = json.loads(file.read_text())
    print(f"{name}: " + ", ".join(f"{n} {found[n]:.4g}" for n in FIGURES), flush=True)
    return found


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of each figure over the seeds, its standard error, and all values."""
    rows = {}
    for name in FIGURES:
        values = [each[name] for each in found]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        error = spread / len(values) ** 0.5
        rows[name] = {"mean": statistics.fmean(values), "error": error, "values": values}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--features", required=True)
    parser.add_argument("--steps", type=int, default=3000, help="of the base training")
    parser.add_argument("--padding", default="circular", choices=get_args(Padding))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=500, help="generated for a score")
    parser.add_argument("--runs", dest="out", type=Path, default=Path("runs/converted"))
    parser.add_argument("--out", dest="results", type=Path, default=Path("results/converted"))
    options = parser.parse_args()

    pipeline = options.out / "base" / "pipeline"
    before = {name: cell(name, pipeline, options) for name in ("original", "converted")}
    for seed in range(options.seeds):
        for way in options.ways:
            cell(f"{way}, seed {seed}", pipeline, options)
    files = {way: sorted(options.results.glob(f"{way}, seed *.json")) for way in WAYS}
    after = {way: [json.loads(f.read_text()) for f in there] for way, there in files.items()}
    result = {
        "what": "a UNet2DModel of diffusers on CIFAR-10 at 16×16, trained by its own loop, and "
        "then with a fifth of the steps; mean and standard error over seeds",
        "settings": {"steps": options.steps, "padding": options.padding}
        | {"images": options.images, "features": Path(options.features).name},
        "before": before,
        "after": {way: summary(each) for way, each in after.items() if each},
    }
    write_json(options.results / "table.json", result)


if __name__ == "__main__":
    main()
