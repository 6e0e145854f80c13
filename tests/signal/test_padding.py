"""Extension of images against numpy's."""

from functools import partial

import numpy as np
import pytest
import torch

from jinc.errors import JincError
from jinc.signal import extend
from jinc.signal.padding import Edges, check_padding

NUMPY = {"zeros": "constant", "reflect": "symmetric", "circular": "wrap", "mirror": "reflect"}


@pytest.mark.parametrize("padding", NUMPY)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 2), (3, 0), (7, 9)])
def test_agrees_with_numpy_beyond_its_own_size(padding, before, after) -> None:
    x = torch.arange(24, dtype=torch.float64).reshape(2, 1, 3, 4)
    edges = ((0, 0), (0, 0), (before, after), (before, after))
    expected = np.pad(x.numpy(), edges, mode=NUMPY[padding])
    np.testing.assert_array_equal(extend(x, before, after, padding).numpy(), expected)


def test_unknown_padding_is_named() -> None:
    with pytest.raises(JincError, match="'edge' is not one of zeros, reflect, circular, mirror"):
        extend(torch.zeros(1, 1, 2, 2), 1, 1, "edge")
    with pytest.raises(JincError, match="'mirror' is not one of zeros, reflect, circular"):
        check_padding("mirror")  # networks


@pytest.mark.parametrize("padding", ["reflect", "circular", "mirror"])
@pytest.mark.parametrize(("before", "after"), [(1, 1), (3, 0), (5, 6)])
def test_the_gradient_is_the_transpose(padding: Edges, before: int, after: int) -> None:
    """⟨extend(x), y⟩ = ⟨x, extendᵀ(y)⟩, in both layouts, and the gradient of that too."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64, generator=random)
    for layout in (torch.contiguous_format, torch.channels_last):
        laid = x.contiguous(memory_format=layout).requires_grad_()
        assert extend(laid, 1, 1, padding).is_contiguous(memory_format=layout)
        extended = partial(extend, before=before, after=after, padding=padding)
        assert torch.autograd.gradcheck(extended, laid)
        assert torch.autograd.gradgradcheck(extended, laid)
