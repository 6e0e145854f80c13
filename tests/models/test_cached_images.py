"""Images that are kept are the images that are generated, in however many goes."""

from functools import partial

import numpy as np
import pytest
import torch

from jinc.data import to_uint8
from jinc.diffusion import ddim, sample
from jinc.errors import JincError
from jinc.models import SamplingPlan, cache_images, cached_images, generate_images

PART = 32
ETA = partial(sample, method=ddim(1.0))


@pytest.fixture(autouse=True)
def short_parts(monkeypatch) -> None:
    monkeypatch.setattr("jinc.models.generation.cached_images.PART", PART)


def plan(count: int) -> SamplingPlan:
    return SamplingPlan(number=count, sampler=ETA, steps=3, seed=2)


def keep(model, count, folder, **options) -> int:
    return sum(cache_images(model, plan(count), folder, **{"facts": {"run": 1}} | options))


def expected(model, count) -> np.ndarray:
    walk = generate_images(model, plan(count))
    images = torch.cat([step.x_t for _, step in walk if step.t == -1])
    return to_uint8(images).permute(0, 2, 3, 1).numpy()


def test_they_are_those_that_are_generated(make_model, tmp_path) -> None:
    model = make_model()
    keep(model, PART + 21, tmp_path)
    found = cached_images(tmp_path, PART + 21)
    assert np.array_equal(found.images, expected(model, PART + 21))
    assert np.array_equal(cached_images(tmp_path, 5).images, found.images[:5])


def test_a_larger_number_reuses_what_is_cached(make_model, tmp_path) -> None:
    model, calls = make_model(), []
    keep(model, 20, tmp_path)
    model.network.register_forward_hook(lambda *_: calls.append(1))
    keep(model, 32, tmp_path)  # two whole chunks are there
    assert not calls
    keep(model, PART + 5, tmp_path)
    assert np.array_equal(
        cached_images(tmp_path, PART + 5).images, expected(make_model(), PART + 5)
    )


def test_shares_of_processes_are_the_whole(make_model, tmp_path) -> None:
    model, count = make_model(), 2 * PART + 9
    for rank in (2, 0, 1):
        with pytest.raises(JincError, match="fewer than"):
            cached_images(tmp_path, count)
        keep(model, count, tmp_path, share=(rank, 3))
    assert np.array_equal(cached_images(tmp_path, count).images, expected(model, count))


def test_damaged_files_are_made_again(make_model, tmp_path) -> None:
    model = make_model()
    keep(model, PART + 3, tmp_path)
    (file,) = tmp_path.glob("images-0000000.npy")
    whole = file.read_bytes()
    for damaged in (whole[:100], b"", b"x" * 99):
        file.write_bytes(damaged)
        with pytest.raises(JincError, match="fewer than"):
            cached_images(tmp_path, PART + 3)
        keep(model, PART + 3, tmp_path)
        assert file.read_bytes() == whole


def test_images_made_otherwise_are_not_mixed(make_model, tmp_path) -> None:
    keep(make_model(), 3, tmp_path)
    with pytest.raises(JincError, match=r"holds images of other settings \(run, steps\)"):
        keep(make_model(), 3, tmp_path, facts={"run": 2, "steps": 4})
    (tmp_path / "images.json").write_text("no JSON")
    with pytest.raises(JincError, match=r"images\.json: is not valid JSON"):
        keep(make_model(), 3, tmp_path)
