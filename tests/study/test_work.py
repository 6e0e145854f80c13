"""A study is filled, whatever happens on the way, and always with the same figures."""

import fcntl
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from jinc.locks import LOCK
from jinc.study import StudyFolder, make_table, read_study, run_here


def nobody(what: str, done: int, total: int) -> None:
    pass


def figures(study, places) -> dict:
    table = make_table(study, places)
    assert not table.missing
    return table.facts()


@pytest.fixture
def study(file, judge):
    return read_study(file, {"judge": str(judge)})


@pytest.fixture
def whole(study, copied, tmp_path) -> dict:
    """The table when nothing happens."""
    copied(tmp_path / "whole", 2)
    return figures(study, StudyFolder(tmp_path / "whole"))


def test_every_cell_gets_its_scores(study, whole, tmp_path) -> None:
    places = StudyFolder(tmp_path / "whole")
    assert places.open_units(study) == []
    for cell in study.cells:
        facts = json.loads(places.scores(cell).read_text())
        assert facts["generated"]["images"] == 20
        assert facts["real"]["images"] == 1797
        assert {*facts["scores"]} == {"frechet", "kernel"}
        assert facts["steps"] == 6
    shared = [places.run(cell) for cell in study.cells if cell.variant != "A"]
    assert len({*shared}) == 2
    by_variant = {
        (c.variant, c.seed): np.load(places.images(c) / "images-0000000.npy") for c in study.cells
    }
    assert not np.array_equal(by_variant["D", 0], by_variant["D, 4 steps", 0])
    assert not np.array_equal(by_variant["D", 0], by_variant["D", 1])


@pytest.mark.slow
def test_killed_and_killed_again(study, file, judge, whole, tmp_path, monkeypatch) -> None:
    """As a person would do it: the same command until it ends."""
    out = tmp_path / "killed"
    words = ["study", "run", file, "--out", out, "--place", f"judge={judge}"]
    command = [sys.executable, "-m", "jinc", *map(str, words)]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as here
    rng, kills = np.random.default_rng(0), 0
    while kills < 10:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(2.0, 4.5))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    subprocess.run(command, check=True, capture_output=True)
    assert kills >= 2
    assert figures(study, StudyFolder(out)) == whole


def test_what_another_process_is_at_is_left_to_it(study, whole, tmp_path) -> None:
    places = StudyFolder(tmp_path / "whole")
    lost = study.cells[0]
    places.scores(lost).unlink()
    run = places.run(lost)
    with (run / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (done,) = run_here(study, places, nobody)
    assert (done.name, done.failure, done.taken) == (lost.name, None, True)
    (done,) = run_here(study, places, nobody)
    assert not done.taken
    assert figures(study, places) == whole


def test_what_is_there_is_left_alone(study, whole, tmp_path) -> None:
    places = StudyFolder(tmp_path / "whole")
    lost, kept = study.cells[1], study.cells[0]
    before = places.scores(kept).stat().st_mtime_ns
    places.scores(lost).unlink()
    assert len(places.open_units(study)) == 1
    assert [done.failure for done in run_here(study, places, nobody)] == [None]
    assert places.scores(kept).stat().st_mtime_ns == before
    assert figures(study, places) == whole


def test_a_folder_of_another_study(study, whole, file, judge, tmp_path) -> None:
    places = StudyFolder(tmp_path / "whole")
    images = places.images(study.cells[0])
    (images / "images.json").write_text('{"run": "another"}')
    places.scores(study.cells[0]).unlink()
    (done,) = run_here(study, places, nobody)
    assert "holds images of other settings" in done.failure


def test_what_fails_does_not_stop_the_rest(study, whole, tmp_path) -> None:
    """Also when the failure is met first, and whatever it is."""
    places = StudyFolder(tmp_path / "failing")
    first = study.units()[0]
    places.run(first[0]).mkdir(parents=True)
    (places.run(first[0]) / "config.yaml").write_text("width: many")
    failed, *others = run_here(study, places, nobody)
    assert failed.name == first[0].name
    assert "width" in failed.failure
    assert [done.failure for done in others] == [None] * 3
    table = make_table(study, places)
    assert [*table.missing] == [first[0].name]


def test_a_file_where_a_folder_is_to_be_does_not_stop_the_rest(study, tmp_path) -> None:
    places = StudyFolder(tmp_path / "out")
    places.path.mkdir()
    (places.path / "runs").touch()
    failures = [done.failure for done in run_here(study, places, lambda *_: None)]
    assert len(failures) == len(study.units())
    assert all("Not a directory" in told and "\n" not in told for told in failures)


def test_a_study_that_moves_keeps_its_networks(file, judge, tmp_path, monkeypatch) -> None:
    """Whatever data sets are called by, and whatever machine it goes on on."""
    found = yaml.safe_load(file.read_text())
    found["data"]["digits"]["data"] = "$set"
    file.write_text(yaml.safe_dump(found))
    monkeypatch.chdir(judge.parent)
    names = set()
    for place, device in (("judge", "cpu"), ("./judge", "auto"), (str(judge), "cpu")):
        found["train"]["device"] = device
        file.write_text(yaml.safe_dump(found))
        read = read_study(file, {"judge": place, "set": f"{place}/images"})
        names |= {(cell.run_name, cell.scoring.features) for cell in read.cells}
    assert len(names) == 4


def test_impossible_scores_are_reported_before_training(file, judge, tmp_path) -> None:
    found = yaml.safe_load(file.read_text())
    found["scores"] = ["frechet", "frechet_unlimited"]  # of 64 numbers, by 20 images
    file.write_text(yaml.safe_dump(found))
    places = StudyFolder(tmp_path / "early")
    study = read_study(file, {"judge": str(judge)})
    for done in run_here(study, places, nobody):
        assert "frechet_unlimited: 20 generated images are too few" in done.failure
    assert not any(places.run(cell).exists() for cell in study.cells)
