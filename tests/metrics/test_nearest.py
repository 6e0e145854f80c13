"""Neighbours block by block, against all distances at once."""

import pytest
import torch

from jinc.errors import JincError
from jinc.metrics import nearest
from jinc.metrics.scores.neighbours import squared_distances

RANDOM = torch.Generator().manual_seed(0)
A, B = torch.randn(50, 7, generator=RANDOM), torch.randn(31, 7, generator=RANDOM)


@pytest.mark.parametrize("block", [1, 8, 1000])
def test_all_distances_at_once(block) -> None:
    expected = torch.cdist(A.double(), B.double(), compute_mode="donot_use_mm_for_euclid_dist")
    found = torch.cat([part for _, part, _ in squared_distances(A, B, block)])
    torch.testing.assert_close(found.sqrt(), expected, rtol=1e-12, atol=1e-12)
    apart, places = nearest(A, B, 3, block)
    torch.testing.assert_close(apart, expected.sort(dim=1).values[:, :3], rtol=1e-12, atol=0)
    assert torch.equal(places, expected.sort(dim=1).indices[:, :3])


def test_a_copy_is_at_no_distance_even_far_from_zero() -> None:
    far = A.double() + 1e6
    apart, places = nearest(far, far.flip(0), 1)
    assert apart.eq(0).all()
    assert torch.equal(places[:, 0], torch.arange(50).flip(0))


def test_what_is_refused() -> None:
    with pytest.raises(JincError, match="7 beside 3 numbers"):
        nearest(A, B[:, :3], 1)
    for k in (0, 32):
        with pytest.raises(JincError, match=f"31 images have no {k} neighbours"):
            nearest(A, B, k)
