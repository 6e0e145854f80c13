"""Wherever writing stops, a whole checkpoint is found; a damaged one is never taken for whole."""

import builtins
import io
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from jinc.errors import JincError
from jinc.train import Checkpoint, load_checkpoint, load_newest, save_checkpoint

FILES = {"network.safetensors", "ema.safetensors", "state.json", "manifest.json"}


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
    path = save_checkpoint(tmp_path / "deep" / "folder", checkpoint(7), keep=1)
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


def test_nothing_there(tmp_path) -> None:
    assert load_newest(tmp_path) is None
    assert load_newest(tmp_path / "missing") is None


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_only_the_newest_few_are_kept(tmp_path, keep) -> None:
    for step in range(5, 30, 5):
        save_checkpoint(tmp_path, checkpoint(step), keep)
        expected = [f"step-{s:08d}" for s in range(5, step + 1, 5)][-keep:]
        assert names(tmp_path) == expected


def test_newest_means_the_highest_step(tmp_path) -> None:
    for step in (9, 10, 100):
        save_checkpoint(tmp_path, checkpoint(step), 5)
    assert same(load_newest(tmp_path), checkpoint(100))


def test_saving_the_same_step_again_replaces_it(tmp_path) -> None:
    save_checkpoint(tmp_path, checkpoint(5, 1.0), 1)
    save_checkpoint(tmp_path, checkpoint(5, 2.0), 1)
    assert same(load_newest(tmp_path), checkpoint(5, 2.0))
    assert names(tmp_path) == ["step-00000005"]


def test_leftovers_are_cleaned_and_other_things_left_alone(tmp_path) -> None:
    for leftover in (".writing-step-00000003", ".deleting-step-00000001"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "manifest.json").write_text("{}")
    for own in ("notes.txt", "step-12", "step-00000003.bak"):
        (tmp_path / own).write_text("mine")
    save_checkpoint(tmp_path, checkpoint(3), 1)
    assert names(tmp_path) == ["notes.txt", "step-00000003", "step-00000003.bak", "step-12"]
    assert same(load_newest(tmp_path), checkpoint(3))


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("harm", ["flip", "truncate", "empty", "delete", "append"])
def test_a_damaged_file_sends_back_to_the_checkpoint_before(tmp_path, name, harm) -> None:
    save_checkpoint(tmp_path, checkpoint(1), 3)
    file = save_checkpoint(tmp_path, checkpoint(2), 3) / name
    data = bytearray(file.read_bytes())
    places = range(0, len(data), 17) if harm == "flip" else [0]
    for place in places:
        harmed = bytearray(data)
        if harm == "flip":
            harmed[place] ^= 1 << place % 8
        elif harm == "append":
            harmed += b"x"
        else:
            harmed = harmed[: 0 if harm == "empty" else -1]
        file.write_bytes(harmed)
        if harm == "delete":
            file.unlink()
        with pytest.warns(RuntimeWarning, match="step-00000002") as caught:
            assert same(load_newest(tmp_path), checkpoint(1))
        assert len(caught) == 1
        assert "\n" not in str(caught[0].message)


def test_a_file_too_many_is_damage(tmp_path) -> None:
    path = save_checkpoint(tmp_path, checkpoint(2), 3)
    (path / "optimiser.safetensors").write_bytes((path / "ema.safetensors").read_bytes())
    with pytest.raises(JincError, match=r"optimiser\.safetensors: is not in the manifest"):
        load_checkpoint(path)


@pytest.mark.parametrize("manifest", ["[]", "3", "null", "{}", '{"manifest.json": "0"}'])
def test_a_manifest_of_another_kind(tmp_path, manifest) -> None:
    path = save_checkpoint(tmp_path, checkpoint(2), 3)
    (path / "manifest.json").write_text(manifest)
    with pytest.raises(JincError, match="step-00000002"):
        load_checkpoint(path)


@pytest.mark.parametrize("keep", [1, 2])
def test_training_that_went_back_keeps_what_it_saves(tmp_path, keep) -> None:
    """The damaged checkpoint ahead neither counts as one to keep nor comes back later."""
    save_checkpoint(tmp_path, checkpoint(10), keep)
    ahead = save_checkpoint(tmp_path, checkpoint(20), keep)
    (ahead / "state.json").write_text("damaged")
    save_checkpoint(tmp_path, checkpoint(15), keep)
    assert same(load_newest(tmp_path), checkpoint(15))
    assert not ahead.exists()


