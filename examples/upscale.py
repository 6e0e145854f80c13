"""Upscale a small image, and compare with bicubic interpolation.

jinc train --preset faces-sr-small --data FACES --out runs/faces-sr      # once
python examples/upscale.py runs/faces-sr picture.png upscaled.png
"""

import sys

import torch

from jinc.data import contact_sheet, fit, read_picture, save_png
from jinc.models import SamplingPlan, factor_of, open_upscaler, upscale_images
from jinc.signal import bicubic

_, source, picture, out = sys.argv
model = open_upscaler(source, device="auto")
small, _ = fit(read_picture(picture), model.low_size, model.channels)
*_, last = upscale_images(model, small, SamplingPlan())
larger = torch.stack([bicubic(small, factor_of(model)), last.x_t.cpu()], 1)
save_png(out, contact_sheet(larger, [""], ["bicubic", "upscaled"], scale=None))
