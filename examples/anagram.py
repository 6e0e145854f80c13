"""Generate images that show something else upside down.

python examples/anagram.py runs/mnist-class anagram.png 6 9
"""

import sys

import torch

from jinc.data import contact_sheet, save_png
from jinc.diffusion import identity, quarter_turns
from jinc.models import Anagram, SamplingPlan, generate_images, images_of, open_model

_, source, out, *prompts = sys.argv
model = open_model(source, device="auto")
views = identity(), quarter_turns(2)  # any: rotation(math.radians(37)), puzzle(4), negate() …
plan = SamplingPlan(number=8, prompts=prompts, guidance=5)
made = images_of(generate_images(model, plan, composition=Anagram(views=views)))
seen = torch.stack([view(made) for view in views])
save_png(out, contact_sheet(seen, prompts, [""] * 8, scale=None))
