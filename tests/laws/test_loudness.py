"""The published U-Net does not hear how loud its input is.

Its first block is a convolution without bias and a GroupNorm over everything, which divides any
factor of the image away, and the skip from there on carries none. So the amplitude of the noise in
one image, which varies by 1/√(2·pixels), is guessed as its mean: 4 % at 16×16. Deterministic DDIM
carries the error along, to pale or garish images. `diffusion.calibrate` makes up for it.
"""

import pytest
import torch

from jinc.nn import UNet


@pytest.mark.parametrize("name", ["A", "B@6", "C@6", "D@6", "D@12", "D-2N"])
def test_a_louder_image_gives_the_same_noise(name) -> None:
    torch.manual_seed(0)
    network = UNet(name, channels=1, width=8).double().eval()
    x_t, t = torch.randn(2, 1, 16, 16, dtype=torch.float64), torch.tensor([10, 900])
    with torch.no_grad():
        quiet, loud = network(x_t, t), network(1.1 * x_t, t)
        other = network(x_t.flip(-1), t)
    assert (loud - quiet).abs().max() < 1e-3 * (other - quiet).abs().max()
