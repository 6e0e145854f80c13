"""The tab *Generate*: its picture is that of the command and of the program it shows."""

from pathlib import Path

import numpy as np
import pytest

from jinc.app.generate import generate
from jinc.errors import JincError

GIVEN = {"prompts": ["class 2", "class 0"], "number": 3, "seed": 5, "steps": 4, "guidance": 2}


def test_command_and_program_make_the_same_bytes(context, finished, typed) -> None:
    job = generate(context, **GIVEN)
    (shown,), line = finished(job)
    assert line.startswith("3 images in ")
    typed(job)
    assert Path("samples", "grid.png").read_bytes() == shown
    exec(job.recipe.python, {})
    assert Path("grid.png").read_bytes() == shown
    assert list(context.folder.iterdir()) == []


def test_it_shows_every_step_of_every_batch(context) -> None:
    shown = list(generate(context, number=20, steps=3).shown)
    assert [line for _, line in shown[:2]] == [
        f"images 1 to 16 of 20, step {k} of 3" for k in (1, 2)
    ]
    assert len(shown) == 7  # two batches, and the file
    first, last = (np.asarray(shown[place].pictures[0]) for place in (0, 5))
    assert last.shape[0] > first.shape[0]


def test_it_works_at_most_one_step_beyond_a_cancellation(context, monkeypatch) -> None:
    calls = []
    own = type(context.model.network).forward
    monkeypatch.setattr(
        type(context.model.network), "forward", lambda *args: (calls.append(1), own(*args))[1]
    )
    shown = generate(context, steps=10).shown
    next(shown), next(shown)
    shown.close()
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"number": 65}, "--number: 65 is more than the 64 of this page"),
        ({"number": 0}, "--number: 0 is not from 1"),
        ({"prompts": ["../../etc"]}, "../../etc"),
        ({"sampler": "dimm"}, "did you mean ddim?"),
        ({"steps": 13}, "--steps must be 1 to 12"),
        ({"steps": "many"}, "--steps: 'many'"),
        ({"seed": -1}, "--seed: -1"),
        ({"guidance": float("nan")}, "--guidance"),
    ],
)
def test_a_wrong_value_is_one_line(context, given, says) -> None:
    with pytest.raises(JincError) as caught:
        generate(context, **given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_hidden_eta_of_another_sampler_does_not_count(context) -> None:
    assert "--eta" not in generate(context, sampler="ddpm", eta=0.5).recipe.shell
    assert "--eta 0.5" in generate(context, sampler="ddim", eta=0.5).recipe.shell
