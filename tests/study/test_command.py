"""`jinc study`: what it was given is kept, and what is there is never lost by a wrong word."""

import fcntl
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from jinc.locks import LOCK
from jinc.metrics import DigitClassifier, save_digit_classifier
from jinc.report.pages.provenance import study_command
from jinc.study import StudyFolder, read_study


@pytest.fixture
def out(file, judge, jinc, copied, tmp_path) -> Path:
    """A folder that the study was run in."""
    copied(tmp_path / "out", 1)
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "seeds": [0]}))
    code, _, told = jinc("study", "run", file, "--out", tmp_path / "out", "--place", at(judge))
    assert code == 0, told
    return tmp_path / "out"


def at(judge: Path) -> str:
    return f"judge={judge}"


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_wrong_place_changes_nothing(jinc, file, out, tmp_path) -> None:
    torch.manual_seed(1)
    save_digit_classifier(tmp_path / "other", DigitClassifier(), "mnist", {})
    before = snapshot(out)
    lost = "its table has 3 cells by data or feature networks at other"
    none = f"--place jugde: {file} has no $jugde; did you mean judge?"
    for command, place, says in (
        ("run", "judge=gone", "digits A: gone: "),
        ("table", "judge=gone", lost),
        ("run", at(tmp_path / "other"), lost),
        ("table", at(tmp_path / "other"), lost),
        ("run", "jugde=x", none),
        ("table", "jugde=x", none),
    ):
        code, shown, told = jinc("study", command, file, "--out", out, "--place", place)
        assert (code, shown, told.count("\n")) == (2, "", 1)
        assert says in told
        assert snapshot(out) == before


def test_a_wrong_place_makes_nothing(jinc, file, tmp_path) -> None:
    code, _, told = jinc("study", "run", file, "--out", tmp_path / "out", "--place", "judge=gone")
    assert (code, told) == (2, "jinc: digits A: gone: No such file or directory\n")
    assert not (tmp_path / "out").exists()


def test_the_same_command_goes_on_without_places(jinc, file, out, judge, monkeypatch) -> None:
    """Also that of the page, from elsewhere."""
    study = read_study(file, {"judge": str(judge)})
    scores = StudyFolder(out).scores(study.cells[0])
    before = (out / "table.json").read_bytes()
    scores.unlink()
    assert jinc("study", "run", file, "--out", out)[0] == 0
    assert (out / "table.json").read_bytes() == before
    scores.unlink()
    monkeypatch.chdir(out)
    places = json.loads((out / "places.json").read_text())
    words = shlex.split(" ".join(study_command(str(file), out, places)))
    assert jinc(*words[1:])[0] == 0
    assert (out / "table.json").read_bytes() == before


def test_the_table_is_written_again(jinc, file, out, judge, tmp_path) -> None:
    before = snapshot(out)
    for name in ("table.json", "table.md", "places.json"):  # as a folder of an older jinc
        (out / name).unlink()
    code, shown, _ = jinc("study", "table", file, "--out", out, "--place", at(judge))
    assert code == 0
    assert "digits, all; features: mnist-classifier, 64" in " ".join(shown.split())
    assert snapshot(out) == before
    # that of another study is shown, and not put in the place of it
    other = shutil.copy(file, tmp_path / "other.yaml")
    found = {**yaml.safe_load(file.read_text()), "seeds": [0, 1]}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(found))
    code, _, told = jinc("study", "table", other, "--out", out)
    assert (code, "differs from" in told) == (0, True)
    assert snapshot(out) == before


def test_work_of_another_process_is_reported(jinc, file, out, judge) -> None:
    study = read_study(file, {"judge": str(judge)})
    cell, places = study.cells[0], StudyFolder(out)
    places.scores(cell).unlink()
    run = places.run(cell)
    with (run / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, told = jinc("study", "run", file, "--out", out)
    assert code == 2
    assert "another process is still running 1 network, such as digits A 0;" in told
    assert jinc("study", "run", file, "--out", out)[0] == 0


def test_a_terminal_of_80_columns(jinc, file, out, judge, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    study = read_study(file, {"judge": str(judge)})
    kinds = ("frechet", "kernel", "precision", "recall", "density", "coverage")
    for cell in study.cells:
        scores = StudyFolder(out).scores(cell)
        facts = json.loads(scores.read_text())
        one = facts["scores"]["frechet"]
        facts["scores"] = {k: one | {"name": f"{k} distance (mnist-classifier)"} for k in kinds}
        scores.write_text(json.dumps(facts))
    _, shown, _ = jinc("study", "table", file, "--out", out)
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    for kind in kinds:
        assert f" {kind} distance ↓ " in shown
    assert shown.count("mnist-classifier") == 1


def test_a_plan_needs_no_judge(jinc, file) -> None:
    code, shown, _ = jinc("study", "plan", file, "--tflops", "1e-10")
    assert code == 0
    assert "e+" not in shown
    code, shown, _ = jinc("study", "plan", file, "--tflops", "1e-10", "--json")
    assert json.loads(shown)["hours"] > 100


def test_its_page_probes_and_turns_what_was_not(jinc, out, monkeypatch) -> None:
    monkeypatch.setattr("jinc.cli.report.PROBED", 4)
    monkeypatch.setattr("jinc.cli.report.ANGLES", "-90:90:3")
    asked = ("report", out, "--probe", "--rotate", "--steps", 2)
    code, shown, told = jinc(*asked)
    assert code == 0, told
    assert (
        shown.count(": measuring") == shown.count(": rotating") == 2
    )  # the third shares a network
    page = (out / "report.html").read_text()
    (gathered,) = json.loads((out / "equivariance.json").read_text())
    assert {each["kind"] for each in gathered["columns"]} == {*gathered["floors"]}
    assert {*gathered["columns"][0]["entries"]} == {"A", "D"}
    assert {"equivariance", "filters", "spectra", "neighbours"} <= {*re.findall('id="(.*?)"', page)}
    assert page.count("data:image/webp") >= 2
    code, shown, _ = jinc(*asked)
    assert (code, "measuring" in shown, "rotating" in shown) == (0, False, False)
    for run in (out / "runs").glob("*/"):
        shutil.rmtree(run)
    code, _, told = jinc(*asked)
    assert (code, told.count("\n")) == (2, 1)
    assert "need its runs, which were deleted" in told
    code, _, told = jinc("report", out, "--samples", "9")
    assert (code, told) == (2, f"jinc: {out}: is a study; --samples is for runs\n")


def test_a_run_is_no_study_and_another_study_is_refused(jinc, file, out, judge, tmp_path) -> None:
    (run,) = [path.parent for path in (out / "runs").glob("*/config.yaml")][:1]
    before = snapshot(run)
    code, _, told = jinc("study", "run", file, "--out", run, "--place", at(judge))
    assert (code, told) == (2, f"jinc: --out: {run}: is a training run, not a study\n")
    assert snapshot(run) == before
    other = tmp_path / "other.yaml"
    other.write_text(file.read_text())
    code, _, told = jinc("study", "run", other, "--out", out, "--place", at(judge))
    assert code == 0
    assert f"note: other replaces the table of tiny in {out}" in told
