"""Some states of a sampler: which are kept, and that strips and frames show them."""

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.data import contact_sheet, image_grid, to_uint8
from jinc.diffusion import Schedule, Step, sample
from jinc.errors import JincError
from jinc.report import Recorder, Trajectory
from jinc.report.trajectory import HELD, spread


def steps(count: int, images: int = 2, channels: int = 1) -> list[Step]:
    """Steps whose pixels tell their number, the last of which is clean."""
    size = images, channels, 6, 8
    return [
        Step(count - 2 - k, torch.full(size, k / 100), torch.full(size, -k / 100))
        for k in range(count)
    ]


def trajectory(steps: list[Step], frames: int = 10) -> Trajectory:
    recorder = Recorder(len(steps), frames)
    for _ in recorder.watch(steps):
        pass
    return recorder.trajectory()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("frames", [1, 2, 3, 10, 60])
def test_frames_are_even_with_both_ends(count, frames) -> None:
    places = spread(count, frames)
    assert len(places) == min(count, frames)
    assert places == sorted(set(places))
    assert places[-1] == count - 1
    if len(places) > 1:
        assert places[0] == 0
        gaps = np.diff(places)
        assert gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("frames", [1, 4, 60])
def test_a_trajectory_has_the_states_and_predictions(frames) -> None:
    walk = steps(20)
    found = trajectory(walk, frames)
    kept = [walk[place] for place in spread(20, frames)]
    assert found.levels == tuple(step.t for step in kept)
    assert torch.equal(found.x_t, torch.stack([to_uint8(step.x_t) for step in kept]))
    assert torch.equal(found.x0_hat, torch.stack([to_uint8(step.x0_hat) for step in kept]))


def test_a_recorder_yields_all_steps_lazily() -> None:
    walk, asked = steps(9), []
    recorder = Recorder(9, 3)
    watched = recorder.watch(asked.append(step.t) or step for step in walk)
    for number, step in enumerate(watched):
        assert step is walk[number]
        assert len(asked) == number + 1  # none is asked for before it is wanted
    assert recorder.trajectory().levels == (7, 3, -1)


def test_it_records_a_sampler() -> None:
    generator = torch.Generator().manual_seed(0)
    x_T = torch.randn(3, 1, 8, 8, generator=generator)
    recorder = Recorder(11, 4, images=2)
    walk = sample(lambda x, t: 0.5 * x.sign(), Schedule.linear(), x_T, steps=10)
    start = Step(999, x_T, x_T)
    for step in recorder.watch([start, *walk]):
        last = step
    found = recorder.trajectory()
    assert (found.levels[0], found.levels[-1]) == (999, -1)
    assert found.x_t.shape == found.x0_hat.shape == (4, 2, 1, 8, 8)
    assert torch.equal(found.x_t[0], to_uint8(x_T[:2]))
    assert torch.equal(found.x_t[-1], to_uint8(last.x_t[:2]))
    assert found.thinned(2).levels == (999, -1)
    assert torch.equal(found.thinned(1).x_t[0], found.x_t[-1])


@pytest.mark.parametrize("shown", ["x_t", "x0_hat"])
def test_a_strip_shows_all_in_order(shown) -> None:
    """Each state has a red of its own, found in one rectangle; levels are above it."""
    found = trajectory(steps(7, images=1, channels=3), 7)
    getattr(found, shown)[:, :, 1:] = 0
    strip = found.strip(scale=8)
    tops = set()
    lefts = []
    for state in getattr(found, shown):
        red = state[0, :, 0, 0].numpy()
        rows, columns = np.nonzero((strip == red).all(-1))
        tops.add(int(rows.min()))
        lefts.append(int(columns.min()))
        here = strip[rows.min() : rows.min() + 48, columns.min() : columns.min() + 64]
        assert (here == red).all()
        assert len(rows) == 48 * 64
        above = strip[: min(tops) - 2, columns.min() : columns.min() + 64]
        assert (above[..., 0] < 128).sum() > 5
    assert len(tops) == 1
    assert lefts == sorted(lefts)


def test_predictions_are_below_the_states_they_led_to() -> None:
    found = trajectory(steps(4, images=2), 4)
    both = torch.stack([found.x_t[:, 0], found.x0_hat[:, 0]])
    names, words = ["state", "prediction"], ["t = 2", "t = 1", "t = 0", "clean"]
    only = Trajectory(found.levels, found.x_t[:, :1], found.x0_hat[:, :1])
    np.testing.assert_array_equal(only.strip(8), contact_sheet(both, names, words, 8))
    assert found.strip(8).shape[0] > 1.8 * only.strip(8).shape[0]


def test_frames_are_grids_of_all_images() -> None:
    found = trajectory(steps(5, images=3, channels=3), 3)
    frames = found.frames(columns=3, scale=2)
    assert len(frames) == 3
    halves = [image_grid(each[1], 3, scale=2) for each in (found.x_t, found.x0_hat)]
    np.testing.assert_array_equal(frames[1], np.concatenate(halves))


def test_the_file_name_chooses_the_format(tmp_path) -> None:
    found = trajectory(steps(9), 4)
    found.save(tmp_path / "new" / "a.png")
    found.save(tmp_path / "new" / "a.gif", fps=10)
    with Image.open(tmp_path / "new" / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), found.strip())
    durations = []
    with Image.open(tmp_path / "new" / "a.gif") as picture:
        for number in range(picture.n_frames):
            picture.seek(number)
            durations.append(picture.info["duration"])
            shown = np.asarray(picture.convert("RGB"))
            np.testing.assert_array_equal(shown, found.frames()[number])
    assert durations == [100, 100, 100, 100 * HELD]
    with pytest.raises(JincError, match=r"a\.gfi"):
        found.save(tmp_path / "a.gfi")


def test_trajectories_without_frames_are_an_error() -> None:
    for count, frames in ((0, 3), (3, 0)):
        with pytest.raises(JincError, match="shows nothing"):
            Recorder(count, frames)
    with pytest.raises(JincError, match="shows nothing"):
        Recorder(3, 3).trajectory()
