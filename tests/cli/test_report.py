"""`jinc report`: a page of a run or a study, and what is made for it first."""

import json
import shutil

import pytest

FEW = ("--steps", 2, "--device", "cpu")


def test_a_run_and_what_is_missing_of_it(jinc, trained_copy) -> None:
    said = jinc("report", trained_copy)
    assert said.code == 0, said
    assert said.out.startswith(f"report: {trained_copy / 'report.html'}, ")
    assert said.out.endswith(" kB\n")
    page = (trained_copy / "report.html").read_text()
    assert "<title>copy – jinc run</title>" in page
    assert f"jinc report {trained_copy} --samples 400" in page
    assert 'id="spectrum"' not in page


def test_images_are_made_once_and_shared_with_evaluate(jinc, trained_copy, tmp_path) -> None:
    words = ("report", trained_copy, "--samples", 9, *FEW, "--out", tmp_path / "a.html")
    assert jinc(*words).code == 0
    (kept,) = (trained_copy / "images").iterdir()
    page = (tmp_path / "a.html").read_text()
    assert 'id="spectrum"' in page
    assert 'id="neighbours"' in page
    before = {file: file.stat().st_mtime_ns for file in kept.iterdir()}
    assert jinc(*words).code == 0
    assert {file: file.stat().st_mtime_ns for file in kept.iterdir()} == before
    # others are shown when they are asked for, though there are fewer
    assert jinc(*words, "--seed", 1).code == 0
    assert "seed 1" in (tmp_path / "a.html").read_text()


def test_probe_and_turning(jinc, trained_copy, monkeypatch) -> None:
    monkeypatch.setattr("jinc.cli.report.PROBED", 4)
    monkeypatch.setattr("jinc.cli.report.ANGLES", "-90:90:3")
    said = jinc("report", trained_copy, "--probe", "--rotate", "--no-real", *FEW)
    assert said.code == 0, said
    page = (trained_copy / "report.html").read_text()
    probe = json.loads((trained_copy / "probe" / "probe.json").read_text())
    assert f'<data value="{probe["sampling"]["eq_t"]["db"]}">' in page
    assert "Rotated during sampling" in page
    assert "the data were not read" in page


@pytest.mark.parametrize("kind", [("--noise-std", "0.5"), ("--upscale", "2")])
def test_runs_that_generate_nothing(jinc, tmp_path, tiny, kind) -> None:
    out = tmp_path / "run"
    network = ("--network", "cs180", "--image-size", "28") if "--noise-std" in kind else ()
    levels = tiny.index("--levels")  # that of CS180 has a depth of its own
    options = tiny[:levels] + tiny[levels + 2 :] if network else tiny
    assert jinc("train", "--out", out, *options, *network, *kind).code == 0
    said = jinc("report", out)
    assert said.code == 0, said
    assert "jinc evaluate" not in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere",), "nowhere: is neither a run nor a study"),
        (("RUN", "--samples", "-1"), "--samples: -1 is not at least 0"),
        (("RUN", "--results", "nowhere"), "--results: nowhere: no such folder"),
        (("RUN", "--out", "RUN"), "is a folder, a file is expected"),
        (("RUN", "--samples", "4", "--steps", "0"), "0"),
    ],
    ids=str,
)
def test_bad_input(jinc, trained_copy, words, says) -> None:
    said = jinc("report", *[trained_copy if word == "RUN" else word for word in words])
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not (trained_copy / "report.html").exists()


def test_a_run_without_checkpoints(jinc, trained_copy, tmp_path) -> None:
    (tmp_path / "new").mkdir()
    shutil.copy(trained_copy / "config.yaml", tmp_path / "new")
    said = jinc("report", tmp_path / "new")
    assert said.code == 2
    assert said.err == f"jinc: {tmp_path / 'new'}: has neither a log nor a model yet\n"
