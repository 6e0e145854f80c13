"""The sheet of ways to denoise: every answer in its place, with its own decibels."""

import numpy as np
import pytest
import torch

from jinc.data import contact_sheet
from jinc.errors import JincError
from jinc.report import comparison_sheet, forward_sheet


def reds(*shape: int, start: int) -> torch.Tensor:
    """Images of one colour each, `[*shape, 3, 4, 6]` in [−1, 1], reds that words do not have."""
    count = int(np.prod(shape))
    levels = torch.arange(start, start + count).view(*shape, 1, 1, 1).float() / 127.5 - 1
    return torch.cat([levels, torch.full_like(levels, -1), torch.full_like(levels, -1)], -3).expand(
        *shape, 3, 4, 6
    )


def corner(sheet: np.ndarray, image: torch.Tensor) -> tuple[int, int]:
    red = ((image[:, 0, 0] + 1) * 127.5).round().numpy()
    rows, columns = np.nonzero((sheet == red).all(-1))
    assert len(rows)
    return int(rows.min()), int(columns.min())


def test_rows_are_images_at_levels_and_columns_methods() -> None:
    x0 = reds(2, start=10)
    answers = {"blur": reds(3, 2, start=20), "one step": reds(3, 2, start=40)}
    psnr = {name: torch.rand(3, 2) for name in answers}
    sheet = comparison_sheet(x0, answers, psnr, [250, 500, 750], ["7", ""])
    tops = []
    for image in range(2):
        for level in range(3):
            places = [corner(sheet, answers[name][level, image]) for name in answers]
            assert places[0][0] == places[1][0]
            assert places[0][1] < places[1][1]
            tops.append(places[0][0])
        top, left = corner(sheet, x0[image])
        assert top == tops[3 * image]
        assert left < places[0][1]
    assert tops == sorted(set(tops))


def test_decibels_are_below_their_images(monkeypatch) -> None:
    seen = {}

    def keep(images, rows, columns, scale, captions):
        seen.update(rows=rows, columns=columns, captions=captions)
        return contact_sheet(images, rows, columns, scale, captions)

    monkeypatch.setitem(comparison_sheet.__globals__, "contact_sheet", keep)
    psnr = {"blur": torch.tensor([[1.0, 2.0]]), "median": torch.tensor([[3.25, 4.0]])}
    answers = dict.fromkeys(psnr, torch.zeros(1, 2, 1, 4, 4))
    comparison_sheet(torch.zeros(2, 1, 4, 4), answers, psnr, [9], ["a", ""])
    assert seen["columns"] == ["clean", "blur", "median"]
    assert seen["rows"] == ["a, t = 9", "t = 9"]
    assert seen["captions"] == [["", "1.0 dB", "3.2 dB"], ["", "2.0 dB", "4.0 dB"]]


def test_the_forward_process_goes_from_clean_to_noise() -> None:
    x0, x_t = reds(2, start=10), reds(3, 2, start=20)
    sheet = forward_sheet(x0, x_t, [1, 2, 3], ["", ""])
    for image in range(2):
        places = [corner(sheet, each[image]) for each in (x0, *x_t)]
        assert len({top for top, _ in places}) == 1
        assert [left for _, left in places] == sorted({left for _, left in places})


def test_counts_have_to_agree() -> None:
    x0, psnr = torch.zeros(2, 1, 4, 4), {"blur": torch.zeros(3, 2)}
    for answers in ({"blur": torch.zeros(2, 2, 1, 4, 4)}, {"median": torch.zeros(3, 2, 1, 4, 4)}):
        with pytest.raises(JincError, match=r"\[3, 2, 1, 4, 4\], under equal names"):
            comparison_sheet(x0, answers, psnr, [1, 2, 3], ["", ""])
