"""Extension of images against numpy's."""

import numpy as np
import pytest
import torch

from jinc.errors import JincError
from jinc.signal import extend
from jinc.signal.padding import check_padding

NUMPY = {"zeros": "constant", "reflect": "symmetric", "circular": "wrap", "mirror": "reflect"}


@pytest.mark.parametrize("padding", NUMPY)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 2), (3, 0), (7, 9)])
def test_agrees_with_numpy_beyond_its_own_size(padding, before, after) -> None:
    x = torch.arange(24, dtype=torch.float64).reshape(2, 1, 3, 4)
    edges = ((0, 0), (0, 0), (before, after), (before, after))
    expected = np.pad(x.numpy(), edges, mode=NUMPY[padding])
    np.testing.assert_array_equal(extend(x, before, after, padding).numpy(), expected)


def test_unknown_padding_is_named() -> None:
    with pytest.raises(JincError, match="'edge' is none of zeros, reflect, circular, mirror"):
        extend(torch.zeros(1, 1, 2, 2), 1, 1, "edge")
    with pytest.raises(JincError, match="'mirror' is none of zeros, reflect, circular"):
        check_padding("mirror")  # networks