# --- Crashes. Every change of the disk that `save_checkpoint` makes is one call from this list;
# the k-th one fails, for every k, and the disk is looked at as it is left.

CHANGES = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync", "remove")


class Death(BaseException):
    """The machine stops; nothing after this is run that a dead process would not run."""


@contextmanager
def failing(
    monkeypatch: pytest.MonkeyPatch, at: int, error: Callable[[], BaseException]
) -> Iterator[list[int]]:
    """Let disk operation number `at` fail, half done if it is a write; count them all."""
    count = [0]
    after_death = False

    def turn() -> bool:
        nonlocal after_death
        if after_death:
            raise error()
        count[0] += 1
        if count[0] - 1 != at:
            return False
        after_death = issubclass(type(error()), Death)
        return True

    def wrap(function: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **kwargs: object) -> object:
            if turn():
                raise error()
            return function(*args, **kwargs)

        return wrapped

    class Disk(io.BufferedWriter):
        def write(self, data: bytes) -> int:
            if turn():
                super().write(data[: len(data) // 2])
                self.flush()
                raise error()
            return super().write(data)

    real_open = io.open

    def opening(file: object, mode: str = "r", *args: object, **kwargs: object) -> object:
        if "w" not in mode and "x" not in mode:
            return real_open(file, mode, *args, **kwargs)
        if turn():
            raise error()
        return Disk(io.FileIO(file, mode.replace("b", "")))

    with monkeypatch.context() as patch:
        for name in CHANGES:
            patch.setattr(os, name, wrap(getattr(os, name)))
        patch.setattr(io, "open", opening)
        patch.setattr(builtins, "open", opening)
        yield count


def disk_full() -> OSError:
    return OSError(28, "No space left on device")


def power_cut() -> Death:
    return Death()


def before(folder: Path, case: str) -> tuple[Checkpoint, Checkpoint, int]:
    """Prepare a folder; return the checkpoint there, the one to save, and how many to keep."""
    if case == "first of two":
        save_checkpoint(folder, checkpoint(5), 2)
        return checkpoint(5), checkpoint(10), 2
    save_checkpoint(folder, checkpoint(5), 1)
    if case == "over a leftover":
        shutil.copytree(folder / "step-00000005", folder / ".writing-step-00000010")
        return checkpoint(5), checkpoint(10), 1
    if case == "same step":
        return checkpoint(5), checkpoint(5, 3.0), 1
    return checkpoint(5), checkpoint(10), 1


def saves(folder: Path, new: Checkpoint, keep: int) -> bool:
    try:
        save_checkpoint(folder, new, keep)
    except JincError as error:
        assert "\n" not in str(error)  # noqa: PT017  # any crash point may pass
        return False
    except Death:
        return False
    return True


@pytest.mark.parametrize("error", [disk_full, power_cut])
@pytest.mark.parametrize("case", ["only one kept", "first of two", "over a leftover", "same step"])
def test_whenever_it_stops_a_whole_checkpoint_is_left(tmp_path, monkeypatch, case, error) -> None:
    old, new, keep = before(tmp_path / "dry", case)
    with failing(monkeypatch, -1, error) as count:
        save_checkpoint(tmp_path / "dry", new, keep)
    operations = count[0]
    assert operations >= 14  # a folder, four files opened, written, synced, and a rename
    outcomes = []
    for k in range(operations):
        folder = tmp_path / str(k)
        before(folder, case)
        with failing(monkeypatch, k, error):
            saved = saves(folder, new, keep)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nothing that looks like a checkpoint is half of one
            found = load_newest(folder)
        is_new, is_old = same(found, new), same(found, old)
        assert is_new or (is_old and not saved), f"operation {k} of {operations}"
        outcomes.append(is_new)
        save_checkpoint(folder, checkpoint(15), keep)  # life goes on, and cleans up
        assert same(load_newest(folder), checkpoint(15))
        assert not [name for name in names(folder) if name.startswith(".")]
        assert len(names(folder)) <= keep
    assert {True, False} == set(outcomes)
    if error is power_cut:  # old until a moment, new from then on
        assert outcomes == sorted(outcomes)


def test_a_failed_write_tells_where_and_leaves_no_litter(tmp_path, monkeypatch) -> None:
    save_checkpoint(tmp_path, checkpoint(5), 1)

    def full(*_: object) -> None:
        raise disk_full()

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JincError, match=r"step-00000006.*No space left on device") as caught:
        save_checkpoint(tmp_path, checkpoint(6), 1)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["step-00000005"]
    assert same(load_newest(tmp_path), checkpoint(5))
