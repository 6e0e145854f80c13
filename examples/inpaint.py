"""Inpaint a part of an image with RePaint; the rest stays unchanged.

The mask is a rectangle x,y,width,height, in pixels or per cent; alpha; or an image file, white in
the region to inpaint.

    python examples/inpaint.py runs/mnist-class picture.png 0,50%,100%,50% inpainted.png 3
"""

import sys

from jinc.data import fit, read_mask, read_picture
from jinc.diffusion import from_noise, repaint_levels, timesteps
from jinc.models import SamplingPlan, edit_images, images_of, open_model

_, source, file, where, out, *prompts = sys.argv
model = open_model(source, device="auto")
picture = read_picture(file)
mask = read_mask(where, picture)
photo, canvas = fit(picture, model.image_size, model.channels)
levels = repaint_levels(timesteps(model.timesteps, 25), jump=5, times=5)
plan = SamplingPlan(number=1, prompts=prompts, guidance=5 if prompts else 1)
made = edit_images(model, photo, plan, masks=canvas.mask(mask), start=from_noise(levels))
canvas.paste_back(images_of(made), mask)[0].save(out)
