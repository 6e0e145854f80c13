"""Denoise a noisy image with a blur, with a model in one step, and iteratively.

python examples/compare.py runs/mnist-class picture.png compared.png
"""

import sys

import torch

from jinc.data import contact_sheet, fit, read_picture, save_png
from jinc.diffusion import SeededNoise, forward, posterior, sample, strided
from jinc.models import SamplingPlan, open_model
from jinc.signal import gaussian_blur

_, source, picture, out = sys.argv
model = open_model(source)
levels = strided(model.timesteps, round(0.03 * model.timesteps))[10:]  # of 1,000: 690, 660 … 0
clean, _ = fit(read_picture(picture), model.image_size, model.channels)
noise = SeededNoise(0, [0])
noisy = forward(model.schedule, clean, levels[0], noise(clean))
denoiser = SamplingPlan().denoiser(model, [0])
walk = sample(denoiser, model.schedule, noisy, method=posterior(), steps=levels, noise=noise)
first, *_, last = walk
ways = {"clean": clean, "noisy": noisy, "blurred": gaussian_blur(noisy, taps=3, std_px=0.8)}
ways |= {"one step": first.x0_hat, f"{len(levels)} steps": last.x_t}
save_png(out, contact_sheet(torch.stack([*ways.values()], 1), [""], [*ways], scale=None))
