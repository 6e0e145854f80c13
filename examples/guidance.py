"""Sample with classifier-free guidance: the same noise at growing guidance scales.

python examples/guidance.py runs/mnist-class guidance.png 2 3 5 7
"""

import sys
from dataclasses import replace

import torch

from jinc.data import contact_sheet, save_png
from jinc.models import SamplingPlan, generate_images, images_of, open_model

_, source, out, *prompts = sys.argv
model = open_model(source, device="auto")
amounts = (0, 1, 5, 10)  # γ: 0 is unconditional, 1 conditional without guidance
plan = SamplingPlan(number=len(prompts), prompts=prompts)
plans = [replace(plan, guidance=amount) for amount in amounts]
made = [images_of(generate_images(model, each)) for each in plans]
rows = [f"γ = {amount}" for amount in amounts]
save_png(out, contact_sheet(torch.stack(made), rows, prompts, scale=None))
