"""What the page of a study says beside scores: moves, filters, spectra, copies."""

import hashlib
import json
import re
import shutil
from dataclasses import replace

import pytest
import torch

from jinc.data import ImageSet, to_float
from jinc.errors import JincError
from jinc.report.neighbours import neighbour_table
from jinc.report.pages import RealImages, networks, probe_of, study_cells, study_page
from jinc.report.pages.cells import grouped
from jinc.report.pages.probes import study_probe_sections
from jinc.report.pages.score_charts import score_tables
from jinc.report.pages.study import TABLE

SCORES = {"A": [15.0, 16.1, 14.2], "D": [12.3, 13.5, 11.6]}
EQ_T = {"A": [20.0, 21.0, 22.5], "D": [25.0, 25.5, 28.0]}


@pytest.fixture
def cells(study):
    return study_cells(study(SCORES))


@pytest.fixture
def made(cells) -> ImageSet:
    """What every cell has generated: the same images."""
    return cells[0].generated.images()


def probes(cells, eq_t=EQ_T, **changed) -> None:
    for cell in networks(cells):
        db = eq_t[cell.variant][cell.seed]
        facts = {
            **{"data": "20 images of digits", "number": 20, "sampler": "ddim", "eta": 0.0},
            **{"steps": 5, "seed": 0, "invariant_under": [], "made_with": {"sampler": "ddim"}},
            "sampling": {"eq_t": {"db": db, "floor_db": 140.0}},
            "network": {
                "half_pixel": [
                    {"t": 1, "x0_db": db + 1, "x0_floor_db": 60.0},
                    {"t": 5, "x0_db": db + 3, "x0_floor_db": 64.0},
                ]
            },
            **changed,
        }
        (cell.run.path / "probe").mkdir()
        (cell.run.path / "probe" / "probe.json").write_text(json.dumps(facts))


def test_equivariance_is_compared_by_seed(cells) -> None:
    probes(cells)
    (found,) = study_probe_sections(cells, "A")
    heads = ("EQ-T, shifts by whole pixels, dB", "predicted images, half a pixel, dB")
    assert found.tables[0].heads == tuple((name, False) for name in heads)  # higher is better
    (base, (_, half_base)), (variant, (eq_t, half)) = found.tables[0].rows
    assert (base, variant, eq_t.tone, half.tone) == ("A", "D", "better", "better")
    assert eq_t.difference[0].value == pytest.approx((5 + 4.5 + 5.5) / 3)
    assert half.difference[0].value == pytest.approx(5.0)
    assert half_base.score[0].value == pytest.approx(sum(EQ_T["A"]) / 3 + 2)  # the mean over levels
    assert found.floors == "EQ-T, shifts by whole pixels 140; predicted images, half a pixel 62.0"


def test_equivariance_is_on_the_page(study, taken_apart) -> None:
    folder = study(SCORES)
    assert "jinc report" in taken_apart(study_page(folder)).section("missing")
    probes(study_cells(folder))
    page = taken_apart(study_page(folder))
    assert "better" in page.section("equivariance")
    assert {5.0, (25.0 + 25.5 + 28.0) / 3} <= page.values
    assert "EQ-T, shifts by whole pixels, dB ↑" in page.text
    assert "equivariance: not measured" not in page.text
    assert page.misshown() == []


def test_probes_with_different_settings_are_an_error(cells) -> None:
    probes(cells)
    file = networks(cells)[-1].run.path / "probe" / "probe.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"steps": 50}))
    with pytest.raises(JincError, match="D 2 and A 0 were probed with different settings"):
        study_probe_sections(cells, "A")


def test_probes_of_earlier_weights_are_ignored(cells) -> None:
    probes(cells, made_with={"weights": hashlib.sha256(b"mine").hexdigest()})
    run = networks(cells)[0].run
    (run.path / "model").mkdir()
    (run.path / "model" / "model.safetensors").write_bytes(b"mine")
    assert probe_of(run)["number"] == 20
    (run.path / "model" / "model.safetensors").write_bytes(b"others")
    assert probe_of(run) is None


