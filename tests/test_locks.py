"""One writer a folder, and none where the last one has died."""

import os
import signal
import warnings
from collections.abc import Callable
from multiprocessing import get_context

import pytest

from jinc.errors import JincError
from jinc.locks import LOCK, Taken, alone, try_lock

fork = get_context("fork")


def in_another_process(work: Callable[[], None]):
    """Begin something, and return the process when it says so."""
    began, ours = fork.Pipe(duplex=False)

    def run() -> None:
        work_of = work()
        with work_of:
            ours.send(None)
            signal.pause()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads in a process that forks
        process = fork.Process(target=run)
        process.start()
    began.recv()
    return process


def test_the_other_process_is_named_and_its_death_is_enough(tmp_path) -> None:
    folder = tmp_path / "o"
    other = in_another_process(lambda: alone(folder))
    for _ in range(2):  # a refusal changes nothing
        with pytest.raises(Taken, match=f"{folder}: process {other.pid} on .* is writing there"):
            alone(folder).__enter__()
    other.kill()
    other.join()
    assert (folder / LOCK).is_file()
    with alone(folder):
        assert f"process {os.getpid()} on" in (folder / LOCK).read_text()
    assert not (folder / LOCK).exists()


def test_a_folder_that_nothing_was_put_into_is_removed(tmp_path) -> None:
    with alone(tmp_path / "new" / "o"):
        assert (tmp_path / "new" / "o" / LOCK).is_file()
    assert not (tmp_path / "new").exists()
    with alone(tmp_path / "new" / "o"):
        (tmp_path / "new" / "o" / "result").touch()
    (tmp_path / "mine").mkdir()
    with alone(tmp_path / "mine"):
        pass
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["mine", "new", "o", "result"]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_lock_that_is_no_file(tmp_path, make) -> None:
    make(tmp_path / LOCK)
    with pytest.raises(JincError, match=str(tmp_path)):
        alone(tmp_path).__enter__()
    assert (tmp_path / LOCK).lstat()


def test_a_lock_of_a_removed_file_is_none(tmp_path) -> None:
    """Else two processes could hold locks of one name."""
    file = tmp_path / "a"
    file.touch()
    first = try_lock(file)
    assert first is not None
    with pytest.raises(BlockingIOError):
        try_lock(file)
    os.close(first)
