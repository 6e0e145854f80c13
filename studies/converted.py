"""Can a trained U-Net of diffusers be made alias-free with a fifth of its training?

    python studies/converted.py base --data CIFAR10_FOLDER

`base` trains a `UNet2DModel` on CIFAR-10 at 16×16 by diffusers' own loop, and saves a pipeline.
What was interrupted is resumed.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel
from torch import Tensor

from jinc.data import load_images, to_float
from jinc.files import writing

SIZE, BATCH, RATE, WARMUP = 16, 32, 3e-4, 200
SAVE_EVERY = 250


def make_unet() -> UNet2DModel:
    """Make the network of DDPM for CIFAR-10, with fewer channels: 3.65 million parameters."""
    return UNet2DModel(
        sample_size=SIZE,
        block_out_channels=(32, 64, 160),
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


def train_base(data: str, out: Path, steps: int) -> None:
    """Train with diffusers alone, resuming from `state.pt`, and save a pipeline."""
    torch.manual_seed(0)
    unet, scheduler = make_unet(), DDPMScheduler()
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
    total = 0.0
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
        total += loss.item()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            print(f"step {step + 1}: loss {total / SAVE_EVERY:.4f}", flush=True)
            total = 0.0
            parts = {"unet": unet, "ema": ema, "optimiser": optimiser}
            with writing(state) as file:
                tensors = {name: part.state_dict() for name, part in parts.items()}
                torch.save({"step": step + 1} | tensors, file)
    ema.copy_to(unet.parameters())
    DDPMPipeline(unet, scheduler).save_pretrained(out / "pipeline")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["base"])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/converted"))
    parser.add_argument("--steps", type=int, default=6000)
    options = parser.parse_args()
    train_base(options.data, options.out / "base", options.steps)


if __name__ == "__main__":
    main()
