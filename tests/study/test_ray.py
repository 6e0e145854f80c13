"""A study on Ray: what is asked of the cluster, and the same table from it."""

import os
import sys
from types import SimpleNamespace

import pytest
import torch
import yaml

from jinc.errors import JincError
from jinc.study import StudyFolder, make_table, read_study, run_here, run_on_ray
from jinc.study import run as running


class Handle:
    """A task that is done when somebody waits for it."""

    def __init__(self, task, given) -> None:
        self.task, self.given = task, given


class PretendedRay:
    """Ray in this process, with so many GPUs."""

    exceptions = SimpleNamespace(RayError=type("RayError", (Exception,), {}))

    def __init__(self, gpus: float = 0.0) -> None:
        self.gpus = gpus
        self.asked: dict = {}
        self.said: list[str] = []

    def init(self, address, log_to_driver) -> None:
        self.said.append(f"init {address}")

    def cluster_resources(self):
        return {"CPU": 2.0} | ({"GPU": self.gpus} if self.gpus else {})

    def remote(self, **asked):
        self.asked = asked
        return lambda task: SimpleNamespace(remote=lambda *given: Handle(task, given))

    def wait(self, waiting):
        return waiting[-1:], waiting[:-1]

    def get(self, handle):
        return handle.task(*handle.given)

    def shutdown(self) -> None:
        self.said.append("shutdown")


@pytest.fixture
def short(file, judge, copied, tmp_path):
    """A study of two trained networks and three cells without scores, in `out`."""
    copied(tmp_path / "out", 1)
    for scores in (tmp_path / "out").rglob("scores.json"):
        scores.unlink()
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "seeds": [0]}))
    return read_study(file, {"judge": str(judge)})


@pytest.fixture
def ray(monkeypatch):
    def pretend(gpus: float = 0.0) -> PretendedRay:
        found = PretendedRay(gpus)
        monkeypatch.setitem(sys.modules, "ray", found)
        return found

    return pretend


def test_every_network_is_a_task(short, ray, tmp_path) -> None:
    cluster, places = ray(), StudyFolder(tmp_path / "out")
    done = [*run_on_ray(short, places, "10.0.0.1:6379")]
    assert [each.failure for each in done] == [None, None]
    assert {each.name for each in done} == {"digits A 0", "digits D 0"}
    assert cluster.said == ["init 10.0.0.1:6379", "shutdown"]
    assert not make_table(short, places).missing
    assert [*run_on_ray(short, places, "local")] == []
    assert cluster.said[2:] == ["init None", "shutdown"]


@pytest.mark.parametrize(
    ("there", "asked", "each"), [(0, None, 0.0), (8, None, 1.0), (0.5, None, 0.5), (2, 0.25, 0.25)]
)
def test_what_part_of_a_gpu_a_network_takes(short, ray, tmp_path, there, asked, each) -> None:
    cluster = ray(there)
    walk = run_on_ray(short, StudyFolder(tmp_path / "out"), "local", asked)
    next(walk)
    walk.close()
    assert cluster.asked == {"num_gpus": each, "max_retries": 3}
    assert cluster.said[-1] == "shutdown"


def test_more_than_there_is_would_be_waited_for(short, ray, tmp_path) -> None:
    cluster = ray(0)
    with pytest.raises(JincError, match=r"^--gpus: 0\.5 per network, but the cluster has 0 in"):
        next(run_on_ray(short, StudyFolder(tmp_path / "new"), "local", 0.5))
    assert cluster.said[-1] == "shutdown"
    assert not (tmp_path / "new").exists()


def test_a_machine_that_fails_stops_nothing_else(short, ray, tmp_path, monkeypatch) -> None:
    cluster, places = ray(), StudyFolder(tmp_path / "out")
    filled = running.fill_silently

    def fails(unit, folder):
        if unit[0].variant == "A":
            raise cluster.exceptions.RayError("worker died\nin several lines")
        return filled(unit, folder)

    monkeypatch.setattr(running, "fill_silently", fails)
    found = {done.name: done.failure for done in run_on_ray(short, places, "local")}
    assert found["digits D 0"] is None
    assert found["digits A 0"].startswith("worker died")
    assert "\n" not in found["digits A 0"]
    assert make_table(short, places).missing == ("digits A 0",)


def test_without_ray_it_is_said_what_to_install(short, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(JincError, match=r"^--ray: needs pip install 'jinc\[study\]'$"):
        next(run_on_ray(short, StudyFolder(tmp_path / "out"), "local"))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_real_one_fills_the_same_table(short, tmp_path, monkeypatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    here, there = StudyFolder(tmp_path / "here"), StudyFolder(tmp_path / "there")
    assert [done.failure for done in run_here(short, here, lambda *_: None)] == [None] * 2
    assert [done.failure for done in run_on_ray(short, there, "local")] == [None] * 2
    for one, other in zip(
        make_table(short, here).columns, make_table(short, there).columns, strict=True
    ):
        for variant, entry in one.entries.items():
            assert other.entries[variant].score.mean == pytest.approx(entry.score.mean, rel=1e-4)
    assert torch.get_num_threads() == 1
