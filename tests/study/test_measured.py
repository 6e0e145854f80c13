"""Networks of a study are measured beside their scores, before or after these are there."""

import json
import math
from statistics import fmean

import pytest
import torch
import yaml

from jinc.data import load_images
from jinc.diffusion import SeededNoise, forward
from jinc.errors import JincError
from jinc.models import SamplingPlan
from jinc.report.pages import study_page
from jinc.study import StudyFolder, check_study, make_table, read_study, run_here
from jinc.study.measured import DRAWS, EQUIVARIANCE, measure, network_calls
from jinc.train import Run, augmented, evenly_spaced


@pytest.fixture
def measured(file, judge, tmp_path):
    """Read the study of one seed, to be measured on some images."""

    def read(**settings):
        found = yaml.safe_load(file.read_text())
        found |= {"seeds": [0], "equivariance": {"steps": 2, **settings}}
        (tmp_path / "measured.yaml").write_text(yaml.safe_dump(found, sort_keys=False))
        return read_study(tmp_path / "measured.yaml", {"judge": str(judge)})

    return read


def filled(study, folder) -> None:
    assert [done.failure for done in run_here(study, folder, lambda *_: None)] == [None] * 2


def test_finished_cells_are_measured_without_training_and_sampling(
    measured, copied, judge, tmp_path, jinc, monkeypatch
) -> None:
    copied(tmp_path / "out", 1)
    study, folder = measured(number=4), StudyFolder(tmp_path / "out")
    before = {f: f.read_bytes() for f in folder.path.rglob("*") if f.is_file()}
    assert len(make_table(study, folder).missing) == 3
    filled(study, folder)
    changed = {f.name for f, old in before.items() if f.read_bytes() != old}
    assert changed <= {"scores.json", ".jinc.lock"}
    for cell in study.cells:
        facts = json.loads(folder.scores(cell).read_text())
        figures = facts.pop("equivariance")["figures"]
        assert facts == json.loads(before[folder.scores(cell)])
        for figure in figures.values():
            assert math.isfinite(figure["value"])
            assert (figure["floor"] is None) == (figure["group"] != EQUIVARIANCE)
    table = make_table(study, folder)
    assert (table.missing, folder.open_units(study)) == ((), [])
    tables = table.markdown()
    assert "digits: equivariance, dB\n" in tables
    assert tables.count("| floor | ") == 1
    assert "EQ-R" in study_page_of(table, folder)
    monkeypatch.setenv("COLUMNS", "80")
    words = ("study", "run", tmp_path / "measured.yaml", "--out", folder.path)
    _, shown, _ = jinc(*words, "--place", f"judge={judge}")
    assert max(map(len, shown.splitlines())) <= 80
    assert "½ px, 0.3 T ↑" in shown
    again = measured(number=5)
    assert len(folder.open_units(again)) == 2
    assert {column.group for column in make_table(again, folder).columns} == {""}


def study_page_of(table, folder) -> str:
    table.write(folder)
    return study_page(folder.path)


@pytest.mark.parametrize("kinds", [(), ("spin",)])
def test_errors_are_those_of_the_network(finished, kinds) -> None:
    """Of a network that predicts ε; and an exactly equivariant denoiser follows better."""
    model = Run.open(next(finished.glob("runs/*"))).model()
    images = load_images("digits", split="all", image_size=8)
    plan, calls = SamplingPlan(number=8, steps=2, seed=3), list[int]()
    counting = model.network.register_forward_pre_hook(lambda _, x: calls.append(len(x[0])))
    found = dict(measure(model, images, kinds, plan))
    counting.remove()
    assert sum(calls) == network_calls(plan, 10)
    x0 = torch.cat([*augmented(images, evenly_spaced(len(images), DRAWS), kinds, 3)])
    eps, t = SeededNoise(3, range(DRAWS))(x0), torch.linspace(0, 9, DRAWS).long()
    with torch.no_grad():
        difference = model.network(forward(model.schedule, x0, t, eps), t) - eps
    assert found["eps_error"].value == pytest.approx(float(difference.square().mean()), rel=1e-4)
    quarters = {}
    for of in ("eps", "x0"):
        quarters[of] = [found[f"{of}_error_{k}"].value for k in range(1, 5)]
    assert quarters["x0"] == sorted(quarters["x0"])
    assert fmean(quarters["eps"]) == pytest.approx(found["eps_error"].value)
    for figure in found.values():
        assert figure.floor is None or figure.floor > figure.value


def test_more_images_than_there_are(measured, copied, tmp_path) -> None:
    copied(tmp_path / "out", 1)
    says = "^digits A: equivariance: number: 1,798 images are too many; digits has 1,797$"
    with pytest.raises(JincError, match=says):
        check_study(measured(number=1798), StudyFolder(tmp_path / "out"))
