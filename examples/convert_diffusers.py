"""Make a network of diffusers alias-free with its own weights, and measure what that changes.

python examples/convert_diffusers.py path/to/unet path/to/converted
"""

import sys

from diffusers import UNet2DModel

import jinc
from jinc.models.convert import effects, inputs_of, sharing_weights

_, source, out = sys.argv
model = UNet2DModel.from_pretrained(source)
original = sharing_weights(model)
jinc.convert(model, "D@12", padding="circular")
for name, each in effects({"before": original, "after": model}, inputs_of(model, None)).items():
    print(f"{name}: {each.half_pixel_db:.1f} dB, {1000 * each.seconds:.0f} ms")
model.save_pretrained(out)  # with a jinc.json; jinc.convert(model, out) converts it again