def test_cells_of_one_network_are_one_network(study) -> None:
    variants = {"A": {"config": "A"}, "D": {"config": "A", "sample": {"steps": 3}}}
    found = networks(study_cells(study(SCORES, variants=variants)))
    assert [(cell.variant, cell.seed) for cell in found] == [("A", 0), ("A", 1), ("A", 2)]


def test_one_animation_for_each_variant(cells, study, taken_apart) -> None:
    from jinc.data import image_grid, save_animation

    frames = [image_grid(torch.rand(2, 1, 8, 8) * 2 - 1, scale=4) for _ in range(3)]
    for cell in networks(cells):
        save_animation(cell.run.path / "rotation" / "turns.webp", frames)
    section = taken_apart(study_page(study(SCORES))).section("equivariance")
    assert re.findall("<figcaption>(.*?)</figcaption>", section) == [
        "digits, A, seed 0",
        "digits, D, seed 0",
    ]


def test_filters_of_all_configurations(study, taken_apart) -> None:
    section = taken_apart(study_page(study(SCORES | {"E": SCORES["D"]}))).section("filters")
    assert section.count("<h3>") == 3
    assert "The baseline has no filter" in section
    assert ("6 × 6 taps" in section, "12 × 12 taps" in section) == (True, True)


def test_copies_are_found(cells, made) -> None:
    pixels = 255 - made.batch(range(20))
    other = ImageSet(pixels.permute(0, 2, 3, 1).numpy(), None, (), "others")
    x0 = to_float(made.batch(range(4)))
    real = RealImages(x0, "some", train=made, trained=20, unseen=other)
    images = grouped(cells, lambda cell: cell.read)["digits"]
    found = neighbour_table(images, real)
    assert [each.variant for each in found.rows] == ["A", "D"]
    for each in found.rows:
        assert each.median[0].value == pytest.approx(0, abs=1e-6)
        assert each.too_near[0].value == 100
    assert found.usual.value > 0.1
    assert (found.among, found.trained, found.unseen) == (20, 20, 20)
    none = replace(real, train=other, unseen=other.subset(range(10)))
    found = neighbour_table(images, none)
    assert found.rows[0].median[0].value > 0.1
    assert found.usual.value == pytest.approx(0, abs=1e-6)
    assert found.rows[0].too_near[0].value == 0


def test_real_images_are_on_the_page_or_why_not(study, made, taken_apart) -> None:
    folder = study(SCORES)
    real = RealImages(to_float(made.batch(range(8))), "some", made, 20)
    page = taken_apart(study_page(folder, real={"digits": real}))
    assert {"spectra", "neighbours"} <= {a["id"] for a in page.of("section")}
    assert page.misshown() == []
    page = taken_apart(study_page(folder, real={"digits": JincError("digits: burnt")}))
    assert "real images of digits: digits: burnt" in page.text
    assert "spectra: the data were not read" in taken_apart(study_page(folder)).text


def test_deleted_runs_are_a_reason(study, taken_apart) -> None:
    folder = study(SCORES)
    shutil.rmtree(folder / "runs")
    missing = taken_apart(study_page(folder)).section("missing")
    assert "equivariance: the runs were deleted" in missing
    assert (folder / TABLE).is_file()


def test_images_of_another_size_are_a_reason(study, made, taken_apart) -> None:
    real = RealImages(torch.zeros(4, 1, 16, 16), "some")
    page = taken_apart(study_page(study(SCORES), real={"digits": real}))
    assert re.search("spectra: .*cells/digits A.* 8×8 pixels, real ones of 16×16", page.text)


def test_a_malformed_probe_is_an_error(cells) -> None:
    probes(cells, network=5)
    with pytest.raises(JincError, match=r"runs/digits.*: its probe\.json is not what jinc probe"):
        study_probe_sections(cells, "A")


def test_many_scores_are_several_tables() -> None:
    entry = {"score": {"mean": 1.0, "error": None}, "difference": None, "better": None}
    columns = [
        {"data": "d", "name": f"score {k}", "lower_is_better": True, "entries": {"A": entry}}
        for k in range(6)
    ]
    found = score_tables(columns)
    assert [(each.data, len(each.heads)) for each in found] == [("d", 4), ("d, continued", 2)]
    assert [name for each in found for name, _ in each.heads] == [c["name"] for c in columns]
