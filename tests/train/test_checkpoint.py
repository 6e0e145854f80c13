"""Checkpoints come back as they were or not at all; the newest few stay, and the best."""

import json
import math
import os
import random
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from jinc.errors import JincError
from jinc.train.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_newest,
    save_checkpoint,
)
from jinc.train.retention import best_checkpoint

FILES = {"network.safetensors", "ema.safetensors", "state.json", "manifest.json"}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk, which has no part in this."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def checkpoint(step: int, mark: float = 0.0) -> Checkpoint:
    generator = torch.Generator().manual_seed(step)
    network = {"a": torch.randn(3, 2, generator=generator) + mark, "b": torch.arange(step)}
    ema = {"a": torch.full((2,), float(step)).bfloat16(), "scalar": torch.tensor(mark)}
    return Checkpoint(step, {"network": network, "ema": ema}, {"note": f"step {step} of {mark}"})


def same(one: Checkpoint | None, other: Checkpoint) -> bool:
    if one is None or (one.step, one.state) != (other.step, other.state):
        return False
    assert one.groups.keys() == other.groups.keys()
    for name, tensors in other.groups.items():
        assert one.groups[name].keys() == tensors.keys()
        for key, tensor in tensors.items():
            assert one.groups[name][key].dtype == tensor.dtype
            assert torch.equal(one.groups[name][key], tensor)
    return True


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_round_trip(tmp_path) -> None:
    path, _ = save_checkpoint(tmp_path / "deep" / "folder", checkpoint(7), keep=1)
    assert path == tmp_path / "deep" / "folder" / "step-00000007"
    assert set(names(path)) == FILES
    assert same(load_checkpoint(path), checkpoint(7))
    assert same(load_newest(path.parent), checkpoint(7))


def test_layouts_that_are_not_contiguous(tmp_path) -> None:
    x = torch.randn(2, 3, 4, 5)
    groups = {"g": {"last": x.contiguous(memory_format=torch.channels_last), "turned": x.mT}}
    save_checkpoint(tmp_path, Checkpoint(1, groups, {}), keep=1)
    found = load_newest(tmp_path)
    assert found is not None
    assert torch.equal(found.groups["g"]["last"], x)
    assert torch.equal(found.groups["g"]["turned"], x.mT)


def test_no_checkpoints(tmp_path) -> None:
    assert load_newest(tmp_path) is None
    assert load_newest(tmp_path / "missing") is None
    assert best_checkpoint(tmp_path) is best_checkpoint(tmp_path / "missing") is None


def scored(step: int, score: float | None) -> Checkpoint:
    plain = checkpoint(step)
    return Checkpoint(step, plain.groups, {"score": score})


