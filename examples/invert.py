"""Find the noise of an image by DDIM inversion, and generate the image from it again.

python examples/invert.py runs/mnist-class picture.png there-and-back.png
"""

import sys

import torch

from jinc.data import contact_sheet, fit, read_picture, save_png
from jinc.diffusion import generate, invert
from jinc.models import SamplingPlan, open_model

_, source, file, out = sys.argv
model = open_model(source)
picture, _ = fit(read_picture(file), model.image_size, model.channels)
denoiser = SamplingPlan(clip=False).denoiser(model, [0])  # clipping cannot be inverted
found = {"picture": picture}
for steps in (10, 100):
    found[f"noise, {steps} steps"] = invert(denoiser, model.schedule, picture, steps)
    found[f"back, {steps} steps"] = generate(
        denoiser, model.schedule, [*found.values()][-1], steps=steps
    )
save_png(out, contact_sheet(torch.stack([*found.values()], 1), [""], [*found], scale=None))
