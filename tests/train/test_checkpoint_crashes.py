"""Wherever saving stops, a whole checkpoint is found and the next save succeeds.

Every change of the disk goes through `Disk`, which counts them. A save is repeated with the n-th
change failing, for n = 0, 1, 2, … until a save is over before its n-th change.
"""

import builtins
import errno
import io
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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


class Death(BaseException):
    """The machine stops; nothing is done after this that a dead process would not do."""


@dataclass
class Disk:
    """A disk of which one change fails, and what was not forced to it can be lost.

    Args:
        root: the folder below which everything happens.
        failing: tells from its number and kind whether a change fails.
        error: what it fails with; after a `Death` all others do too.
        forces: False for a disk that takes no `fsync` seriously.
    """

    root: Path
    failing: Callable[[int, str], bool]
    error: Callable[[], BaseException]
    forces: bool = True
    kinds: list[str] = field(default_factory=list)
    bytes_: set[int] = field(default_factory=set)  # inodes of files not forced to disk
    names: list[tuple[int, str, str]] = field(default_factory=list)  # inode of folder, new, old
    dead: bool = False

    def change(self, kind: str, half: Callable[[], object] = lambda: None) -> None:
        """Count a change, and let it fail if it is its turn, after half of it is done."""
        if not self.dead:
            self.kinds.append(kind)
            if not self.failing(len(self.kinds) - 1, kind):
                return
            half()
        error = self.error()
        self.dead = isinstance(error, Death)
        raise error

    @contextmanager
    def attached(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Let all changes of the disk go through this one."""
        disk, real_open, os_open = self, io.open, os.open

        class Raw(io.FileIO):  # below the buffer, for what was not flushed is lost
            def write(self, data: Any) -> int:
                disk.bytes_.add(os.fstat(self.fileno()).st_ino)
                disk.change("write", lambda: super(Raw, self).write(bytes(data)[: len(data) // 2]))
                return super().write(data)

        def opening(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if not set(mode) & set("wxa+"):
                return real_open(file, mode, *args, **kwargs)
            disk.change("open")
            assert "b" in mode
            raw = Raw(file, mode.replace("b", ""))
            disk.named(Path(file))
            return io.BufferedWriter(raw)

        def low_opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            assert not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT), "a change nobody counts"
            return os_open(path, flags, *args, **kwargs)

        def syncing(descriptor: int) -> None:
            disk.change("fsync")
            if disk.forces:
                inode = os.fstat(descriptor).st_ino
                disk.bytes_.discard(inode)
                disk.names = [each for each in disk.names if each[0] != inode]

        with monkeypatch.context() as patch:
            patch.setattr(io, "open", opening)
            patch.setattr(builtins, "open", opening)
            patch.setattr(os, "open", low_opening)
            patch.setattr(os, "fsync", syncing)
            for kind in ("mkdir", "rename", "replace", "unlink", "remove", "rmdir", "link"):
                patch.setattr(os, kind, self._counted(kind, getattr(os, kind)))
            yield

    def _counted(self, kind: str, function: Callable[..., object]) -> Callable[..., None]:
        def counted(path: Any, *args: Any, **kwargs: Any) -> None:
            self.change(kind)
            function(path, *args, **kwargs)
            if kind == "mkdir":
                self.named(Path(path))
            elif kind in ("rename", "replace"):
                self.named(Path(args[0]), Path(path).name)

        return counted

    def named(self, path: Path, earlier: str = "") -> None:
        """Note a name that its folder was not yet forced to hold."""
        self.names.append((path.parent.stat().st_ino, path.name, earlier))

    def again(self) -> "Disk":
        """Return a disk to which nothing happened yet, and the same will."""
        return replace(self, kinds=[], bytes_=set(), names=[], dead=False)

    def can_lose(self, loss: str) -> bool:
        """Tell whether a loss takes anything."""
        return bool({"nothing": True, "names": self.names}.get(loss, self.bytes_))

    def lose_bytes(self, left: float) -> None:
        """Cut files that were not forced to disk to a part of their length."""
        for path in self.root.rglob("*"):
            if path.is_file() and path.stat().st_ino in self.bytes_:
                os.truncate(path, int(path.stat().st_size * left))

    def lose_names(self) -> None:
        """Give things their earlier name, or none, where the new one was not forced to disk."""
        for inode, name, earlier in reversed(self.names):
            folders = [self.root, *(p for p in self.root.rglob("*") if p.is_dir())]
            for folder in [p for p in folders if p.stat().st_ino == inode]:
                path = folder / name
                if earlier and path.exists():
                    path.rename(folder / earlier)
                elif path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)


LOSSES: dict[str, Callable[[Disk], None]] = {
    "nothing": lambda disk: None,
    "half of the bytes": lambda disk: disk.lose_bytes(0.5),
    "all bytes": lambda disk: disk.lose_bytes(0),
    "names": Disk.lose_names,
}
"""What a crash takes of what was not forced to disk."""


def checkpoint(step: int, score: float | None = None, mark: float = 0.0) -> Checkpoint:
    return Checkpoint(step, {"network": {"a": torch.tensor([step, mark])}}, {"score": score})


def content(found: Checkpoint | None) -> object:
    if found is None:
        return None
    tensors = {g: {n: t.tolist() for n, t in ts.items()} for g, ts in found.groups.items()}
    return found.step, tensors, found.state


def first(folder: Path) -> tuple[Checkpoint, int]:
    shutil.rmtree(folder)
    return checkpoint(5), 1


def one_more(folder: Path) -> tuple[Checkpoint, int]:
    save_checkpoint(folder, checkpoint(5), 2)
    return checkpoint(10), 2


def older_goes(folder: Path) -> tuple[Checkpoint, int]:
    save_checkpoint(folder, checkpoint(5), 1)
    return checkpoint(10), 1


def best_stays(folder: Path) -> tuple[Checkpoint, int]:
    for step, score in ((5, 0.1), (10, 0.5), (15, 0.4)):
        save_checkpoint(folder, checkpoint(step, score), 3)
    return checkpoint(20, 0.3), 2


def best_is_surpassed(folder: Path) -> tuple[Checkpoint, int]:
    for step, score in ((5, 0.1), (10, 0.5)):
        save_checkpoint(folder, checkpoint(step, score), 1)
    return checkpoint(15, 0.05), 1


def same_step(folder: Path) -> tuple[Checkpoint, int]:
    save_checkpoint(folder, checkpoint(5), 1)
    return checkpoint(5, mark=3.0), 1


def same_step_was_best(folder: Path) -> tuple[Checkpoint, int]:
    for step, score in ((5, 0.2), (10, 0.1)):
        save_checkpoint(folder, checkpoint(step, score), 2)
    return checkpoint(10, 0.3), 1


def after_crashes(folder: Path) -> tuple[Checkpoint, int]:
    """One stopped while a checkpoint was written, one deleted, one replaced."""
    path, _ = save_checkpoint(folder, checkpoint(5, 0.1), 1)
    for leftover in (".writing-step-00000010", ".deleting-step-00000003"):
        shutil.copytree(path, folder / leftover)
    path.rename(folder / f".replaced-{path.name}")
    return checkpoint(10), 1


def went_back(folder: Path) -> tuple[Checkpoint, int]:
    save_checkpoint(folder, checkpoint(10), 1)
    (save_checkpoint(folder, checkpoint(90), 2)[0] / "state.json").write_text("damaged")
    return checkpoint(15), 1


CASES = [
    *(first, one_more, older_goes, best_stays, best_is_surpassed, same_step, same_step_was_best),
    *(after_crashes, went_back),
]
VARIED = [first, best_stays, same_step_was_best, after_crashes]
"""A covering of the cases: new, kept, deleted, replaced, and cleaned up after a crash."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the real disk its time; what is forced to it is `Disk`'s to know."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def load(folder: Path) -> object:
    """Read the newest checkpoint, with no warning but of what was damaged before."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*step-00000090")
        return content(load_newest(folder))


def best_score(folder: Path) -> float | None:
    best = best_checkpoint(folder)
    return None if best is None else load_checkpoint(best).state["score"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def listed(folder: Path) -> dict[str, bytes]:
    """The files of checkpoints, by the names they have when no replacement is under way."""
    found = {name.removeprefix(".replaced-"): data for name, data in files(folder).items()}
    return {name: data for name, data in found.items() if name.startswith("step-")}


class Saves:
    """The saves of a case, each on a fresh copy of the same folder."""

    def __init__(self, case: Callable[[Path], tuple[Checkpoint, int]], tmp_path: Path) -> None:
        self.start, self.root = tmp_path / "start", tmp_path / "root"
        (self.start / "checkpoints").mkdir(parents=True)
        self.new, self.keep = case(self.start / "checkpoints")
        self.folder = self.root / "checkpoints"
        self.newest, self.best = load(self.start / "checkpoints"), self.find_best()

    def find_best(self) -> set[float | None]:
        """Which scores the best may have: the one before, and the one after."""
        shutil.copytree(self.start, self.root)
        before = best_score(self.folder)
        save_checkpoint(self.folder, self.new, self.keep)
        after = best_score(self.folder)
        shutil.rmtree(self.root)
        return {before, after}

    def save(self, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> BaseException | None:
        """Save on a fresh copy, and return what was raised."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.start, self.root)
        try:
            with disk.attached(monkeypatch):
                save_checkpoint(self.folder, self.new, self.keep)
        except (JincError, Death) as error:
            return error
        return None

    def check(self, saved: bool) -> bool:
        """Check what holds after any failure, and tell whether the new one is found."""
        found, new = load(self.folder), content(self.new)
        assert found == new or (found == self.newest and not saved)
        best = best_score(self.folder)
        assert best in self.best
        save_checkpoint(self.folder, checkpoint(30), self.keep)  # life goes on, and cleans up
        assert load(self.folder) == content(checkpoint(30))
        assert best_score(self.folder) == best
        assert not [name for name in names(self.folder) if not name.startswith("step-")]
        assert len(names(self.folder)) <= self.keep + (best is not None)
        return found == new


@pytest.mark.parametrize("case", CASES)
def test_a_crash_after_any_operation(tmp_path, monkeypatch, case) -> None:
    saves, n, lost = Saves(case, tmp_path), 0, Counter[str]()
    found_new: dict[str, list[bool]] = {loss: [] for loss in LOSSES}
    while True:
        disk = Disk(saves.root, lambda k, _, n=n: k == n, Death)
        if saves.save(disk, monkeypatch) is None:
            break
        for loss in [loss for loss in LOSSES if disk.can_lose(loss)]:
            saves.save(disk := disk.again(), monkeypatch)
            assert disk.dead
            LOSSES[loss](disk)
            lost[loss] += 1
            found_new[loss].append(saves.check(saved=False))
        n += 1
    assert saves.check(saved=True)

    for found in found_new.values():
        assert found == sorted(found)  # the old one until a moment, the new from then on
        assert not found[0]
    assert found_new["nothing"][-1]
    assert lost["nothing"] == n == len(disk.kinds)
    assert lost["all bytes"] == lost["half of the bytes"] >= 3  # at the `fsync` of each file
    assert lost["names"] >= 7  # from making the folder on until its name is forced to disk
    seen, deletes = Counter(disk.kinds), case not in (first, one_more)
    assert seen["open"] == seen["write"] == 3  # the network, the state, the manifest
    assert seen["fsync"] == 3 + 2 + (case is first)  # the files, and the folders of new names
    assert seen["mkdir"] == 1 + (case is first)
    assert seen["rename"] >= 1 + deletes
    assert (seen["unlink"] >= 3) == (seen["rmdir"] >= 1) == deletes
    assert set(seen) <= {"open", "write", "fsync", "mkdir", "rename", "unlink", "rmdir"}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_simulated_disk_loses_unsynced_data(tmp_path, monkeypatch, loss) -> None:
    """A disk that forces nothing keeps nothing of what was saved."""
    saves, found = Saves(older_goes, tmp_path), []
    for n in range(30):
        disk = Disk(saves.root, lambda k, _, n=n: k == n, Death, forces=False)
        saves.save(disk, monkeypatch)
        LOSSES[loss](disk)
        with warnings.catch_warnings(), suppress(JincError):
            warnings.simplefilter("ignore")
            found.append(content(load_newest(saves.folder)))
    assert saves.newest in found
    assert (content(saves.new) in found) == (loss == "nothing")


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("case", VARIED)
def test_a_full_disk(tmp_path, monkeypatch, case, lasting) -> None:
    """Each change fails once; or each that takes room fails from some moment on."""
    saves, messages, n = Saves(case, tmp_path), [], 0
    final = saves.folder / f"step-{saves.new.step:08d}"
    old = listed(saves.start / "checkpoints")

    def failing(k: int, kind: str) -> bool:
        return k >= n and kind in ("mkdir", "open", "write") if lasting else k == n

    while True:
        disk = Disk(saves.root, failing, lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        error = saves.save(disk, monkeypatch)
        if error is not None:
            messages.append(str(error))
            now = listed(saves.folder) if saves.folder.exists() else {}
            if load(saves.folder) == content(saves.new):  # only its name may not be forced to disk
                old = {name: data for name, data in old.items() if final.name not in name}
                now = {name: data for name, data in now.items() if name in old}
            else:
                assert not list(saves.folder.glob(".replaced-*"))
            assert now == old
            assert not list(saves.folder.glob(".writing-*"))
        saves.check(saved=error is None)
        if n >= len(disk.kinds):
            break
        n += 1
    assert set(messages) == {f"{final}: cannot be written (No space left on device)"}
    assert len(messages) >= 7  # a folder, and three files opened and written


@pytest.mark.parametrize("case", VARIED)
def test_a_read_only_disk(tmp_path, monkeypatch, case) -> None:
    saves = Saves(case, tmp_path)
    disk = Disk(saves.root, lambda *_: True, lambda: OSError(errno.EROFS, os.strerror(errno.EROFS)))
    error = saves.save(disk, monkeypatch)
    assert str(error).endswith(
        f"step-{saves.new.step:08d}: cannot be written (Read-only file system)"
    )
    assert files(saves.root) == files(saves.start)
    saves.check(saved=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder(tmp_path) -> None:
    path, _ = save_checkpoint(tmp_path, checkpoint(5), 1)
    tmp_path.chmod(0o500)
    with pytest.raises(JincError, match=r"step-00000006: cannot be written \(Permission denied\)$"):
        save_checkpoint(tmp_path, checkpoint(6), 1)
    tmp_path.chmod(0o700)
    assert names(tmp_path) == [path.name]
    assert load(tmp_path) == content(checkpoint(5))
