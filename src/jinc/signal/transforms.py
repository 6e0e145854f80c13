"""Whether derivatives are taken in ways that our operators and `autograd.Function`s do not know."""

import torch
from torch.autograd import forward_ad


def transformed() -> bool:
    """Whether `torch.func` or forward mode is at work, under which plain operations run."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0
