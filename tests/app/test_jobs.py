"""The other tabs: each shows what its command and its program make."""

import json
import math
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinc.app.edit import Drawing, edit, inpaint, sampled
from jinc.app.illusions import certified, illusion
from jinc.app.motion import rotate, shift
from jinc.app.probe import probe
from jinc.errors import JincError
from jinc.models import Model
from jinc.report import FIGURES

QUICK = {"number": 2, "steps": 4}


def png(pixels: np.ndarray) -> bytes:
    with BytesIO() as file:
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()


PHOTO = png(np.arange(24 * 16, dtype=np.uint8).reshape(16, 24))
STROKE = np.zeros((16, 24, 4), np.uint8)
STROKE[4:9, 8:13] = 255
DRAWING = Drawing(PHOTO, [png(STROKE)], PHOTO)


@pytest.mark.parametrize("method", ["unitary", "spline"])
def test_rotations_are_frames_of_the_command(context, finished, typed, method) -> None:
    job = rotate(context, angle=30, method=method, **QUICK)
    shown, line = finished(job)
    assert "dB" in line
    typed(job)
    exec(job.recipe.python, {})
    for place, frame in enumerate(shown):
        assert Path("rotated", f"{place:06}.png").read_bytes() == frame
        assert Path(f"{place:06}.png").read_bytes() == frame


def test_no_rotation_at_all_is_exactly_consistent(context) -> None:
    *_, last = rotate(context, angle=0, **QUICK).shown
    assert float(re.search(r"\*\*(.*) dB\*\*", last.line)[1]) > 120


def test_shifts_are_frames_of_the_command(context, finished, typed) -> None:
    job = shift(context, right=2.5, down=-1, **QUICK)
    shown, _ = finished(job)
    typed(job)
    exec(job.recipe.python, {})
    assert [Path("shifted", f"{k:06}.png").read_bytes() for k in (0, 1)] == shown
    assert [Path(f"{k:06}.png").read_bytes() for k in (0, 1)] == shown


def test_edits_are_those_of_the_command(context, finished, typed) -> None:
    job = edit(context, drawing=DRAWING, strength=0.5, seed=3, steps=6)
    (picture, edited), _ = finished(job)
    Path("picture.png").write_bytes(picture)
    typed(job)
    exec(job.recipe.python, {})
    assert Path("edits", "picture-0.5-0.png").read_bytes() == edited
    assert Path("result.png").read_bytes() == edited
    assert list(context.folder.iterdir()) == []


def test_inpainting_is_that_of_the_command_and_keeps_the_rest(context, finished, typed) -> None:
    job = inpaint(context, drawing=DRAWING, times=2, steps=6)
    (picture, mask, filled), _ = finished(job)
    Path("picture.png").write_bytes(picture)
    Path("mask.png").write_bytes(mask)
    typed(job)
    exec(job.recipe.python, {})
    assert Path("inpainted", "picture-0.png").read_bytes() == filled
    assert Path("result.png").read_bytes() == filled
    before, after = (np.asarray(Image.open(BytesIO(each))) for each in (PHOTO, filled))
    kept = STROKE[..., 3] == 0
    assert (before[kept] == after[kept]).all()


def test_a_generated_image_can_be_put_on_the_canvas(context) -> None:
    assert sampled(context, 1).shape == (1, 1, 8, 8)


@pytest.mark.parametrize("reduction", ["mean", "sum", "alternating"])
def test_illusions_are_the_sheet_of_the_command(context, finished, typed, reduction) -> None:
    given = {"first": "class 0", "second": "class 1", "view": "rotate 90 then hflip"}
    job = illusion(context, **given, reduction=reduction, **QUICK)
    (sheet,), _ = finished(job)
    typed(job)
    exec(job.recipe.python, {})
    assert Path("illusions", "sheet.png").read_bytes() == sheet
    assert Path("sheet.png").read_bytes() == sheet


def test_views_are_certified(context) -> None:
    assert certified(context, "rotate 37").startswith("`rotate 37` is orthogonal: UᵀU = I to ")
    with pytest.raises(JincError, match="did you mean hflip"):
        certified(context, "hflap")


def test_probes_plot_what_the_command_plots(context, saved, finished, typed, blank_figures) -> None:
    plain = saved("plain", classes=0)
    context = replace(context, source=plain, model=Model.load(Path(plain)))
    job = probe(context, only=["network", "sampling"], data="digits", number=4, steps=4)
    shown, line = finished(job)
    typed(job)
    assert line.startswith("measured on 4 of ")
    figures = json.loads(Path("probe", "probe.json").read_text())["sampling"]
    assert figures
    assert all(f"{FIGURES[name]}: {figures[name]['db']:.1f}" in line for name in figures)
    assert [file.name for file in Path("probe").glob("*.png")] == ["levels.png"]
    assert [Path("probe", "levels.png").read_bytes()] == shown


@pytest.mark.parametrize(
    ("start", "given", "says"),
    [
        (rotate, {"angle": math.inf}, "angle"),
        (rotate, {"angle": 3, "method": "magic"}, "magic"),
        (edit, {"drawing": None, "strength": 0.5}, "the picture: missing"),
        (edit, {"drawing": DRAWING, "strength": 2}, "--strength must be in (0, 1], got 2"),
        (inpaint, {"drawing": Drawing(PHOTO, [], PHOTO), "times": 2}, "nothing is painted over"),
        (inpaint, {"drawing": DRAWING, "times": 2, "sampler": "adaptive"}, "--sampler: adaptive"),
        (illusion, {"first": "0", "second": "1", "view": "shear 3"}, "--view: no view is called"),
        (illusion, {"first": "0", "second": "cat", "view": "hflip"}, "cat"),
        (probe, {"only": []}, "--only: nothing is chosen"),
        (probe, {"only": ["network"], "data": "/etc"}, "--data: /etc is not one of digits"),
        (probe, {"only": ["network"]}, "--data"),
    ],
)
def test_a_wrong_value_is_one_line(context, start, given, says) -> None:
    with pytest.raises(JincError) as caught:
        list(start(context, **given).shown)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(context.folder.iterdir()) == []
