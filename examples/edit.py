"""Edit an image (SDEdit): the more noise is added, the less of the image remains.

python examples/edit.py runs/mnist-class sketch.png edited.png 4
"""

import sys
from functools import partial

import torch

from jinc.data import contact_sheet, fit, read_picture, save_png
from jinc.diffusion import sdedit_start
from jinc.models import SamplingPlan, edit_images, images_of, open_model

_, source, picture, out, *prompts = sys.argv
model = open_model(source, device="auto")
photo, _ = fit(read_picture(picture), model.image_size, model.channels, "pad")
plan = SamplingPlan(number=1, prompts=prompts, guidance=5 if prompts else 1)
columns = {"picture": photo}
for strength in (0.3, 0.5, 0.7, 0.9):
    start = partial(sdedit_start, strength=strength)
    columns[f"{strength}"] = images_of(edit_images(model, photo, plan, start=start))
save_png(out, contact_sheet(torch.stack([*columns.values()], 1), [""], [*columns], scale=None))
