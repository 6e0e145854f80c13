"""One picture that is something else from afar.

python examples/hybrid.py runs/mnist-class hybrid.png 0 1
"""

import sys

import torch

from jinc.data import contact_sheet, save_png
from jinc.diffusion import low_pass
from jinc.models import Hybrid, Shaping, generate_images, images_of, open_model

_, source, out, *prompts = sys.argv  # from afar, from close by
model = open_model(source, device="auto")
both = Hybrid(shaping=Shaping(prompts=prompts, guidance=5), std_px=2)
made = images_of(generate_images(model, 8, shaping=both))
seen = torch.stack([low_pass(2)(made), made])
save_png(out, contact_sheet(seen, ["from afar", "close by"], [""] * 8, scale=None))
