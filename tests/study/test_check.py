"""What is wrong with a study is told before any of it is trained."""

import shutil

import pytest
import torch
import yaml

from jinc.errors import JincError
from jinc.metrics import DigitClassifier, save_digit_classifier
from jinc.study import StudyFolder, check, check_study, make_table, read_study, run_here


@pytest.fixture
def own_judge(judge, tmp_path):
    """The same, to be changed: it is restored afterwards."""
    kept = shutil.copytree(judge, tmp_path / "kept")
    yield judge
    shutil.rmtree(judge, ignore_errors=True)
    shutil.copytree(kept, judge)


@pytest.fixture
def of(file, judge, tmp_path):
    """Read the study with some settings changed."""

    def make(**changed):
        found = {**yaml.safe_load(file.read_text()), **changed}
        (tmp_path / "changed.yaml").write_text(yaml.safe_dump(found))
        return read_study(tmp_path / "changed.yaml", {"judge": str(judge)})

    return make


DATA = {"score": {"features": "$judge", "split": "all"}}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"data": {"gone": {"data": "gone", **DATA}}}, "gone A: gone"),
        ({"data": {"d": {"data": "digits", "score": {"features": "gone"}}}}, "d A: gone"),
        (
            {"data": {"d": {"data": "digits", "score": {"features": "$judge", "against": "gone"}}}},
            "d A: gone",
        ),
        ({"variants": {"A": {"config": "A"}, "w": {"width": -4}}}, "digits w: width: -4"),
        ({"variants": {"A": {"config": "A"}, "l": {"levels": 9}}}, "digits l: "),
    ],
    ids=["data", "judge", "real images", "width", "levels"],
)
def test_errors_name_the_cell(of, tmp_path, changed, says) -> None:
    with pytest.raises(JincError, match=says):
        check_study(of(**changed), StudyFolder(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_variants_that_cannot_be_held_against_the_same_images(of, tmp_path) -> None:
    variants = {"A": {}, "as A": {"image_size": 8, "width": 8}, "B": {"image_size": 4}}
    says = "^digits B: would be scored against other real images than A; all variants of a data set"
    with pytest.raises(JincError, match=says):
        check_study(of(variants=variants), StudyFolder(tmp_path / "out"))
    del variants["B"]
    check_study(of(variants=variants), StudyFolder(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_everything_is_opened_once(of, tmp_path, monkeypatch) -> None:
    calls = []
    for name in ("load_data", "check_settings", "open_extractor", "real_images"):
        real = getattr(check, name)
        monkeypatch.setattr(check, name, _recorded(calls, name, real))
    check_study(of(seeds=[0, 1, 2]), StudyFolder(tmp_path / "out"))
    assert sorted(calls) == ["check_settings"] * 2 + ["load_data", "open_extractor", "real_images"]


def test_what_is_done_needs_nothing_any_more(of, own_judge, copied, tmp_path) -> None:
    copied(tmp_path / "out", 1)
    places, study = StudyFolder(tmp_path / "out"), of(seeds=[0])
    assert places.open_units(study) == []
    shutil.rmtree(own_judge)
    check_study(study, places)


def test_a_judge_that_was_trained_again(of, own_judge, copied, tmp_path) -> None:
    """A cell that is scored again is never put beside those of the judge that was there before."""
    copied(tmp_path / "out", 1)
    places, study = StudyFolder(tmp_path / "out"), of(seeds=[0])
    torch.manual_seed(1)
    save_digit_classifier(own_judge, DigitClassifier(), "mnist", {})
    check_study(study, places)  # nothing is to be scored
    places.scores(study.cells[0]).unlink()
    with pytest.raises(JincError, match=r"digits A: .*but this would be by .*run the study again"):
        check_study(study, places)
    for cell in study.cells[1:]:
        places.scores(cell).unlink()
    check_study(study, places)
    assert [done.failure for done in run_here(study, places, lambda *_: None)] == [None] * 2
    assert make_table(study, places).missing == ()


def _recorded(calls: list[str], name: str, real):
    def called(*words, **options):
        calls.append(name)
        return real(*words, **options)

    return called
