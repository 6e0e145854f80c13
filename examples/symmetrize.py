"""Make any model exactly equivariant: rotated noise gives the rotated image.

python examples/symmetrize.py runs/demo turned.png
"""

import sys

import torch

from jinc.data import contact_sheet, save_png
from jinc.diffusion import SeededNoise, c4, generate, quarter_turns, symmetrize
from jinc.models import SamplingPlan, open_model

_, source, out = sys.argv
model = open_model(source)
noise = SeededNoise(0, range(6))(torch.empty(6, model.channels, *model.image_size))
plain = SamplingPlan(prompts=model.class_names).denoiser(model, range(6))
even = symmetrize(plain, c4())  # mean prediction over all quarter turns
turn = quarter_turns(1)
for name, denoiser in {"original": plain, "symmetrized": even}.items():
    made, of_turned = (
        generate(denoiser, model.schedule, x, steps=50) for x in (noise, turn(noise))
    )
    print(f"{name}: differs by up to {(turn(made) - of_turned).abs().max():.1g}")
rows = ["from noise", "from rotated noise"]
save_png(out, contact_sheet(torch.stack([made, of_turned]), rows, [""] * 6, scale=None))
