"""Types that all packages use."""

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

Images: TypeAlias = Tensor
"""Float images in [-1, 1], `[batch, channels, height, width]`."""

Steps: TypeAlias = Tensor
"""One integer step per image, `[batch]`, 0 to T - 1; -1 is clean."""

Denoiser: TypeAlias = Callable[[Images, Steps], Images]
"""`(x_t, t) -> x0_hat`, the predicted clean images. All that shapes sampling is one of these."""

Noise: TypeAlias = Callable[[Images], Images]
"""White Gaussian noise with the shape, type and device of its argument; fresh at every call."""