@pytest.mark.parametrize("keep", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_the_best_is_retained_besides_the_newest(tmp_path, keep, seed) -> None:
    rng = random.Random(seed)
    scores = [rng.choice([None, math.nan, math.inf, -math.inf, *range(9)]) for _ in range(10)]
    for step, score in enumerate(scores):
        path, _ = save_checkpoint(tmp_path, scored(step, score), keep)
        finite = [s for s in range(step + 1) if scores[s] is not None and math.isfinite(scores[s])]
        best = min(finite, key=lambda s: (scores[s], -s), default=None)
        newest = range(max(0, step + 1 - keep), step + 1)
        expected = {*newest, *([] if best is None else [best])}
        assert names(tmp_path) == [f"step-{s:08d}" for s in sorted(expected)]
        assert best_checkpoint(tmp_path) == (
            None if best is None else tmp_path / f"step-{best:08d}"
        )
        assert load_checkpoint(path).step == step


@pytest.mark.parametrize("score", ["0.1", [0.1], {}, "NaN"])
def test_a_score_that_is_not_finite_is_ignored(tmp_path, score) -> None:
    save_checkpoint(tmp_path, scored(1, score), 3)
    assert best_checkpoint(tmp_path) is None
    better, _ = save_checkpoint(tmp_path, scored(2, 100.0), 3)
    assert best_checkpoint(tmp_path) == better


def test_a_best_checkpoint_of_later_steps_is_deleted(tmp_path) -> None:
    """Training that went back does not have what it did then."""
    for step in (10, 20):
        save_checkpoint(tmp_path, scored(step, 1 / step), 2)
    save_checkpoint(tmp_path, scored(15, 0.5), 2)
    assert names(tmp_path) == ["step-00000010", "step-00000015"]
    assert best_checkpoint(tmp_path) == tmp_path / "step-00000010"


def test_a_damaged_best_checkpoint_is_not_retained(tmp_path) -> None:
    for step, score in ((1, 0.3), (2, 0.1), (3, 0.2)):
        save_checkpoint(tmp_path, scored(step, score), 3)
    (tmp_path / "step-00000002" / "network.safetensors").write_bytes(b"damaged")
    assert best_checkpoint(tmp_path) == tmp_path / "step-00000003"
    save_checkpoint(tmp_path, scored(4, 0.4), 3)
    assert names(tmp_path) == [f"step-0000000{s}" for s in (2, 3, 4)]  # among the newest three
    save_checkpoint(tmp_path, scored(5, 0.5), 2)
    assert names(tmp_path) == [f"step-0000000{s}" for s in (3, 4, 5)]


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_few_are_retained(tmp_path, keep) -> None:
    for step in range(5, 30, 5):
        save_checkpoint(tmp_path, checkpoint(step), keep)
        expected = [f"step-{s:08d}" for s in range(5, step + 1, 5)][-keep:]
        assert names(tmp_path) == expected


def test_newest_means_the_highest_step(tmp_path) -> None:
    for step in (9, 10, 99_999_999, 100_000_000):  # one digit more than names are filled up to
        save_checkpoint(tmp_path, Checkpoint(step, {}, {}), 2)
        found = load_newest(tmp_path)
        assert found is not None
        assert found.step == step
    assert len(names(tmp_path)) == 2


def test_saving_the_same_step_again_replaces_it(tmp_path) -> None:
    save_checkpoint(tmp_path, checkpoint(5, 1.0), 1)
    save_checkpoint(tmp_path, checkpoint(5, 2.0), 1)
    assert same(load_newest(tmp_path), checkpoint(5, 2.0))
    assert names(tmp_path) == ["step-00000005"]


def test_temporary_folders_are_deleted_and_others_are_not(tmp_path) -> None:
    for leftover in (".writing-step-00000003", ".deleting-step-00000001"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "manifest.json").write_text("{}")
    for own in ("notes.txt", "step-12", "step-00000003.bak"):
        (tmp_path / own).write_text("mine")
    save_checkpoint(tmp_path, checkpoint(3), 1)
    assert names(tmp_path) == ["notes.txt", "step-00000003", "step-00000003.bak", "step-12"]
    assert same(load_newest(tmp_path), checkpoint(3))


def harms(kind: str, data: bytes, rng: random.Random) -> list[bytes | None]:
    """What a file may become; None: it is gone."""
    if kind == "flip":
        return [flipped(data, rng.randrange(8 * len(data))) for _ in range(200)]
    if kind == "truncate":
        return [data[: rng.randrange(len(data))] for _ in range(18)] + [data[:-1], b""]
    return [None] if kind == "delete" else [data + b"x", data + data]


def flipped(data: bytes, bit: int) -> bytes:
    harmed = bytearray(data)
    harmed[bit // 8] ^= 1 << bit % 8
    return bytes(harmed)


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("kind", ["flip", "truncate", "delete", "append"])
def test_a_damaged_checkpoint_falls_back_to_the_previous_one(tmp_path, name, kind) -> None:
    save_checkpoint(tmp_path, scored(1, 0.2), 3)
    path, _ = save_checkpoint(tmp_path, scored(2, 0.1), 3)
    assert best_checkpoint(tmp_path) == path
    file = path / name
    for harmed in harms(kind, file.read_bytes(), random.Random(name)):
        if harmed is None:
            file.unlink()
        else:
            file.write_bytes(harmed)
        with pytest.raises(JincError, match="step-00000002") as raised:
            load_checkpoint(path)
        with pytest.warns(RuntimeWarning, match="step-00000002") as caught:
            assert same(load_newest(tmp_path), scored(1, 0.2))
        assert len(caught) == 1
        assert "\n" not in f"{raised.value}{caught[0].message}"
        assert best_checkpoint(tmp_path) == tmp_path / "step-00000001"


def test_all_checkpoints_damaged_is_an_error(tmp_path) -> None:
    for step in (1, 2):
        (save_checkpoint(tmp_path, checkpoint(step), 3)[0] / "ema.safetensors").unlink()
    with (
        pytest.warns(RuntimeWarning, match="step-00000002"),
        pytest.raises(JincError, match=r"step-00000001.*no other is left") as raised,
    ):
        load_newest(tmp_path)
    assert "\n" not in str(raised.value)


def nothing_in_it(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()


def a_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("a file")


def a_folder_in_it(path: Path) -> None:
    (path / "ema.safetensors").unlink()
    (path / "ema.safetensors").mkdir()


def not_tensors(path: Path) -> None:
    (path / "ema.safetensors").write_text("no tensors")
    seal(path)


def no_step(path: Path) -> None:
    (path / "state.json").write_text('{"note": 0.0}')
    seal(path)


def no_object(path: Path) -> None:
    (path / "state.json").write_text("[1, 2]")
    seal(path)


def seal(path: Path) -> None:
    """Write the manifest that is right for what is there."""
    files = [file for file in path.iterdir() if file.name != "manifest.json"]
    digests = {file.name: sha256(file.read_bytes()).hexdigest() for file in files}
    (path / "manifest.json").write_text(json.dumps(digests))


@pytest.mark.parametrize(
    "harm", [nothing_in_it, a_file, a_folder_in_it, not_tensors, no_step, no_object]
)
def test_folders_with_names_of_checkpoints(tmp_path, harm: Callable[[Path], None]) -> None:
    """It is passed with a warning, replaced by one of its step, and goes when it is too old."""
    save_checkpoint(tmp_path, checkpoint(1), 3)
    path, _ = save_checkpoint(tmp_path, checkpoint(2), 3)
    harm(path)
    with pytest.warns(RuntimeWarning, match="step-00000002") as caught:
        assert same(load_newest(tmp_path), checkpoint(1))
    assert "\n" not in str(caught[0].message)
    for step in (2, 3):
        save_checkpoint(tmp_path, checkpoint(step), 3)
        assert same(load_newest(tmp_path), checkpoint(step))
    harm(path)
    save_checkpoint(tmp_path, checkpoint(4), 2)
    assert names(tmp_path) == ["step-00000003", "step-00000004"]


def test_an_additional_file_is_damage(tmp_path) -> None:
    path, _ = save_checkpoint(tmp_path, checkpoint(2), 3)
    (path / "optimiser.safetensors").write_bytes((path / "ema.safetensors").read_bytes())
    with pytest.raises(JincError, match=r"optimiser\.safetensors: is not in the manifest"):
        load_checkpoint(path)


@pytest.mark.parametrize("manifest", ["[]", "3", "null", "{}", '{"manifest.json": "0"}'])
def test_a_malformed_manifest_is_damage(tmp_path, manifest) -> None:
    path, _ = save_checkpoint(tmp_path, checkpoint(2), 3)
    (path / "manifest.json").write_text(manifest)
    with pytest.raises(JincError, match="step-00000002"):
        load_checkpoint(path)


@pytest.mark.parametrize("keep", [1, 2])
def test_training_resumed_from_an_earlier_step_retains_its_checkpoints(tmp_path, keep) -> None:
    """The damaged checkpoint ahead neither counts as one to keep nor comes back later."""
    save_checkpoint(tmp_path, checkpoint(10), keep)
    ahead, _ = save_checkpoint(tmp_path, checkpoint(20), keep)
    (ahead / "state.json").write_text("damaged")
    save_checkpoint(tmp_path, checkpoint(15), keep)
    assert same(load_newest(tmp_path), checkpoint(15))
    assert not ahead.exists()
