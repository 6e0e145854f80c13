"""A study in two processes: whatever becomes of them, none goes on alone, and nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from jinc.study import StudyFolder, make_table, read_study, run_here, run_in_processes
from jinc.study import run as running

pytestmark = pytest.mark.slow


@pytest.fixture
def short(file):
    """Two networks."""
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "seeds": [0]}))
    return file


@pytest.fixture
def endless(short):
    """The same, trained for longer than anybody waits."""
    found = yaml.safe_load(short.read_text())
    found["train"]["steps"] = 1_000_000
    short.write_text(yaml.safe_dump(found))
    return short


@pytest.fixture
def started(judge, tmp_path, monkeypatch):
    """Start a study in two processes, in a group of their own."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as here
    begun = []

    def start(file: Path) -> subprocess.Popen:
        words = ["study", "run", file, "--out", tmp_path / "out", "--jobs", "2"]
        command = [sys.executable, "-m", "jinc", *map(str, words), "--place", f"judge={judge}"]
        begun.append(subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL))
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def workers(process: subprocess.Popen, trained: Path | None = None) -> list[psutil.Process]:
    """Wait until both are there, or until they have made runs; return them."""
    for _ in range(1200):
        found = psutil.Process(process.pid).children(recursive=True)
        ready = len(found) >= 2 if trained is None else len([*trained.glob("*/log.jsonl")]) == 2
        if ready:
            return found
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("nothing was begun")


def kill_alone(process: subprocess.Popen) -> None:
    process.kill()


def kill_all(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def interrupt_all(process: subprocess.Popen) -> None:
    """As a terminal does it."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize(
    ("end", "code"),
    [(kill_alone, -signal.SIGKILL), (interrupt_all, 130)],
    ids=["killed alone", "interrupted"],
)
def test_no_worker_goes_on_alone(endless, started, tmp_path, end, code) -> None:
    process = started(endless)
    found = workers(process, tmp_path / "out" / "runs")
    end(process)
    assert process.wait(30) == code
    _, alive = psutil.wait_procs(found, timeout=20)
    assert alive == []


def test_killed_on_the_way_the_table_is_the_same(short, judge, started, tmp_path) -> None:
    study, out = read_study(short, {"judge": str(judge)}), tmp_path / "out"
    whole = StudyFolder(tmp_path / "whole")
    assert [done.failure for done in run_here(study, whole, lambda *_: None)] == [None] * 2
    for end, trained in ((kill_all, None), (kill_alone, out / "runs")):
        process = started(short)
        found = workers(process, trained)
        end(process)
        process.wait()
        psutil.wait_procs(found, timeout=20)
    assert started(short).wait(300) == 0
    table = make_table(study, StudyFolder(out))
    assert not table.missing
    assert table.facts() == make_table(study, whole).facts()


def test_a_process_that_is_killed_takes_no_other_with_it(short, judge, tmp_path) -> None:
    study, places = read_study(short, {"judge": str(judge)}), StudyFolder(tmp_path / "out")
    walk = run_in_processes(study, places, jobs=1)
    start = running._Worker.start
    killed = []

    def kill_the_first(*arguments):
        worker = start(*arguments)
        if not killed:
            killed.append(worker.name)
            worker.process.kill()
        return worker

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running._Worker, "start", kill_the_first)
        first, second = walk
    assert (first.name, second.failure) == (killed[0], None)
    assert "was killed, perhaps for want of memory" in first.failure
