"""The picture of neighbours shows the right images in the right places."""

import numpy as np
import pytest
import torch

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.metrics import Neighbours, neighbours_by_pixels
from jinc.report import neighbours_sheet

COLOURS = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]], np.uint8)
TRAIN = ImageSet(np.broadcast_to(COLOURS[:, None, None], (4, 8, 8, 3)).copy(), None, (), "plain")


def test_images_stand_beside_their_neighbours() -> None:
    """Of plain colours: each row is what was generated, then the nearest ones in order."""
    made = TRAIN.batch([2, 1])
    found = neighbours_by_pixels(made, TRAIN, 2)
    sheet = neighbours_sheet(made, TRAIN, [found]).astype(int)
    centres = []
    for colour in COLOURS.astype(int):
        near = np.abs(sheet - colour).max(-1) < 5
        centres.append(near.sum() / 88**2)  # tiles of this colour
    expected = np.bincount([2, 1, *found.places.flatten().tolist()], minlength=4)
    assert centres == pytest.approx(expected, rel=1e-6)
    left = sheet[:, : sheet.shape[1] // 3]
    rows = [np.argwhere(np.abs(left - COLOURS[k].astype(int)).max(-1) < 5)[:, 0] for k in (2, 1)]
    assert rows[0].max() < rows[1].min()  # blue above green, as they were given


def test_counts_that_differ_are_an_error() -> None:
    made = TRAIN.batch([2, 1])
    with pytest.raises(JincError, match="none to lay out"):
        neighbours_sheet(made, TRAIN, [])
    one = Neighbours("pixels", torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.int64))
    with pytest.raises(JincError, match="of 1 images beside 2"):
        neighbours_sheet(made, TRAIN, [one])
