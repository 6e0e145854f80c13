"""Make drawings, and convert drawings to the look of MNIST digits."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from jinc.data import to_float


def zigzag() -> Image.Image:
    """Three strokes of a pen."""
    return stroke([(130, 120), (380, 120), (130, 390), (380, 390)])


def loop() -> Image.Image:
    """A ring with a stem."""
    turn = np.linspace(0, 2 * math.pi, 40)
    ring = [(260 + 90 * math.cos(a), 180 + 80 * math.sin(a)) for a in turn]
    return stroke([*ring, (350, 180), (350, 420)])


def stroke(points: Sequence[tuple[float, float]]) -> Image.Image:
    """A thin line on white paper of 512×512."""
    paper = Image.new("L", (512, 512), 255)
    ImageDraw.Draw(paper).line(points, fill=0, width=8, joint="curve")
    return paper


def as_digit(drawing: Image.Image) -> Tensor:
    """Convert a drawing to white on black with lines as thick as a digit's, `[1, 28, 28]`."""
    thick = drawing.convert("L").filter(ImageFilter.MinFilter(9)).filter(ImageFilter.MinFilter(9))
    pixels = np.array(thick.resize((28, 28), Image.Resampling.BOX))
    return -to_float(torch.from_numpy(pixels))[None]
