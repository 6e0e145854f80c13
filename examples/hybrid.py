"""Generate images that show something else from afar.

python examples/hybrid.py runs/mnist-class hybrid.png 0 1
"""

import sys

import torch

from jinc.data import contact_sheet, save_png
from jinc.diffusion import low_pass
from jinc.models import Hybrid, SamplingPlan, generate_images, images_of, open_model

_, source, out, *prompts = sys.argv  # from afar, from close by
model = open_model(source, device="auto")
plan = SamplingPlan(number=8, prompts=prompts, guidance=5)
made = images_of(generate_images(model, plan, composition=Hybrid(std_px=2)))
seen = torch.stack([low_pass(2)(made), made])
save_png(out, contact_sheet(seen, ["from afar", "close by"], [""] * 8, scale=None))
